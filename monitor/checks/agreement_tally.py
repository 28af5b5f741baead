"""Counts of what pairs of ratings of one unit look like: whole numbers that add up and can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.checks.agreement_ratings import Ratings
from monitor.errors import StoreError
from monitor.protocols import State
from monitor.types import IntArray

MAX_ENTRIES = 100_000
"""So many different pairs are counted in a pane; with more, nothing of it is known."""
GROUP_BITS = 9
"""Units are in 512 groups, by the hash of their item; the bootstrap draws groups."""
_SHIFT = np.uint64(64 - GROUP_BITS)


@dataclass(frozen=True, eq=False)
class Counted:
    """How often each key occurs: keys int64 (n x width), in order and different, and counts int64 (n), none 0.

    `full`: there were more than MAX_ENTRIES, so it holds nothing and never will.
    """

    keys: IntArray
    counts: IntArray
    full: bool = False

    @classmethod
    def none(cls, width: int) -> Counted:
        """Return no counts of keys so wide."""
        return cls(np.zeros((0, width), np.int64), np.zeros(0, np.int64))

    def plus(self, keys: IntArray, counts: IntArray) -> Counted:
        """Return these counts and those, which may be negative, of keys in any order and more than once."""
        if self.full or not counts.size:
            return self
        keys, counts = np.concatenate((self.keys, keys)), np.concatenate((self.counts, counts))
        order = np.lexsort(keys.T[::-1])
        keys, counts = keys[order], counts[order]
        starts = np.flatnonzero(np.concatenate((np.ones(1, np.bool_), (keys[1:] != keys[:-1]).any(axis=1))))
        sums = np.add.reduceat(counts, starts)
        kept = sums != 0
        if int(kept.sum()) > MAX_ENTRIES:
            return Counted(keys[:0], counts[:0], full=True)
        return Counted(keys[starts[kept]], sums[kept])

    def and_of(self, other: Counted) -> Counted:
        """Return both together; nothing where one of them is full."""
        return other if other.full else self.plus(other.keys, other.counts)

    def state(self) -> State:
        """Return everything needed to go on."""
        return {"keys": self.keys, "counts": self.counts, "full": self.full}

    @classmethod
    def of(cls, state: State, width: int) -> Counted:
        """Return the counts of a state; raises StoreError when it does not fit."""
        try:
            keys, counts = np.asarray(state["keys"], np.int64), np.asarray(state["counts"], np.int64)
            full = bool(state["full"])
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"stored counts of ratings are damaged ({error}); reset the checkpoint") from error
        if keys.shape != (counts.size, width):
            raise StoreError("stored counts of ratings are damaged (shapes); reset the checkpoint")
        return cls(keys, counts, full)


CELL, PAIR = 4, 4
"""The widths of both keys."""


@dataclass(frozen=True, eq=False)
class Tally:
    """What is counted of the units that were rated last in one pane, or in several.

    `cells`, by group of units, ratings of the unit, smaller and larger label: pairs of ratings. `pairs`, by annotator
    and other annotator, label of the one and label of the other: units. `left_out`: ratings that were not kept.
    """

    cells: Counted
    pairs: Counted
    left_out: int = 0

    @classmethod
    def none(cls) -> Tally:
        """Return a tally of nothing."""
        return cls(Counted.none(CELL), Counted.none(PAIR))

    def plus(self, units: Ratings, sign: int, left_out: int = 0) -> Tally:
        """Return the tally with units, all of their ratings sorted by item, added (1) or taken back (-1)."""
        one, other, sizes = pairs_within(units.items)
        signs = np.full(one.size, sign, np.int64)
        labels, others = units.labels[one], units.labels[other]
        groups = (units.items[one] >> _SHIFT).astype(np.int64)
        cells = np.stack((groups, sizes, np.minimum(labels, others), np.maximum(labels, others)), axis=1)
        # Of a unit the ratings are in the order of their annotators, so a pair of them has one order.
        pairs = np.stack((units.annotators[one], units.annotators[other], labels, others), axis=1)
        return Tally(self.cells.plus(cells, signs), self.pairs.plus(pairs, signs), self.left_out + left_out)

    def and_of(self, other: Tally) -> Tally:
        """Return both together."""
        return Tally(self.cells.and_of(other.cells), self.pairs.and_of(other.pairs), self.left_out + other.left_out)

    def state(self) -> State:
        """Return everything needed to go on."""
        return {"cells": self.cells.state(), "pairs": self.pairs.state(), "left_out": self.left_out}

    @classmethod
    def of(cls, state: Any) -> Tally:
        """Return the tally of a state; raises StoreError when it does not fit."""
        try:
            cells, pairs = Counted.of(state["cells"], CELL), Counted.of(state["pairs"], PAIR)
            return cls(cells, pairs, int(state["left_out"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"stored counts of ratings are damaged ({error}); reset the checkpoint") from error


def pairs_within(items: Any) -> tuple[IntArray, IntArray, IntArray]:
    """Return every two rows of one item, which are next to each other, as (earlier, later, rows of that item)."""
    n = items.size
    starts = np.flatnonzero(np.concatenate((np.ones(min(n, 1), np.bool_), items[1:] != items[:-1])))
    sizes = np.diff(np.append(starts, n))
    size = np.repeat(sizes, sizes)
    after = np.repeat(starts + sizes, sizes) - np.arange(n) - 1
    one = np.repeat(np.arange(n), after)
    first = np.repeat(np.cumsum(after) - after, after)
    other = one + 1 + np.arange(one.size) - first
    return one, other, size[one]
