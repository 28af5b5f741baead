"""What a decoder makes of a fetch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.types import Batch, IntArray


@dataclass(frozen=True, eq=False)
class Rejects:
    """Records of a fetch that are no rows: their index in the fetch and the reason of each."""

    index: IntArray
    reasons: Sequence[str]

    def __len__(self) -> int:
        """Return the number of rejects."""
        return len(self.index)


@dataclass(frozen=True, eq=False)
class Decoded:
    """What a decoder made of a fetch: records = rows + rejects + filtered, none twice, none lost.

    `unknown_offsets` holds, as far as the decoder knows it, the ascending offsets of records with an unknown field.
    """

    batch: Batch
    rejects: Rejects
    filtered: int = 0
    unknown_fields: tuple[str, ...] = ()
    unknown_offsets: Mapping[str, IntArray] = field(default_factory=dict)
