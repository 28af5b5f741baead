"""How strongly the rows of one window resemble each other, estimated from windows without drift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from monitor.types import FloatArray, IntArray, MaskArray

MIN_WINDOWS = 10
"""With fewer windows nothing is said about the correlation."""

MIN_EXPECTED = 3.0
"""Cells in which a usual window has fewer rows than this are merged; of two cells each needs one row."""

MAX_CELLS = 20
"""Of more cells than this the small ones are merged: they would bias the estimate, and say little more."""

CONFIDENCE = 0.95
"""The confidence of the bounds that the estimate is for."""

_CAP_LEVEL = 0.99
"""Beyond this quantile of what chance alone gives, a window counts no more than one that lies there."""

_STEPS = 40
_SMALLEST = 1e-9


@dataclass(frozen=True, eq=False)
class Correlated:
    """The correlation of two rows of one window, a number a group: the estimate, its standard error, the windows used.

    `cautious` is the estimate raised by what its own uncertainty costs: with it, 95 % bounds hold in 95 of 100 windows.
    `rho` and `cautious` are 0 and `error` is NaN where a group has too few windows or only one cell.
    """

    rho: FloatArray
    error: FloatArray
    windows: IntArray
    cautious: FloatArray

    @property
    def known(self) -> MaskArray:
        """The groups of which something is known."""
        return np.isfinite(self.error)

    def shrunk(self) -> Correlated:
        """Return the estimates with those of segments drawn to group 0's, the more the less certain they are.

        A segment's own estimate has the weight τ²/(τ² + error²), where τ² = ρ₀² + max(0, ρ² - error²): it counts where
        it is sure, or where it differs from 0 by more than its error. One that is unknown is ρ₀.
        """
        if not self.known[0]:
            return self
        squared = np.where(self.known, self.error, 1.0) ** 2
        scale = self.rho[0] ** 2 + np.maximum(self.rho**2 - squared, 0.0)
        weight = np.where(self.known, scale / (scale + squared), 0.0)
        weight[0] = 1.0
        rho, cautious = (weight * own + (1 - weight) * own[0] for own in (self.rho, self.cautious))
        return Correlated(rho, self.error, self.windows, cautious)


def estimate_rho(counts: IntArray) -> float:
    """Return the correlation of two rows of one window, from the counts (windows x cells); 0 where unknown."""
    return float(estimate(counts[:, None, :]).rho[0])


def estimate(counts: IntArray) -> Correlated:
    """Return the correlation in every group, from the counts (windows x groups x cells) of windows without drift.

    Rows that are correlated by ρ within a window (and not beyond) multiply the variance of its shares by
    1 + (n-1)·ρ. So the chi-squared distance X² of a window of n rows from all windows together is on average
    f·(A + ρ·C), f the cells minus one, A = 1 - w, C = (1 - 2w)(n - 1) + n·Σw²(1 - 1/n), w the window's share of rows.
    ρ solves Σ C/φ·[min(X²/(f·φ), c) - κ] = 0 with φ = A + ρ·C: the likelihood equation of a scaled chi-squared, with
    each window cut at c, its 99 % quantile, and κ the mean that chance alone gives the cut value. It is within 0 … 1.

    Without cutting, one window in twenty that is off would be the estimate; with it, a twentieth of bad windows
    adds about a tenth to ρ at ten cells. `error` is the standard error under the model, (f/2·Σ (C/φ)²)^-½.
    `cautious` is ρ + (g-1)·φ/C: the variance is estimated, so a statistic in its units has an F, not a chi-squared
    distribution, and g is the ratio of their 95 % quantiles (1.02 for ten cells and 30 windows, 1.09 for two).
    Cells in which a usual window has under three rows are merged, smallest first (of two cells, under one); of more
    than 20 cells also those with less than a twentieth of the rows. Windows of one row are left out. Where cells
    have few effective rows the cut costs some of the estimate: a fifth at a share of 0.03, n = 1,000, ρ = 0.02.
    What recurs, such as a daily cycle, is variation between windows too: ρ is then large.
    Source: moments as in Brier (1980) for cluster samples; the cut is Huber's proposal 2 (1964) for a scale.
    """
    used: FloatArray = np.where((counts.sum(axis=2) >= 2)[:, :, None], counts, 0).astype(np.float64)
    n = used.sum(axis=2)  # windows x groups
    windows = np.count_nonzero(n, axis=0)
    merged = _merged(used, n.sum(axis=0) / np.maximum(windows, 1))
    total = np.maximum(n.sum(axis=0), 1.0)
    shares = merged.sum(axis=0) / total[:, None]
    freedom = np.count_nonzero(shares, axis=1) - 1.0
    expected = n[:, :, None] * shares
    squares = np.divide((merged - expected) ** 2, expected, out=np.zeros_like(expected), where=expected > 0).sum(axis=2)
    return fitted(squares / np.maximum(freedom, 1.0), freedom, n)


def fitted(per_degree: FloatArray, freedom: FloatArray, n: FloatArray | IntArray) -> Correlated:
    """Return the correlation in every group, from statistics (windows x groups) of windows of n rows without drift.

    `per_degree` is a squared distance from all windows together that is χ² of `freedom` (groups) degrees for
    independent rows, divided by them; see `estimate`.
    """
    windows = np.count_nonzero(n, axis=0)
    known = (windows >= MIN_WINDOWS) & (freedom > 0)
    w = n / np.maximum(n.sum(axis=0), 1.0)
    base = 1 - w
    slope = (1 - 2 * w) * np.maximum(n - 1, 0) + n * (w**2 * (1 - 1 / np.maximum(n, 1))).sum(axis=0)
    slope = np.where(n > 0, np.maximum(slope, 0.0), 0.0)
    rho = _solved(per_degree, base, slope, np.maximum(freedom, 1.0))
    relative = np.divide(slope, base + rho * slope, out=np.zeros_like(slope), where=slope > 0)
    information = np.maximum(freedom, 1.0) / 2 * (relative**2).sum(axis=0)
    with np.errstate(divide="ignore"):
        error = np.where(known & (information > 0), 1 / np.sqrt(information), np.nan)
    known = np.isfinite(error)
    degrees = np.maximum(freedom, 1.0)
    all_degrees = degrees * np.maximum(windows - 1, 1)
    raised = special.fdtri(degrees, all_degrees, CONFIDENCE) * degrees / special.chdtri(degrees, 1 - CONFIDENCE)
    margin = (raised - 1) * np.where(known, error, 0.0) * np.sqrt(all_degrees / 2)
    cautious = np.minimum(rho + margin, 1.0)
    return Correlated(np.where(known, rho, 0.0), error, windows, np.where(known, cautious, 0.0))


def _solved(per_degree: FloatArray, base: FloatArray, slope: FloatArray, freedom: FloatArray) -> FloatArray:
    """Return ρ per group by bisection of its logarithm; 0 where even 0 is too large."""
    cap = special.chdtri(freedom, 1 - _CAP_LEVEL) / freedom
    # E[min(χ²/f, c)] = P(χ²_{f+2} < f·c) + c·P(χ²_f > f·c)
    centre = special.chdtr(freedom + 2, freedom * cap) + cap * (1 - _CAP_LEVEL)

    def excess(rho: FloatArray) -> FloatArray:
        scale = base + rho * slope
        ratio = np.divide(per_degree, scale, out=np.zeros_like(scale), where=scale > 0)
        pull = np.divide(slope, scale, out=np.zeros_like(scale), where=scale > 0)
        return np.asarray((pull * (np.minimum(ratio, cap) - centre)).sum(axis=0))

    low, high = np.full(freedom.shape, np.log(_SMALLEST)), np.zeros(freedom.shape)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        up = excess(np.exp(middle)) > 0
        low, high = np.where(up, middle, low), np.where(up, high, middle)
    return np.where(excess(np.zeros(freedom.shape)) > 0, np.exp((low + high) / 2), 0.0)


def _merged(counts: FloatArray, usual: FloatArray) -> FloatArray:
    """Return the counts with small cells thrown together; those that went elsewhere are 0 in all windows.

    The cells of a group are ordered by size, and all that begin within the same multiple of the least size are one:
    so none is much smaller, and large ones are as they were. `usual` are the rows of a usual window.
    """
    totals = counts.sum(axis=0)
    order = np.argsort(totals, axis=1, kind="stable")
    ordered = np.take_along_axis(counts, order[None], axis=2)
    shares = np.take_along_axis(totals, order, axis=1) / np.maximum(totals.sum(axis=1), 1.0)[:, None]
    many = np.count_nonzero(totals, axis=1) > MAX_CELLS
    rows = np.where(np.count_nonzero(totals, axis=1) > 2, MIN_EXPECTED, 1.0)
    least = np.maximum(np.where(many, 1 / MAX_CELLS, 0.0), rows / np.maximum(usual, 1.0))
    expected = shares / least[:, None]
    cell = np.floor(np.cumsum(expected, axis=1) - expected + 1e-9)
    last = np.ones(cell.shape, bool)
    last[:, :-1] = cell[:, 1:] != cell[:, :-1]
    below = np.cumsum(ordered, axis=2)
    before = np.maximum.accumulate(np.where(last, below, 0.0), axis=2)
    before = np.concatenate((np.zeros((*before.shape[:2], 1)), before[:, :, :-1]), axis=2)
    return np.where(last, below - before, 0.0)
