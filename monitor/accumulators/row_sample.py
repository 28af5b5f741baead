"""A uniform sample of rows that is the same however they were batched and merged: those with the smallest hashes."""

from __future__ import annotations

import hashlib

import numpy as np

from monitor.accumulators.fitting import stored_array
from monitor.errors import StoreError
from monitor.hashing import HashArray, mix
from monitor.protocols import State
from monitor.types import FloatArray, IntArray, TopicPartition


class RowSample:
    """Of all rows seen, `n`, at most `size`: their `tags` (ascending, int64) and numbers, `rows` (size x width).

    A tag is a hash of where the row lies (see `tags_of`), so each row is as likely to be kept as any other, whatever it
    holds. Guarantee: bit-equal under any batching and merging, for distinct rows. Memory: size · (width + 1) · 8 bytes.
    Source: bottom-k sampling (Cohen & Kaplan 2007).
    """

    def __init__(self, size: int, width: int) -> None:
        """Start empty."""
        self.size, self.n = size, 0
        self.tags: IntArray = np.zeros(0, np.int64)
        self.rows: FloatArray = np.zeros((0, width))

    def update(self, rows: FloatArray, tags: IntArray) -> None:
        """Take in rows (n x width) with a tag each; keeps neither array."""
        self.n += len(rows)
        if self.tags.size == self.size:
            # Most rows of a long window have no chance any more, and need no sorting.
            low = tags < self.tags[-1]
            rows, tags = rows[low], tags[low]
        self._take(rows, tags)

    def merge(self, other: RowSample) -> None:
        """Take in another sample of other rows of the same width."""
        self.n += other.n
        self._take(other.rows, other.tags)

    def _take(self, rows: FloatArray, tags: IntArray) -> None:
        if not tags.size:
            return
        both = np.concatenate((self.tags, tags))
        order = np.argsort(both, kind="stable")[: self.size]
        self.tags, self.rows = both[order], np.concatenate((self.rows, rows))[order]

    def state(self) -> State:
        """Return copies of everything."""
        return {"n": self.n, "tags": self.tags.copy(), "rows": self.rows.copy()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        raw, n = state.get("tags"), state.get("n")
        kept = len(raw) if isinstance(raw, list | np.ndarray) else 0
        tags = stored_array(state, "tags", np.zeros(kept, np.int64))
        rows = stored_array(state, "rows", np.zeros((kept, self.rows.shape[1])))
        if not isinstance(n, int) or n < kept or kept > self.size or (np.diff(tags) < 0).any():
            raise StoreError("a stored sample of rows is damaged; reset the checkpoint")
        self.n, self.tags, self.rows = n, tags, rows


def tags_of(partition: TopicPartition, offsets: IntArray) -> IntArray:
    """Return a stable hash of each place, 53 bits, which a float64 holds; the same in every process."""
    name = f"{partition.topic}\0{partition.partition}".encode()
    seed = np.frombuffer(hashlib.blake2b(name, digest_size=8).digest(), "<u8")[0]
    found: HashArray = mix(mix(offsets.astype(np.uint64)) ^ seed)
    return (found >> np.uint64(11)).astype(np.int64)
