"""The ends between which a number is usual, from the baseline's quantiles or its moments."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from monitor.accumulators.frame import GRID_LEVELS, Frame
from monitor.accumulators.moments import Moments
from monitor.types import FloatArray

Method = Literal["iqr", "mad", "zscore"]
NORMAL_MAD = 1.4826
"""σ / MAD of the normal distribution, so that `mad` and `zscore` have one scale."""


class Fences(NamedTuple):
    """The lowest and the highest value that are no outliers."""

    low: float
    high: float


def fences(method: Method, factor: float, frame: Frame, moments: Moments) -> Fences | None:
    """Return the fences of a number field; None where the baseline has no spread by this method.

    `zscore`: mean ± factor · standard deviation, exact. `iqr` (Tukey 1977): factor · (Q3 - Q1) beyond the
    quartiles, each the middle of the quantiles around it (12/50 and 13/50; 37/50 and 38/50), so off by at
    most half their distance. `mad`: median ± factor · 1.4826 · MAD; the median is exact, for the MAD see `mad`.
    """
    if method == "zscore":
        spread = float(np.sqrt(moments.variance[0]))
        return _around(float(moments.mean[0]), float(moments.mean[0]), factor * spread)
    if frame.grid.size == 0:
        return None
    quantiles = frame.grid[frame.levels]  # of i/50 at i-1
    if method == "iqr":
        first, third = float(quantiles[11:13].mean()), float(quantiles[36:38].mean())
        return _around(first, third, factor * (third - first))
    median = float(quantiles[GRID_LEVELS // 2 - 1])
    return _around(median, median, factor * NORMAL_MAD * mad(frame))


def _around(low: float, high: float, distance: float) -> Fences | None:
    """Return the fences at a distance below and above; None unless that is a positive finite number."""
    return Fences(low - distance, high + distance) if 0 < distance < np.inf else None


def mad(frame: Frame) -> float:
    """Return the median of the absolute deviations from the median; the frame must have values.

    Solved on the line through the quantiles i/50, the lowest and the highest value. On either side of the
    median the line is right at the quantiles and off by less than 1/50 of the values between two of them: so
    the result is between the quantiles 0.46 and 0.54 of the absolute deviations (2/n more of n < 1000 values).
    """
    quantiles = np.concatenate(([frame.low], frame.grid[frame.levels], [frame.high]))
    middle = GRID_LEVELS // 2
    below = quantiles[middle] - quantiles[middle::-1]
    above = quantiles[middle:] - quantiles[middle]
    knots = np.unique(np.concatenate((below, above)))
    at_most = _share(below, knots, "right") + _share(above, knots, "right")
    less = _share(below, knots, "left") + _share(above, knots, "left")
    k = int(np.argmax(at_most >= 0.5))  # the last is 1
    if k == 0 or less[k] <= 0.5:
        return float(knots[k])
    return float(np.interp(0.5, [at_most[k - 1], less[k]], [knots[k - 1], knots[k]]))


def _share(deviations: FloatArray, at: FloatArray, side: Literal["left", "right"]) -> FloatArray:
    """Return the share of all values that lie on one side of the median, no farther than `at` from it.

    Ascending deviation i is that of the quantile i/50 away. Where several are equal to `at` (a value that
    occurs often), `left` leaves that value out and `right` takes it in.
    """
    i = np.searchsorted(deviations, at, side=side)
    before, after = np.maximum(i - 1, 0), np.minimum(i, deviations.size - 1)
    width = deviations[after] - deviations[before]
    part = np.divide(at - deviations[before], width, out=np.zeros(at.size), where=width > 0)
    inside: FloatArray = (before + np.where(i == 0, 0.0, part)) / GRID_LEVELS
    return inside


def share_outside(frame: Frame, ends: Fences) -> float:
    """Return the share of the baseline's values outside the fences, off by at most 1/50 at either of them.

    The shares below the quantiles i/50 are exact, and so many of them as fall on one value are that value's own;
    what is left between two of them, less than 1/50, is taken to be spread evenly.
    """
    edges = np.concatenate(([frame.low], frame.grid, [frame.high]))
    less = np.concatenate(([0.0], np.cumsum(frame.counts) / frame.counts.sum()))
    reached = np.searchsorted(frame.levels, np.arange(frame.grid.size), side="right") / GRID_LEVELS
    at_most = np.concatenate(([0.0], np.maximum(less[1:-1], reached), [1.0]))
    under = _below(ends.low, edges, less, at_most) if ends.low > frame.low else 0.0
    over = 1.0 - _below(np.nextafter(ends.high, np.inf), edges, less, at_most) if ends.high < frame.high else 0.0
    return under + over


def _below(value: float, edges: FloatArray, less: FloatArray, at_most: FloatArray) -> float:
    """Return the share of values less than one that lies between the first and the last edge."""
    k = int(np.searchsorted(edges, value, side="left"))
    return float(np.interp(value, edges[k - 1 : k + 1], [at_most[k - 1], less[k]]))
