"""Ratings as columns: who gave which item which label, and when; and which of them are in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from monitor.errors import DAMAGE, StoreError
from monitor.hashing import HashArray
from monitor.protocols import State
from monitor.types import IntArray, MaskArray

ROW_BYTES = 40


@dataclass(frozen=True, eq=False)
class Ratings:
    """Ratings (n): hash of the item, of the annotator and label as 64 bits, event time, and start of their pane.

    A label is the float64 that it is or stands for, or a text's hash, as an integer of the same bits.
    """

    items: HashArray
    annotators: IntArray
    labels: IntArray
    times_ms: IntArray
    panes_ms: IntArray

    @classmethod
    def none(cls) -> Ratings:
        """Return no ratings."""
        empty = np.zeros(0, np.int64)
        return cls(np.zeros(0, np.uint64), empty, empty, empty, empty)

    def __len__(self) -> int:
        """Return the number of ratings."""
        return len(self.items)

    def take(self, rows: IntArray | MaskArray) -> Ratings:
        """Return those ratings only, in that order."""
        return Ratings(*(getattr(self, part.name)[rows] for part in fields(self)))

    def in_pane(self, start_ms: int) -> Ratings:
        """Return the same ratings, all of one pane."""
        panes = np.full(len(self), start_ms, np.int64)
        return Ratings(self.items, self.annotators, self.labels, self.times_ms, panes)

    def in_force(self, most: int) -> Ratings:
        """Return the last rating of each annotator for each item, in the order of items and annotators.

        Of ratings at one time the largest label counts. Of more than `most` annotators of an item those with the
        smallest hashes are kept. So the result depends on no order.
        """
        rows = np.lexsort((self.labels, self.times_ms, self.annotators, self.items))
        items, annotators = self.items[rows], self.annotators[rows]
        if not rows.size:
            return self
        last = np.append((items[1:] != items[:-1]) | (annotators[1:] != annotators[:-1]), True)
        rows = rows[last]
        items = self.items[rows]
        starts = np.flatnonzero(np.concatenate((np.ones(1, np.bool_), items[1:] != items[:-1])))
        number = np.arange(rows.size) - np.repeat(starts, np.diff(np.append(starts, rows.size)))
        return self.take(rows[number < most])

    def newest(self, most: int) -> Ratings:
        """Return at most so many ratings, of whole items: those of the items that were rated last."""
        more = len(self) - most
        if more <= 0:
            return self
        order = np.lexsort((self.items, self.panes_ms))
        gone = np.zeros(len(self), np.bool_)
        gone[order[:more]] = True
        return self.take(~np.isin(self.items, self.items[gone]))

    def state(self) -> State:
        """Return everything needed to go on."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    @classmethod
    def of(cls, state: State) -> Ratings:
        """Return the ratings of a state; raises StoreError when it does not fit."""
        try:
            numbers = [np.asarray(state[part.name], np.int64) for part in fields(cls)[1:]]
            ratings = cls(np.asarray(state["items"], np.uint64), *numbers)
        except DAMAGE as error:
            raise StoreError(f"stored ratings are damaged ({error}); reset the checkpoint") from error
        if any(getattr(ratings, part.name).shape != (len(ratings),) for part in fields(cls)):
            raise StoreError("stored ratings are damaged (shapes); reset the checkpoint")
        return ratings


def together(parts: Sequence[Ratings]) -> Ratings:
    """Return all of these ratings, one after the other."""
    return Ratings(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Ratings)))
