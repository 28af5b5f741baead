"""Counts of a category field per value known to the baseline, and of the unseen and other ones."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.accumulators.fitting import require_frame, stored_array
from monitor.accumulators.frame import EMPTY_FRAME, Frame
from monitor.accumulators.grouping import grouped_counts, valid_groups
from monitor.accumulators.hashing import hash_strings
from monitor.accumulators.small_cells import SMALL_CELL
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Column, FloatArray, Groups, IntArray


class CategoriesSpec(Spec):
    """Counts of a category field per known value, unseen and other."""

    derived: ClassVar[tuple[str, ...]] = ("encoded",)
    kind: Literal["categories"] = "categories"
    field: str

    def build(self, frame: Frame | None, groups: int) -> Categories:
        """Return an empty accumulator; where there is no baseline yet every value is unseen."""
        return Categories(frame or EMPTY_FRAME, groups)


class Categories:
    """Counts, int64 (groups x (K + 2)): the K known values in the frame's order, then unseen, then other.

    `unseen` did not occur in the baseline at all; `other` did, but is not among its K most frequent. The
    two are told apart by 64-bit hash: of n unseen distinct values about n·|keys|/2^64 are taken for other.
    Exact under any batching and merging. Memory does not grow with the values seen.
    """

    def __init__(self, frame: Frame, groups: int) -> None:
        """Start empty on the frame's categories, with `groups` groups."""
        self.frame = frame
        self.counts: IntArray = np.zeros((groups, len(frame.categories) + 2), np.int64)
        self._known = pa.array(frame.categories, pa.string())

    @property
    def known(self) -> IntArray:
        """Rows per group and known value (groups x K)."""
        return self.counts[:, :-2]

    @property
    def unseen(self) -> IntArray:
        """Rows per group whose value never occurred in the baseline."""
        return self.counts[:, -2]

    @property
    def other(self) -> IntArray:
        """Rows per group whose value belongs to the baseline's tail."""
        return self.counts[:, -1]

    def cells(self, buckets: int = 0) -> IntArray:
        """Return the counts to compare (groups x cells): known, unseen, other.

        Known values with fewer than 5 rows in the baseline are added to other; the labels are
        `frame.labels()`. `buckets` is not used: it lets detectors ask as they ask a Histogram.
        """
        kept = int(np.count_nonzero(self.frame.counts[:-2] >= SMALL_CELL))  # sorted by count: a prefix
        cells = np.concatenate((self.counts[:, :kept], self.counts[:, -2:]), axis=1)
        cells[:, -1] += self.counts[:, kept:-2].sum(axis=1)
        return cells

    def update(self, column: Column, groups: Groups) -> None:
        """Fold the usable values in; an empty column changes nothing. Look-ups are per distinct value."""
        encoded = column.encoded
        if len(encoded) == 0:
            return
        cells, codes = self._cells_of(encoded.dictionary), encoded.indices.to_numpy(zero_copy_only=False)
        if groups.codes:
            self.counts += grouped_counts(cells[codes], self.counts.shape[1], valid_groups(column, groups))
        else:
            np.add.at(self.counts[0], cells, np.bincount(codes, minlength=len(cells)))

    def _cells_of(self, distinct: Any) -> IntArray:
        """Return the cell of each distinct value."""
        k = len(self._known)
        cells: IntArray = pc.fill_null(pc.index_in(distinct, value_set=self._known), k).to_numpy().astype(np.int64)
        strange = np.flatnonzero(cells == k)
        if strange.size:
            hashes = hash_strings(distinct.take(pa.array(strange)))
            cells[strange[self.frame.has_keys(hashes)]] = k + 1
        return cells

    def merge(self, other: Categories) -> None:
        """Add the counts of another one on the same frame; raises ValueError where the frames differ."""
        self.frame.require_same(other.frame)
        self.counts += other.counts

    def scaled(self, weights: FloatArray) -> Categories:
        """Return new counts of about `weights` (one a group) times the rows, each rounded."""
        scaled = Categories(self.frame, len(self.counts))
        scaled.counts = np.rint(self.counts * weights[:, None]).astype(np.int64)
        return scaled

    def state(self) -> State:
        """Return a copy of the counts with the digest of the frame."""
        return {"frame": self.frame.digest, "counts": self.counts.copy()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when shape or frame do not fit."""
        require_frame(state, self.frame.digest)
        self.counts = stored_array(state, "counts", self.counts)
