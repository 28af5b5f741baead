"""Wasserstein distance: how far the values moved, in units of the baseline's own spread."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from monitor.detectors import settings
from monitor.detectors.cells import CellPair
from monitor.detectors.ks import CRITICAL_FACTOR
from monitor.detectors.located import Located
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, FloatArray, Score

_FARTHEST = 1e300
"""Cell means are cut off here, so that no difference of two overflows."""


class WassersteinSpec(Spec):
    """Wasserstein-1 distance in units of the baseline's interquartile range; numbers only."""

    field_types: ClassVar[frozenset[FieldType]] = settings.NUMBERS
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          amount: {type: number}
        drift:
          - {kind: wasserstein, warning: 0.1, critical: 0.25}
    """

    kind: Literal["wasserstein"] = "wasserstein"
    warning: settings.WarningAbove = 0.1
    critical: settings.CriticalAbove = 0.25
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None

    def build(self) -> Wasserstein:
        """Return the detector."""
        return Wasserstein(self)


@dataclass(frozen=True)
class Wasserstein:
    """W = ∫|F - G| dx / spread, each side's values drawn together at their mean in each grid cell.

    F and G are the distribution functions of current and baseline. The means keep the open outer cells
    finite and show a move inside them. `spread` is the distance of the baseline's cell means at ¾ and ¼
    of the group's values; where that is 0, at 95 % and 5 %; where that is 0, of the outermost ones; where there
    is only one, it is 1, and W is in units of the value. The error against the full samples is at most the mean
    distance of the values from their cell's mean, both sides added; it is 0 where one side lies above the other.
    A side without rows gives NaN. `contributions` are the differences of the cells' shares.

    No drift: E[W] ≈ √(2K/π)·∫√(F(1-F)) dx / spread with K = 1/n + 1/m, about 0.67·√K for a normal
    distribution (0.07 at n = 100). There is no distribution-free law, so `p_value` is NaN.

    Guarantee: with probability 0.95 (asymptotically) no |F - G| at a cut is observed larger than it is
    by more than ε = 1.358·√K (Dvoretzky–Kiefer–Wolfowitz); `lower_bound` integrates max(0, |F - G| - ε),
    linear between the cuts, and leaves out the open ends. It is conservative, and blind to what happens
    beyond the outermost cuts.
    Source: Vallender (1974) for the integral; Massart (1990) for ε.
    """

    spec: WassersteinSpec

    def needs(self, field: str, field_type: FieldType = "number") -> settings.CellsSpec:
        """Return the Spec of the histogram compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Located, current: Located, rho: Correlation = 0.0) -> Score:
        """Return the distance in every group."""
        grid = baseline.frame.grid
        pair = CellPair.of_counts(baseline.counts, current.counts, settings.correlation(self.spec.rho, rho))
        before, now = pair.shares
        means_before, means_now = _means(pair.baseline, baseline.sums, grid), _means(pair.current, current.sums, grid)
        spread = _spread(np.cumsum(before, axis=1), means_before)

        positions, masses_before, masses_now = _atoms(means_before, means_now, before, now)
        gaps = positions[:, 1:] - positions[:, :-1]
        below_before, below_now = np.cumsum(masses_before, axis=1)[:, :-1], np.cumsum(masses_now, axis=1)[:, :-1]
        distance = (gaps * np.abs(below_now - below_before)).sum(axis=1)
        weight = (pair.n_current / np.maximum(pair.n_current + pair.n_baseline, 1))[:, None]
        pooled = np.minimum(np.maximum(weight * below_now + (1 - weight) * below_before, 0.0), 1.0)
        noise = np.sqrt(2 * pair.noise / math.pi) * (gaps * np.sqrt(pooled * (1 - pooled))).sum(axis=1)

        margin = CRITICAL_FACTOR * np.sqrt(pair.noise)[:, None]
        at_cuts = np.maximum(np.abs(np.cumsum(now - before, axis=1))[:, :-1] - margin, 0.0)
        cuts = np.minimum(np.maximum(grid, -_FARTHEST), _FARTHEST)
        sure = ((cuts[1:] - cuts[:-1]) * (at_cuts[:, 1:] + at_cuts[:, :-1]) / 2).sum(axis=1)
        with np.errstate(over="ignore"):
            score, floor, bound = (np.minimum(x / spread, np.finfo(float).max) for x in (distance, noise, sure))
        return pair.score(score, noise_floor=floor, lower_bound=np.minimum(bound, score), contributions=now - before)


def _means(counts: FloatArray, sums: FloatArray, grid: FloatArray) -> FloatArray:
    """Return the mean in each cell, NaN where it is empty; rounding never carries it out of its cell."""
    means = np.divide(sums, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
    np.maximum(means[:, 1:], grid, out=means[:, 1:])
    np.minimum(means[:, :-1], grid, out=means[:, :-1])
    near: FloatArray = np.minimum(np.maximum(means, -_FARTHEST), _FARTHEST)
    return near


def _spread(below: FloatArray, means: FloatArray) -> FloatArray:
    """Return the distance of the cell means at the quartiles, or else farther out, or else of all, or else 1."""
    groups = np.arange(len(means))

    def at(level: float) -> FloatArray:
        found: FloatArray = means[groups, np.argmax(below >= level - 1e-12, axis=1)]
        return found

    quartiles = at(0.75) - at(0.25)
    whole = at(1.0) - np.fmin.reduce(means, axis=1)
    nearly_all = at(0.95) - at(0.05)
    spread = np.where(quartiles > 0, quartiles, np.where(nearly_all > 0, nearly_all, whole))
    return np.where(spread > 0, spread, 1.0)


def _atoms(
    means_before: FloatArray, means_now: FloatArray, before: FloatArray, now: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ascending positions (groups x 2·cells) and the two sides' masses there.

    A cell gives two positions, the smaller mean first. A mean that is missing stands at the other one, and
    an empty cell at the position before it: no mass is there, so it only must not break the order.
    """
    shape = (len(before), 2 * before.shape[1])
    positions, masses_before, masses_now = np.empty(shape), np.empty(shape), np.empty(shape)
    baseline_first = ~(means_now < means_before)
    positions[:, ::2], positions[:, 1::2] = np.fmin(means_before, means_now), np.fmax(means_before, means_now)
    masses_before[:, ::2], masses_before[:, 1::2] = before * baseline_first, before * ~baseline_first
    masses_now[:, ::2], masses_now[:, 1::2] = now * ~baseline_first, now * baseline_first
    lowest = np.fmin.reduce(positions, axis=1)[:, None]
    ordered = np.fmax.accumulate(np.where(np.isnan(positions), lowest, positions), axis=1)
    return np.where(np.isnan(ordered), 0.0, ordered), masses_before, masses_now
