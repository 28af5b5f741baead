"""The last value of each key, in bounded memory."""

from __future__ import annotations

import numpy as np

from monitor.errors import DAMAGE, StoreError
from monitor.hashing import HashArray
from monitor.protocols import State
from monitor.types import FloatArray, IntArray, MaskArray

BYTES_PER_KEY = 48
"""Key, value and row number of 8 bytes each, and as much again while keys are added."""


class LastValues:
    """The last value of the `max_keys` keys that were seen most recently; `evicted` counts those forgotten.

    The keys are 64-bit hashes, kept sorted. Which keys are kept, and their values, is the same under any
    batching, since the most recent n keys after a row depend on the rows alone; within one batch nothing is
    forgotten. A batch of n rows costs a sort of n, and a copy of the table where it brings new keys.
    """

    def __init__(self, max_keys: int) -> None:
        """Start with no key."""
        self.max_keys = max_keys
        self.evicted = 0
        self._seen = 0
        self._keys: HashArray = np.zeros(0, np.uint64)
        self._values: FloatArray = np.zeros(0)
        self._rows: IntArray = np.zeros(0, np.int64)

    def __len__(self) -> int:
        """Return the number of keys that are remembered."""
        return self._keys.size

    def previous(self, keys: HashArray, values: FloatArray) -> tuple[FloatArray, MaskArray]:
        """Return the value of the row before with the same key, and for which rows there is one; remember all.

        Where there is none the value is NaN.
        """
        n = keys.size
        if not n:
            return np.zeros(0), np.zeros(0, np.bool_)
        order = np.argsort(keys, kind="stable")
        ordered, sorted_values = keys[order], values[order]
        first = np.ones(n, np.bool_)
        np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
        before = np.where(first, np.nan, np.roll(sorted_values, 1))
        known = ~first
        heads = np.flatnonzero(first)
        places, old = self._find(ordered[heads])
        before[heads[old]] = self._values[places[old]]
        known[heads[old]] = True
        ends = np.append(heads[1:], n) - 1
        self._remember(ordered[heads], sorted_values[ends], order[ends] + self._seen, places, old)
        self._seen += n
        found, there = np.empty(n), np.empty(n, np.bool_)
        found[order], there[order] = before, known
        return found, there

    def state(self) -> State:
        """Return everything needed to go on; the arrays are the table's own."""
        return {
            "keys": self._keys,
            "values": self._values,
            "rows": self._rows,
            "seen": self._seen,
            "evicted": self.evicted,
        }

    def load(self, state: State) -> None:
        """Become what `state` describes; raises StoreError, unchanged, where it does not fit."""
        try:
            keys, values, rows = (np.array(state[name]) for name in ("keys", "values", "rows"))
            seen, evicted = int(state["seen"]), int(state["evicted"])
        except DAMAGE as error:
            raise StoreError(f"stored last values are damaged ({error}); reset the checkpoint") from error
        kinds = keys.dtype == np.uint64 and values.dtype == np.float64 and rows.dtype == np.int64
        sizes = keys.ndim == 1 and keys.shape == values.shape == rows.shape and keys.size <= self.max_keys
        if not kinds or not sizes or not (keys[1:] > keys[:-1]).all() or (rows >= seen).any():
            raise StoreError("stored last values are damaged; reset the checkpoint")
        self._keys, self._values, self._rows = keys, values, rows
        self._seen, self.evicted = seen, evicted

    def _find(self, keys: HashArray) -> tuple[IntArray, MaskArray]:
        """Return the place of each key in the table, or where it belongs, and whether it is there."""
        places = np.searchsorted(self._keys, keys)
        old = places < self._keys.size
        old[old] = self._keys[places[old]] == keys[old]
        return places, old

    def _remember(self, keys: HashArray, values: FloatArray, rows: IntArray, places: IntArray, old: MaskArray) -> None:
        """Put each key's last value and row number in; forget the keys longest not seen where there are too many."""
        self._values[places[old]], self._rows[places[old]] = values[old], rows[old]
        if not old.all():
            new, at = ~old, places[~old]
            self._keys = np.insert(self._keys, at, keys[new])
            self._values = np.insert(self._values, at, values[new])
            self._rows = np.insert(self._rows, at, rows[new])
        excess = self._keys.size - self.max_keys
        if excess > 0:
            kept = np.ones(self._keys.size, np.bool_)
            kept[np.argpartition(self._rows, excess - 1)[:excess]] = False
            self._keys, self._values, self._rows = self._keys[kept], self._values[kept], self._rows[kept]
            self.evicted += excess
