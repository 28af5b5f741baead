"""Pairing the rows of two streams by key and time: an array of waiting rows a side, no row looked at in Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.types import FloatArray, IntArray, MaskArray

KeyArray = NDArray[np.uint64]
_ODD = np.uint64(0x9E3779B97F4A7C15)
_PASSES = 8


@dataclass(frozen=True, eq=False)
class Waiting:
    """Rows of one side that have no partner yet: key hashes (n), event times (n), compared values (n x fields).

    A compared value is the number itself or, of a text, the first 52 bits of its hash; NaN where there is none.
    """

    keys: KeyArray
    times_ms: IntArray
    values: FloatArray

    @classmethod
    def none(cls, fields: int) -> Waiting:
        """Return no rows with so many compared fields."""
        return cls(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros((0, fields)))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.keys)

    def take(self, rows: NDArray[np.bool_] | IntArray) -> Waiting:
        """Return those rows only, in that order."""
        return Waiting(self.keys[rows], self.times_ms[rows], self.values[rows])

    def plus(self, other: Waiting) -> Waiting:
        """Return these rows and then the other's."""
        return Waiting(
            np.concatenate((self.keys, other.keys)),
            np.concatenate((self.times_ms, other.times_ms)),
            np.concatenate((self.values, other.values)),
        )


def pairs(left: Waiting, right: Waiting, tolerance_ms: int) -> tuple[IntArray, IntArray]:
    """Return the rows of `left` and of `right` that belong together: equal keys, at most `tolerance_ms` apart.

    The n-th row of a key on one side is paired with the n-th of the other, in the order of event time. Where the first
    ones are too far apart the earlier of them is passed over and the rest are numbered anew, at most eight times.
    Cost: a sort of each side.
    """
    found: tuple[list[IntArray], list[IntArray]] = ([], [])
    mine, theirs = np.arange(len(left)), np.arange(len(right))
    for _ in range(_PASSES):
        a, b = _numbered(left, mine), _numbered(right, theirs)
        _, at_a, at_b = np.intersect1d(a.names, b.names, assume_unique=True, return_indices=True)
        rows, others = a.rows[at_a], b.rows[at_b]
        apart = left.times_ms[rows] - right.times_ms[others]
        near = np.abs(apart) <= tolerance_ms
        found[0].append(rows[near])
        found[1].append(others[near])
        over = ~near & a.first[at_a]
        if not over.any():
            break
        mine = np.setdiff1d(mine, np.concatenate((rows[near], rows[over & (apart < 0)])), assume_unique=True)
        theirs = np.setdiff1d(theirs, np.concatenate((others[near], others[over & (apart > 0)])), assume_unique=True)
    return np.concatenate(found[0]), np.concatenate(found[1])


class _Numbered(NamedTuple):
    """Rows by key and time, a hash of each one's key and number in its key, and which are the first of theirs."""

    rows: IntArray
    names: KeyArray
    first: MaskArray


def _numbered(side: Waiting, rows: IntArray) -> _Numbered:
    ordered = rows[np.lexsort((side.times_ms[rows], side.keys[rows]))]
    keys = side.keys[ordered]
    first: MaskArray = np.concatenate((np.ones(min(keys.size, 1), np.bool_), keys[1:] != keys[:-1]))
    starts = np.flatnonzero(first)
    numbers = np.arange(keys.size) - np.repeat(starts, np.diff(np.append(starts, keys.size)))
    return _Numbered(ordered, keys + numbers.astype(np.uint64) * _ODD, first)
