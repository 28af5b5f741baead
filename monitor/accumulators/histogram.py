"""Counts and sums of a number field on the baseline's cuts, from which the drift scores are made."""

from __future__ import annotations

import ctypes
from typing import ClassVar, Literal

import numpy as np

from monitor.accumulators.fitting import require_frame, stored_array
from monitor.accumulators.frame import EMPTY_FRAME, Frame
from monitor.accumulators.grouping import block_rows, blocks, grouped_counts, grouped_sums, valid_groups
from monitor.native import LIBRARY, address, addresses
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Column, FloatArray, Groups, IntArray, MaskArray

# Sums are kept in units of 2**64, an exact scaling: fewer than 2**64 values can then not overflow, so two
# values of 1e308 in one cell leave no inf that would turn into NaN when -inf is merged in.
_UNIT = 2.0**64
_FEW_VALUES = 4096  # below, the plain search is faster


class HistogramSpec(Spec):
    """Counts and sums of a number field per cell of the baseline's grid."""

    derived: ClassVar[tuple[str, ...]] = ("sorted",)
    kind: Literal["histogram"] = "histogram"
    field: str

    def build(self, frame: Frame | None, groups: int) -> Histogram:
        """Return an empty accumulator on the frame's grid; one cell where there is no baseline yet."""
        return Histogram(frame or EMPTY_FRAME, groups)


class Histogram:
    """Counts, int64 (groups x grid cells), and sums of the finite values, on frozen cuts.

    Cell i holds the values x with grid[i-1] <= x < grid[i]; the outer cells are open. The counts are
    exact under any batching and merging; sums are float64 with an error relative to the sum of magnitudes.
    """

    def __init__(self, frame: Frame, groups: int) -> None:
        """Start empty on `frame.grid`, with `groups` groups."""
        self.frame = frame
        self.counts: IntArray = np.zeros((groups, frame.grid.size + 1), np.int64)
        self._sums: FloatArray = np.zeros(self.counts.shape)

    @property
    def sums(self) -> FloatArray:
        """The sum of the values in each group and grid cell; ±inf where it exceeds float64, never NaN."""
        with np.errstate(over="ignore"):
            return self._sums * _UNIT

    def cells(self, buckets: int) -> IntArray:
        """Return the counts (groups x cells) between `frame.edges(buckets)`."""
        return np.add.reduceat(self.counts, self.frame.starts(buckets), axis=1)

    @property
    def single(self) -> MaskArray:
        """Which cells of the grid can hold one value only."""
        return self.frame.single

    def cell_sums(self, buckets: int) -> FloatArray:
        """Return the sums (groups x cells) between `frame.edges(buckets)`; ±inf beyond float64."""
        with np.errstate(over="ignore"):
            return np.add.reduceat(self._sums, self.frame.starts(buckets), axis=1) * _UNIT

    def update(self, column: Column, groups: Groups) -> None:
        """Fold the usable values in; an empty column changes nothing."""
        if groups.codes:
            values, inner = column.valid, valid_groups(column, groups)
            if LIBRARY is not None:
                self._fold(values, inner)
                return
            cells = cells_of(values, self.frame.grid)
            self.counts += grouped_counts(cells, self.counts.shape[1], inner)
            self._sums += grouped_sums(cells, values / _UNIT, self.counts.shape[1], inner)
            return
        ordered = column.sorted
        if ordered.size == 0:
            return
        # Where a cut would be inserted on the left is how many values lie before it: 49 look-ups, not n.
        bounds = np.concatenate(([0], np.searchsorted(ordered, self.frame.grid, side="left"), [ordered.size]))
        counts = np.diff(bounds)
        filled = np.flatnonzero(counts)  # reduceat would return a neighbour's value for an empty cell
        self.counts[0] += counts
        self._sums[0, filled] += np.add.reduceat(ordered / _UNIT, bounds[filled])

    def _fold(self, values: FloatArray, groups: Groups) -> None:
        """Do in C what `update` does with the sums and counts of groups, to the same bits."""
        assert LIBRARY is not None
        x, codes = np.ascontiguousarray(values), [np.ascontiguousarray(each, np.int32) for each in groups.codes]
        sums, spare = np.zeros(self.counts.shape), np.empty(self.counts.shape)
        cuts, depth = _padded(self.frame.grid)
        LIBRARY.fold_cells(
            *(address(x), ctypes.c_int64(x.size), addresses(codes), ctypes.c_int64(len(codes))),
            *(ctypes.c_int64(block_rows(sums.size)), address(cuts), ctypes.c_int32(depth)),
            *map(ctypes.c_int64, self.counts.shape),
            *(address(self.counts), address(sums), address(spare)),
        )
        self._sums += sums

    def merge(self, other: Histogram) -> None:
        """Add another histogram on the same frame; raises ValueError where the frames differ."""
        self.frame.require_same(other.frame)
        self.counts += other.counts
        self._sums += other._sums

    def scaled(self, weights: FloatArray) -> Histogram:
        """Return a new histogram of about `weights` (one a group) times the rows; each cell's mean stays what it is."""
        scaled = Histogram(self.frame, len(self.counts))
        scaled.counts = np.rint(self.counts * weights[:, None]).astype(np.int64)
        scaled._sums = self._sums * (scaled.counts / np.maximum(self.counts, 1))
        return scaled

    def state(self) -> State:
        """Return copies of counts and scaled sums with the digest of the frame."""
        return {"frame": self.frame.digest, "counts": self.counts.copy(), "scaled_sums": self._sums.copy()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when shape or frame do not fit."""
        require_frame(state, self.frame.digest)
        counts, sums = stored_array(state, "counts", self.counts), stored_array(state, "scaled_sums", self._sums)
        self.counts, self._sums = counts, sums


def cells_of(values: FloatArray, cuts: FloatArray) -> IntArray:
    """Return `np.searchsorted(cuts, values, side="right")` for finite values, in a third of its time.

    A binary search that takes the same step for all values of a block at once has no branch to mispredict.
    """
    if values.size < _FEW_VALUES:
        return np.searchsorted(cuts, values, side="right")
    padded, depth = _padded(cuts)
    cells = np.zeros(values.size, np.int64)
    for block in blocks(values.size):
        x, place = values[block], cells[block]  # `place` counts the cuts known to be at or below x
        for bit in range(depth - 1, -1, -1):
            passed = x >= padded[(1 << bit) - 1 :].take(place)
            place += np.left_shift(passed, bit, dtype=np.int64)
    return cells


def _padded(cuts: FloatArray) -> tuple[FloatArray, int]:
    """Return the cuts with infinity behind them, a power of two of numbers in all, and the power."""
    depth = int(cuts.size).bit_length()
    padded = np.full(1 << depth, np.inf)
    padded[: cuts.size] = cuts
    return padded, depth
