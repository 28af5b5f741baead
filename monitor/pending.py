"""Rows that wait to be folded: a few are as dear to fold as some thousand, so they wait until there are enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitor.types import Column, Groups, IntArray, MaskArray, TopicPartition

Masks = Sequence[tuple[MaskArray, MaskArray]]


_NOWHERE = (None, None)


@dataclass(frozen=True, eq=False)
class Rows:
    """Columns of `n` rows with their groups, the (failed, evaluated) masks of each row check, and where they lie."""

    columns: Mapping[str, Column]
    groups: Groups
    checks: Masks
    n: int
    origin: tuple[TopicPartition, IntArray] | None = None


class Pending:
    """Rows of one profile in the order in which they came, with what nobody needs any more not kept."""

    def __init__(self) -> None:
        """Start empty."""
        self._parts: list[Rows] = []
        self.rows = 0

    def fits(self, part: Rows) -> bool:
        """Return whether rows can be told apart from the others by their origin once they stand behind them."""
        return not self._parts or (part.origin or _NOWHERE)[0] == (self._parts[0].origin or _NOWHERE)[0]

    def add(self, part: Rows) -> None:
        """Put rows behind the others, which they must fit."""
        self._parts.append(part)
        self.rows += part.n

    def take(self) -> Rows:
        """Return all rows as one, and none from then on; there must be some."""
        parts, self._parts, self.rows = self._parts, [], 0
        if len(parts) == 1:
            return parts[0]
        groups = [part.groups for part in parts]
        codes = tuple(np.concatenate(each) for each in zip(*(found.codes for found in groups), strict=True))
        checks = [
            (np.concatenate([failed for failed, _ in each]), np.concatenate([evaluated for _, evaluated in each]))
            for each in zip(*(part.checks for part in parts), strict=True)
        ]
        origins = [part.origin for part in parts if part.origin is not None]
        return Rows(
            {path: concatenated([part.columns[path] for part in parts]) for path in parts[0].columns},
            Groups(groups[0].size, codes),
            checks,
            sum(part.n for part in parts),
            (origins[0][0], np.concatenate([offsets for _, offsets in origins])) if origins else None,
        )


def concatenated(columns: Sequence[Column]) -> Column:
    """Return columns of one kind below each other."""
    presence = np.concatenate([column.presence for column in columns])
    arrays = [column.values for column in columns]
    if isinstance(arrays[0], np.ndarray):
        return Column(np.concatenate(arrays), presence)
    return Column(pa.concat_arrays(arrays), presence)
