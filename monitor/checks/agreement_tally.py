"""Counts of what pairs of ratings of one unit look like: whole numbers that add up and can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.checks.agreement_ratings import Ratings
from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State
from monitor.types import IntArray

MAX_ENTRIES = 100_000
"""So many different pairs are counted in a pane or a window; with more, nothing of it is known."""
GROUP_BITS, LEAST_BITS = 9, 5
"""Units are in 512 groups, by the hash of their item; the bootstrap draws groups. They become fewer, down to 32, where
their pairs become too many otherwise."""


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
        """Return these counts and those, which may be negative, of keys in any order and more than once.

        There may be more than MAX_ENTRIES of them: see `capped`.
        """
        if self.full or not counts.size:
            return self
        keys, counts = np.concatenate((self.keys, keys)), np.concatenate((self.counts, counts))
        order = np.lexsort(keys.T[::-1])
        keys, counts = keys[order], counts[order]
        starts = np.flatnonzero(np.concatenate((np.ones(1, np.bool_), (keys[1:] != keys[:-1]).any(axis=1))))
        sums = np.add.reduceat(counts, starts)
        kept = sums != 0
        return Counted(keys[starts[kept]], sums[kept])

    def capped(self) -> Counted:
        """Return the counts, or nothing for good where they are too many."""
        return self if len(self.counts) <= MAX_ENTRIES else Counted(self.keys[:0], self.counts[:0], full=True)

    def coarser(self, bits: int) -> Counted:
        """Return the counts with the first number of each key without its last `bits` bits."""
        if not bits or self.full:
            return self
        keys = self.keys.copy()
        keys[:, 0] >>= bits
        return Counted(self.keys[:0], self.counts[:0]).plus(keys, self.counts)

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
        except DAMAGE as error:
            raise StoreError(f"stored counts of ratings are damaged ({error}); reset the checkpoint") from error
        if keys.shape != (counts.size, width):
            raise StoreError("stored counts of ratings are damaged (shapes); reset the checkpoint")
        return cls(keys, counts, full)


CELL, PAIR = 4, 4
"""The widths of both keys."""
PANE_BYTES = 8 * (CELL + 1 + PAIR + 1) * MAX_ENTRIES
"""What a tally takes at most."""


@dataclass(frozen=True, eq=False)
class Tally:
    """What is counted of the units that were rated last in one pane, or in several.

    `cells`, by group of units, ratings of the unit, smaller and larger label: pairs of ratings. `pairs`, by annotator
    and other annotator, label of the one and label of the other: units. `left_out`: ratings that were not kept. The
    number of a group has so many `bits`.
    """

    cells: Counted
    pairs: Counted
    left_out: int = 0
    bits: int = GROUP_BITS

    @classmethod
    def none(cls) -> Tally:
        """Return a tally of nothing."""
        return cls(Counted.none(CELL), Counted.none(PAIR))

    def plus(self, units: Ratings, sign: int, left_out: int = 0) -> Tally:
        """Return the tally with units, all of their ratings sorted by item, added (1) or taken back (-1)."""
        one, other, sizes = pairs_within(units.items)
        signs = np.full(one.size, sign, np.int64)
        labels, others = units.labels[one], units.labels[other]
        groups = (units.items[one] >> np.uint64(64 - self.bits)).astype(np.int64)
        cells = np.stack((groups, sizes, np.minimum(labels, others), np.maximum(labels, others)), axis=1)
        # Of a unit the ratings are in the order of their annotators, so a pair of them has one order.
        pairs = np.stack((units.annotators[one], units.annotators[other], labels, others), axis=1)
        counted, bits = _fitting(self.cells.plus(cells, signs), self.bits)
        return Tally(counted, self.pairs.plus(pairs, signs).capped(), self.left_out + left_out, bits)

    def and_of(self, other: Tally) -> Tally:
        """Return both together."""
        bits = min(self.bits, other.bits)
        mine, theirs = self.cells.coarser(self.bits - bits), other.cells.coarser(other.bits - bits)
        counted, bits = _fitting(mine.and_of(theirs), bits)
        return Tally(counted, self.pairs.and_of(other.pairs).capped(), self.left_out + other.left_out, bits)

    def state(self) -> State:
        """Return everything needed to go on."""
        return {
            "cells": self.cells.state(),
            "pairs": self.pairs.state(),
            "left_out": self.left_out,
            "bits": self.bits,
        }

    @classmethod
    def of(cls, state: Any) -> Tally:
        """Return the tally of a state; raises StoreError when it does not fit."""
        try:
            cells, pairs = Counted.of(state["cells"], CELL), Counted.of(state["pairs"], PAIR)
            return cls(cells, pairs, int(state["left_out"]), int(state["bits"]))
        except DAMAGE as error:
            raise StoreError(f"stored counts of ratings are damaged ({error}); reset the checkpoint") from error


def _fitting(cells: Counted, bits: int) -> tuple[Counted, int]:
    """Return the pairs in as few groups as it takes, and the bits of these; capped where none are few enough."""
    while len(cells.counts) > MAX_ENTRIES and bits > LEAST_BITS:
        cells, bits = cells.coarser(1), bits - 1
    return cells.capped(), bits


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
