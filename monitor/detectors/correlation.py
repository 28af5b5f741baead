"""Changes of correlation: the pair of a group's fields whose relation changed most."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import ClassVar, Literal

import numpy as np
from scipy import special

from monitor.accumulators.comoment import Comoment, ComomentSpec
from monitor.detectors import settings
from monitor.detectors.group_settings import MinRows, Sizes
from monitor.intervals import CONFIDENCE
from monitor.spec import Spec
from monitor.types import Correlation, FloatArray, IntArray, Score

_NEARLY_ONE = 1 - 1e-4
"""A correlation beyond is taken for this: what is left of 1 is rounding."""
_CONSTANT = 1e-12


class CorrelationSpec(Spec):
    """Largest change of a correlation between two of a group's fields, as difference of Fisher's z."""

    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/flights}
        fields:
          distance: {type: number}
          air_time: {type: number}
          dep_delay: {type: number}
        groups:
          - name: trip
            fields: [distance, air_time, dep_delay]
            drift:
              - {kind: correlation, warning: 0.2, critical: 0.5}
    """

    kind: Literal["correlation"] = "correlation"
    warning: settings.WarningAbove = 0.2
    critical: settings.CriticalAbove = 0.5
    level_on: settings.LevelOn = "bound"
    min_rows: MinRows = 50
    rho: settings.Rho = None

    def build(self) -> PairCorrelation:
        """Return the detector."""
        return PairCorrelation(self)


@dataclass(frozen=True)
class PairCorrelation:
    """max over pairs of |atanh r - atanh ρ|, with ρ and r the correlations in baseline and current rows.

    Values are limited to the baseline's range first. 0.1 is a small, 0.3 a medium, 0.5 a large change (Cohen's q); from
    no correlation to 0.6 is 0.69. A correlation beyond ±0.9999 is taken for that. Pairs with a field that is constant
    on either side are left out; without another pair, and with fewer than 5 baseline rows or 2 current rows a field,
    the score is NaN. `contributions` are the signed differences of all pairs; `direction` is that of the largest.

    No drift: a difference is about normal with variance K·v, K = 1/(n-3) + 1/(m-3); v is 1 for normal values and more
    for heavy tails, by the fourth moments of the baseline's rows; t with 1/(K·v) degrees of freedom stands for the
    normal. The floor is the mean of the largest of that many independent ones: 0.08 for one pair, 0.15 for ten, at n =
    100. `p_value` is Šidák's over the pairs, which holds for any correlation among them.

    Guarantee: `lower_bound` is the largest |difference| less its simultaneous 95 % margin; it exceeds the true largest
    change in at most about 5 % of windows (0–7 % measured without drift for d = 2 … 20, n = 100 and 1000, normal, t₃
    and log-normal fields).
    Source: Fisher (1921); Šidák, Rectangular confidence regions (1967).
    """

    spec: CorrelationSpec

    def needs(self, group: str, fields: tuple[str, ...]) -> ComomentSpec:
        """Return the Spec of the covariances compared."""
        return ComomentSpec(group=group, fields=fields)

    def labels(self, current: Comoment) -> tuple[str, ...]:
        """Return what the contributions are of: the pairs of fields."""
        return tuple(f"{one} ~ {other}" for one, other in combinations(current.frame.fields, 2))

    def compare(self, baseline: Comoment, current: Comoment, rho: Correlation = 0.0) -> Score:
        """Return the largest change in every group."""
        d = len(baseline.frame.fields)
        sizes = Sizes.of(baseline.n, current.n, settings.correlation(self.spec.rho, rho), d)
        rows, columns = np.triu_indices(d, 1)
        differences = _fisher(current, rows, columns) - _fisher(baseline, rows, columns)
        usable = np.isfinite(differences) & sizes.defined[:, None]
        differences = np.where(usable, differences, 0.0)
        noise = (1 / np.maximum(sizes.n - 3, 1) + 1 / np.maximum(sizes.m - 3, 1)) * sizes.effect
        variances = noise[:, None] * baseline.frame.spread[rows, columns]
        errors, distances = np.sqrt(variances), np.abs(differences)
        at, largest = np.arange(len(distances)), np.argmax(distances, axis=1)
        freedom = 1 / variances
        p = 2 * special.stdtr(freedom, -distances / errors).min(axis=1)
        margins = errors * special.stdtrit(freedom, (1 + CONFIDENCE ** (1 / rows.size)) / 2)
        return sizes.score(
            np.where(usable.any(axis=1), distances[at, largest], np.nan),
            noise_floor=np.sqrt(variances.mean(axis=1)) * _largest_of(rows.size),
            lower_bound=np.maximum(distances - margins, 0.0).max(axis=1),
            p_value=-np.expm1(rows.size * np.log1p(-np.minimum(p, 1 - 1e-16))),
            contributions=differences,
            direction=np.sign(differences[at, largest]),
        )


def _fisher(side: Comoment, rows: IntArray, columns: IntArray) -> FloatArray:
    """Return atanh of each pair's correlation (groups x pairs); NaN where a field is constant or there are no rows."""
    covariance = side.covariance
    variances = np.diagonal(covariance, axis1=1, axis2=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        below = np.sqrt(variances[:, rows] * variances[:, columns])
        correlations = np.where(below > _CONSTANT, covariance[:, rows, columns] / below, np.nan)
        return np.asarray(np.arctanh(np.clip(correlations, -_NEARLY_ONE, _NEARLY_ONE)))


@cache
def _largest_of(pairs: int) -> float:
    """Return the mean of the largest of so many independent |normal| numbers: ∫ 1 - (2Φ(x) - 1)^pairs dx."""
    x = np.linspace(0, 10, 2_001)
    inside = -np.expm1(pairs * np.log(np.maximum(2 * special.ndtr(x) - 1, 1e-300)))
    return float(np.trapezoid(inside, x))
