"""Values located on the baseline's grid and in its units: what the shifts of mean, spread and median are made of.

A histogram keeps, of each cell, how many values it holds and their sum. Its open outer cells may hold anything,
so nothing here depends on how far away the values in them are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from monitor.accumulators.frame import Frame
from monitor.accumulators.small_cells import SMALL_CELL
from monitor.detectors.cells import CellPair
from monitor.types import Correlation, FloatArray, IntArray

NORMAL_IQR = 1.349
"""The interquartile range of the normal distribution, in standard deviations."""
_NORMAL_CORE = 4.1075
"""The distance of its quantiles 0.98 and 0.02."""
_FARTHEST = 1e300
"""Values are cut off here, so that no difference of two overflows."""
_MOST_UNITS = 1e60
"""Places are cut off here, in units, so that no fourth power overflows."""


class Located(Protocol):
    """What is read of an accumulator: counts and sums (groups x grid cells), and the grid."""

    @property
    def counts(self) -> IntArray:
        """The values in each cell."""
        ...

    @property
    def sums(self) -> FloatArray:
        """The sum of the values in each cell."""
        ...

    @property
    def frame(self) -> Frame:
        """The frame that owns the grid's inner cuts."""
        ...


@dataclass(frozen=True, eq=False)
class Places:
    """The cells of both sides (groups x cells) as places in units of the baseline, 0 at its median.

    The unit is the baseline's interquartile range / 1.349, which is the standard deviation of normal values; where
    that is 0, the distance of its quantiles 0.98 and 0.02 / 4.1075; where that is 0 (one value holds nearly all),
    the standard deviation of its cells with 5 rows and more, the largest and smallest value left out; where that is 0
    (constant), the value's own magnitude; for 0, it is 1. Every group has its own.
    """

    pair: CellPair
    sums_baseline: FloatArray
    sums_current: FloatArray
    grid: FloatArray
    extremes: tuple[float, float]

    @classmethod
    def of(cls, baseline: Located, current: Located, rho: Correlation) -> Places:
        """Return the places of the values of two accumulators on the same frame."""
        pair = CellPair.of_counts(baseline.counts, current.counts, rho)
        grid = np.clip(baseline.frame.grid, -_FARTHEST, _FARTHEST)
        sums = np.broadcast_to(baseline.sums, pair.baseline.shape)
        extremes = baseline.frame.low, baseline.frame.high
        return cls(pair, sums, current.sums, grid if grid.size else np.zeros(1), extremes)

    @cached_property
    def ends(self) -> tuple[FloatArray, FloatArray]:
        """The lower and upper cuts of the cells, in units; -inf and inf at the open ends."""
        low, high = self._placed(self.grid[None, :]), self._placed(self.grid[None, :])
        open_end = np.full((len(low), 1), np.inf)
        if self.pair.baseline.shape[1] == 1:
            return -open_end, open_end
        return np.concatenate((-open_end, low), axis=1), np.concatenate((high, open_end), axis=1)

    @cached_property
    def means(self) -> tuple[FloatArray, FloatArray]:
        """The means of baseline and current in each cell, in units; NaN where it holds none."""
        low, high = self.ends
        found = []
        for counts, sums in ((self.pair.baseline, self.sums_baseline), (self.pair.current, self.sums_current)):
            means = np.divide(sums, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
            places = self._placed(np.clip(means, -_FARTHEST, _FARTHEST))
            found.append(np.clip(places, low, high))  # rounding never carries a mean out of its cell
        return found[0], found[1]

    @cached_property
    def origin(self) -> tuple[FloatArray, FloatArray]:
        """The baseline's median and unit, per group."""
        counts = self.pair.baseline
        quantiles = [self._quantile(counts, level) for level in (0.02, 0.25, 0.5, 0.75, 0.98)]
        median = quantiles[2]
        unit = (quantiles[3] - quantiles[1]) / NORMAL_IQR
        unit = np.where(unit > 0, unit, (quantiles[4] - quantiles[0]) / _NORMAL_CORE)
        if not (unit > 0).all():
            unit = np.where(unit > 0, unit, self._deviation())
            unit = np.where(unit > 0, unit, np.abs(median))
        return median, np.where(unit > 0, unit, 1.0)

    def _quantile(self, counts: FloatArray, level: float) -> FloatArray:
        """Return a quantile, linear inside its cell; of an open cell, its cut; of a cell of one value, that."""
        low = np.concatenate((self.grid[:1], self.grid)) if counts.shape[1] > 1 else self.grid
        high = np.concatenate((self.grid, self.grid[-1:])) if counts.shape[1] > 1 else self.grid
        high = np.where(high == np.nextafter(low, np.inf), low, high)
        upto = np.cumsum(counts, axis=1)
        wanted = level * upto[:, -1]
        cell = np.argmax(upto >= wanted[:, None], axis=1)
        at = np.arange(len(counts)), cell
        part = np.clip(1 - (upto[at] - wanted) / np.maximum(counts[at], 1), 0.0, 1.0)
        found: FloatArray = low[cell] + (high[cell] - low[cell]) * part
        return found

    def _placed(self, values: FloatArray) -> FloatArray:
        """Return values (groups x any) in units from the median."""
        median, unit = self.origin
        with np.errstate(over="ignore"):
            places = (values - median[:, None]) / unit[:, None]
        found: FloatArray = np.clip(places, -_MOST_UNITS, _MOST_UNITS)
        return found

    def _deviation(self) -> FloatArray:
        """Return the standard deviation of the baseline's cell means, without its extremes and smallest cells."""
        counts, sums = self.pair.baseline.copy(), self.sums_baseline.copy()
        with np.errstate(over="ignore", invalid="ignore"):
            for cell, cut, extreme, sign in zip((0, -1), self.grid[[0, -1]], self.extremes, (-1, 1), strict=True):
                # Only where the extreme is one of the group's own can the others still lie beyond the cut without it.
                rest, fewer = sums[:, cell] - extreme, np.maximum(counts[:, cell] - 1, 0)
                own = (fewer > 0) & (sign * (rest - cut * fewer) >= 0)
                sums[:, cell] = np.where(own, rest, sums[:, cell])
                counts[:, cell] = np.where(own, fewer, counts[:, cell])
            counts = np.where(counts < SMALL_CELL, 0.0, counts)
            n = np.maximum(counts.sum(axis=1), 1)[:, None]
            means = sums / np.maximum(counts, 1)
            centre = (counts / n * means).sum(axis=1)[:, None]
            found = np.sqrt((counts / n * np.square(means - centre)).sum(axis=1))
        return np.where(np.isfinite(found), found, 0.0)
