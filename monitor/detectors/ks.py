"""Kolmogorov–Smirnov on the baseline's quantile grid: exact counts, no sample kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from scipy import special

from monitor.accumulators.frame import GRID_LEVELS
from monitor.detectors import settings
from monitor.detectors.cells import CellPair, Cells
from monitor.intervals import CONFIDENCE
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, FloatArray, IntArray, MaskArray, Score

CRITICAL_FACTOR = math.sqrt(math.log(2 / (1 - CONFIDENCE)) / 2)
"""c(α) = √(ln(2/α)/2), 1.358: at 95 % confidence no step of the difference is off by more than c·√K."""

_MEAN_FACTOR = math.sqrt(math.pi / 2) * math.log(2)
"""The mean of the Kolmogorov distribution, 0.869."""


class Ordered(Cells, Protocol):
    """What the difference reads of an accumulator besides: the cells of the whole grid, in their order."""

    @property
    def counts(self) -> IntArray:
        """The values in each cell of the grid."""
        ...

    @property
    def single(self) -> MaskArray:
        """Which cells of the grid can hold one value only."""
        ...


class KolmogorovSmirnovSpec(Spec):
    """Largest difference of the two distribution functions at the baseline's quantiles; numbers only."""

    field_types: ClassVar[frozenset[FieldType]] = settings.NUMBERS
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          amount: {type: number}
        drift:
          - {kind: ks, warning: 0.1, critical: 0.2}
    """

    kind: Literal["ks"] = "ks"
    warning: settings.WarningAbove = 0.1
    critical: settings.CriticalAbove = 0.2
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None
    buckets: settings.Buckets = 50

    def build(self) -> KolmogorovSmirnov:
        """Return the detector."""
        return KolmogorovSmirnov(self)


@dataclass(frozen=True)
class KolmogorovSmirnov:
    """D = max |F - G| over the cuts, F and G the distribution functions of current and baseline.

    The cuts are those of the whole grid, which no small cells have to be merged for, or of so many `buckets`.

    Never above the D of the full samples, and below it by at most `error_bound`: within a cell of the whole grid
    that holds the shares p and q of the two sides, F - G lies between a - p and a + q, where a is F - G at its lower
    cut; both can be reached, so no smaller bound follows from the counts. A cell of one value has no within. It is
    at most the heaviest cell's share, about 0.02 in the baseline. A side without rows gives NaN; a single
    cell gives 0. `contributions` are the differences of the cells' shares, which sum to 0.

    No drift: E[D] ≈ 0.869·√K, K = 1/n + 1/m (0.087 at n = 100); less on a coarse or tied grid, where
    `noise_floor` is thus too high. `p_value` is Kolmogorov's limit at D/√K; conservative on a grid.

    Guarantee: `lower_bound` = D - 1.358·√K (Dvoretzky–Kiefer–Wolfowitz in its two-sample form) is at
    most the true D with probability 0.95, asymptotically; grid and ties only make it safer.
    Source: Smirnov (1948); Massart (1990); Wei & Dudley (2012).
    """

    by_rows: ClassVar[bool] = True
    spec: KolmogorovSmirnovSpec

    def needs(self, field: str, field_type: FieldType = "number") -> settings.CellsSpec:
        """Return the Spec of the histogram compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Ordered, current: Ordered, rho: Correlation = 0.0) -> Score:
        """Return the largest difference in every group."""
        pair = CellPair.of(baseline, current, self.spec.buckets, settings.correlation(self.spec.rho, rho))
        before, now = pair.shares
        grid = CellPair.of_counts(baseline.counts, current.counts)
        difference = _at_cuts(grid if self.spec.buckets == GRID_LEVELS else pair)
        anywhere = _anywhere(grid, baseline.single)
        root = np.sqrt(pair.noise)
        return pair.score(
            difference,
            noise_floor=np.where(pair.freedom > 0, np.minimum(_MEAN_FACTOR * root, 1.0), 0.0),
            lower_bound=np.maximum(difference - CRITICAL_FACTOR * root, 0.0),
            p_value=special.kolmogorov(difference / root),
            contributions=now - before,
            error_bound=np.maximum(np.minimum(anywhere, 1.0) - difference, 0.0),
        )


def _at_cuts(cells: CellPair) -> FloatArray:
    """Return the largest |F - G| at the cuts, per group."""
    before, now = cells.shares
    # The last step is 1 - 1; leaving it in keeps a single cell from being a special case.
    found: FloatArray = np.minimum(np.abs(np.cumsum(now - before, axis=1)).max(axis=1), 1.0)
    return found


def _anywhere(grid: CellPair, single: MaskArray) -> FloatArray:
    """Return how large |F - G| can be anywhere, at the cuts of the whole grid or between them, per group."""
    before, now = grid.shares
    at_upper_cut = np.cumsum(now - before, axis=1)
    at_lower_cut = at_upper_cut - (now - before)
    within = np.maximum(np.abs(at_lower_cut + now), np.abs(at_lower_cut - before))
    found: FloatArray = np.where(single, np.abs(at_upper_cut), within).max(axis=1)
    return found
