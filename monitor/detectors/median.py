"""Shift of the median, in standard deviations of the baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from scipy import special

from monitor.detectors import settings
from monitor.detectors.located import Located, Places
from monitor.detectors.signed import Signed
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, FloatArray, Score


class MedianShiftSpec(Spec):
    """Shift of the median in robust standard deviations of the baseline, up or down; numbers only."""

    field_types: ClassVar[frozenset[FieldType]] = settings.NUMBERS
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          amount: {type: number}
        drift:
          - {kind: median_shift, warning: 0.25, critical: 0.5}
    """

    kind: Literal["median_shift"] = "median_shift"
    warning: settings.WarningAbove = 0.25
    critical: settings.CriticalAbove = 0.5
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None
    direction: settings.Direction = "both"

    def build(self) -> MedianShift:
        """Return the detector."""
        return MedianShift(self)


class _Median(NamedTuple):
    """A side's median, the ends between which the sample's certainly is, and those of its confidence interval."""

    at: FloatArray
    least: FloatArray
    most: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class MedianShift:
    """Δ = median(current) - median(baseline) in units of the baseline (see `Places`); the score is |Δ|.

    A median is found in its cell of the whole grid as if the values there were spread evenly; a value that holds
    1/50 of the baseline has a cell of its own and is found exactly. Beyond the outermost cut it is at the mean of
    the values there, at most one unit beyond the cut. `error_bound`: by so much, at most, |Δ| is less than that of the
    two samples' medians (the widths of the cells around them); NaN where one lies beyond the outermost cuts.
    `direction: up` (`down`) counts rises (falls) only. A side without rows gives NaN. `contributions` are the
    differences of the cells' shares.

    No drift: the difference of the medians is beyond x in either direction about as often as a normal number with
    the deviation √K/2 is beyond F(median + x) - ½, K = 1/n + 1/m, F the baseline's distribution function, linear
    between the cuts; `noise_floor` is the mean of that: 0.1 of normal values at n = 100. `p_value` is that of a test
    whether the two sides have the same share below the cut next to the baseline's median.

    Guarantee: each median is between two order statistics with 95 % confidence, whatever the distribution, and those
    are between cuts; `lower_bound` joins the two intervals as Newcombe (method 10) does. It is conservative: by the
    widths of those cells, about 0.05 each of normal values.
    Source: Conover, Practical Nonparametric Statistics (1999) for the interval; Mood (1950) for the test.
    """

    spec: MedianShiftSpec

    def needs(self, field: str, field_type: FieldType = "number") -> settings.CellsSpec:
        """Return the Spec of the histogram compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Located, current: Located, rho: Correlation = 0.0) -> Score:
        """Return the shift in every group."""
        places = Places.of(baseline, current, settings.correlation(self.spec.rho, rho))
        pair, signed = places.pair, Signed(self.spec.direction)
        before = _median(places, pair.baseline, places.means[0], signed.quantile)
        now = _median(places, pair.current, places.means[1], signed.quantile)
        change = now.at - before.at
        rise = np.hypot(now.at - now.low, before.high - before.at)
        fall = np.hypot(now.high - now.at, before.at - before.low)
        score = signed.magnitude(change)
        beyond = np.maximum(now.most - before.least - change, change - (now.least - before.most))
        tested = np.abs(np.cumsum(pair.baseline, axis=1) / np.maximum(pair.n_baseline, 1)[:, None] - 0.5).argmin(axis=1)
        below_before, below_now = (np.cumsum(x, axis=1)[np.arange(len(tested)), tested] for x in pair.shares)
        pooled = np.cumsum(pair.pooled, axis=1)[np.arange(len(tested)), tested]
        deviation = np.sqrt(np.clip(pooled * (1 - pooled), 0.0, None) * pair.noise)
        return pair.score(
            score,
            noise_floor=_mean_noise(places, before.at) * (1.0 if self.spec.direction == "both" else 0.5),
            lower_bound=np.maximum(score - np.where(change > 0, rise, fall), 0.0),
            p_value=signed.p_value(below_before - below_now, deviation),
            contributions=pair.shares[1] - pair.shares[0],
            change=change,
            error_bound=np.where(np.isfinite(beyond), np.maximum(beyond, 0.0), np.nan),
        )


def _median(places: Places, counts: FloatArray, means: FloatArray, quantile: float) -> _Median:
    """Return the median of one side with its uncertainties."""
    low, high = places.ends
    groups = np.arange(len(counts))
    upto = np.cumsum(counts, axis=1)
    n = upto[:, -1]

    def cell_of(rank: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return where the value of a rank (from 0) may be: likely, at least, at most."""
        cell = np.argmax(upto > rank[:, None], axis=1)
        at = groups, cell
        part = (rank + 0.5 - (upto[at] - counts[at])) / np.maximum(counts[at], 1)
        with np.errstate(invalid="ignore"):
            likely = low[at] + (high[at] - low[at]) * part
        first, last = np.isinf(low[at]), np.isinf(high[at])
        near = np.where(first, high[at] - 1, low[at]), np.where(last, low[at] + 1, high[at])
        likely = np.where(first | last, np.clip(means[at], *near), likely)
        return np.where((first & last) | (n == 0), 0.0, likely), low[at], high[at]

    middle = [cell_of(np.maximum(rank, 0.0)) for rank in ((n - 1) // 2, n // 2)]
    at, least, most = ((one + other) / 2 for one, other in zip(*middle, strict=True))
    reach = quantile * np.sqrt(n * places.pair.effect) / 2
    first, last = np.floor(n / 2 - reach) - 1, np.ceil(n / 2 + reach)
    below = np.where(first < 0, -np.inf, cell_of(np.maximum(first, 0.0))[1])
    above = np.where(last > n - 1, np.inf, cell_of(np.minimum(last, np.maximum(n - 1, 0)))[2])
    return _Median(at, least, most, np.minimum(below, at), np.maximum(above, at))


def _mean_noise(places: Places, median: FloatArray) -> FloatArray:
    """Return how far, on average, a sample's median is from the baseline's, between the outermost cuts.

    That is ∫ P(sample's is farther than x) dx; where F is linear, it has a closed form.
    """
    low, high = (ends[:, 1:-1] for ends in places.ends)
    upto = np.cumsum(places.pair.shares[0], axis=1)
    steps = 2 / np.sqrt(places.pair.noise)[:, None]
    at_low, at_high = steps * (upto[:, :-2] - 0.5), steps * (upto[:, 1:-1] - 0.5)
    width = high - low
    part = np.divide(np.clip(median[:, None] - low, 0.0, width), width, out=np.zeros_like(width), where=width > 0)
    split = at_low + (at_high - at_low) * part
    left = part * _mean_tail(at_low, split)
    right = (1 - part) * _mean_tail(-at_high, -split)
    found: FloatArray = (width * (left + right)).sum(axis=1)
    return found


def _mean_tail(start: FloatArray, end: FloatArray) -> FloatArray:
    """Return the mean of the normal distribution function between start and end, element by element."""
    rise = end - start
    whole = (x * special.ndtr(x) + np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi) for x in (start, end))
    first, second = whole
    mean: FloatArray = np.divide(second - first, rise, out=special.ndtr(start), where=rise > 1e-9)
    return mean
