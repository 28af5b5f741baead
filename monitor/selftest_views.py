"""What a snapshot says of the self-test: which faults would be noticed, and from how severe on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SelfTestView:
    """One fault in one field, as it was tested last: in the window that ended at `at_ms`.

    `smallest` is the least severity of the ladder that was noticed; None where not even the worst one was.
    """

    fault: str
    field: str
    at_ms: int
    smallest: float | None
