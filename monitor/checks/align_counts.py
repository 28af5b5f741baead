"""What became of the rows of two streams: matched, alone, different, and how far apart in time."""

from __future__ import annotations

import numpy as np

from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State
from monitor.types import FloatArray, IntArray

CELLS = 40
"""The skew is counted in so many equal cells from -tolerance to +tolerance."""


class AlignCounts:
    """Counts of one pane: pairs, rows that stayed alone on either side, differing values a field, and skew cells.

    `left` and `right` are rows without a partner; `dropped` those of them that were given up because too many waited.
    Skew: time of the right row minus that of the left one, int64 (40) cells. Sums of counts: merging is exact.
    """

    def __init__(self, fields: int) -> None:
        """Start empty for so many compared fields."""
        self.matched = self.left = self.right = self.dropped = 0
        self.different: IntArray = np.zeros(fields, np.int64)
        self.compared: IntArray = np.zeros(fields, np.int64)
        self.skew: IntArray = np.zeros(CELLS, np.int64)

    def merge(self, other: AlignCounts) -> None:
        """Add the counts of another one."""
        self.matched += other.matched
        self.left += other.left
        self.right += other.right
        self.dropped += other.dropped
        self.different += other.different
        self.compared += other.compared
        self.skew += other.skew

    @property
    def decided(self) -> int:
        """The number of rows of which it is known whether they have a partner."""
        return 2 * self.matched + self.left + self.right

    @property
    def unmatched_ratio(self) -> float:
        """The share of the decided rows that have no partner; NaN without any."""
        return (self.left + self.right) / self.decided if self.decided else float("nan")

    def different_ratios(self) -> FloatArray:
        """Return the share of pairs, both with a usable value, whose values differ, per field; NaN without any."""
        ratios: FloatArray = np.divide(
            self.different, self.compared, out=np.full(self.different.size, np.nan), where=self.compared > 0
        )
        return ratios

    def median_skew_ms(self, tolerance_ms: int) -> float:
        """Return the median skew, interpolated in its cell, to within tolerance / 20; NaN without pairs."""
        total = int(self.skew.sum())
        if not total:
            return float("nan")
        reached = np.cumsum(self.skew)
        cell = int(np.searchsorted(reached, total / 2))
        inside = (total / 2 - (reached[cell] - self.skew[cell])) / self.skew[cell]
        return float(((cell + inside) * 2 / CELLS - 1) * tolerance_ms)

    def state(self) -> State:
        """Return everything needed to go on, as JSON-able values."""
        return {
            "counts": [self.matched, self.left, self.right, self.dropped],
            "different": self.different.tolist(),
            "compared": self.compared.tolist(),
            "skew": self.skew.tolist(),
        }

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        try:
            counts = [int(count) for count in state["counts"]]
            different, compared, skew = (np.array(state[name], np.int64) for name in ("different", "compared", "skew"))
            self.matched, self.left, self.right, self.dropped = counts
        except DAMAGE as error:
            raise StoreError(f"stored counts of aligned rows are damaged ({error}); reset the checkpoint") from error
        if different.shape != self.different.shape or compared.shape != different.shape or skew.shape != (CELLS,):
            raise StoreError("stored counts of aligned rows are of other fields; reset the checkpoint")
        self.different, self.compared, self.skew = different, compared, skew
