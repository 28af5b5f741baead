"""The chi-squared and the G test of two samples, with an effect size that does not grow with the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy import special

from monitor.detectors import settings
from monitor.detectors.cells import CellPair, Cells
from monitor.detectors.chance import chi2_terms, confidence
from monitor.detectors.noncentral import chi_mean, p_value
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, FloatArray, Score


class ChiSquaredSpec(Spec):
    """Cramér's V of the table (baseline, current) x cells at equal weight of both, in 0 … 1."""

    field_types: ClassVar[frozenset[FieldType]] = settings.NUMBERS | settings.CATEGORIES
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          country: {type: category}
        drift:
          - {kind: chi2, warning: 0.15, critical: 0.25}
    """

    kind: Literal["chi2"] = "chi2"
    warning: settings.WarningAbove = 0.15
    critical: settings.CriticalAbove = 0.25
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None
    buckets: settings.Buckets = 10
    statistic: Annotated[
        Literal["pearson", "g"], Field(description="test that gives the p-value: Pearson's chi-squared, or G")
    ] = "pearson"

    def build(self) -> ChiSquared:
        """Return the detector."""
        return ChiSquared(self)


@dataclass(frozen=True)
class ChiSquared:
    """V = √(½·Σ (q - p)²/(p + q)): Cramér's V of the 2 x B table whose two rows weigh the same.

    p and q are the plain shares of baseline (m rows) and current (n). At n = m it is the usual V. At
    n ≪ m the usual V shrinks with n/m whatever the drift, which no threshold survives; hence the equal
    weights. Cells empty on both sides are left out. A side without rows gives NaN; a single cell gives
    0; no common cell gives 1. `contributions` are the terms of V², signed by q - p.

    `p_value` is that of the ordinary two-sample test: X² = Σ (q - p)²/(K·s), s the pooled share,
    K = 1/n + 1/m, with B-1 degrees of freedom; poor where expected counts are under about 5. With `statistic: g`
    it is that of G = 2·(n·Σ q·ln(q/s) + m·Σ p·ln(p/s)), the likelihood-ratio test, which equals X² in the limit
    and weighs new and vanished cells more. The effect, and so the level, is V in either case.

    No drift: 4·V²/K is about chi² with B-1 degrees of freedom, so E[V] ≈ ½√((B-1)·K): 0.15 at B = 10, n = 100.

    Guarantee: the true effect is at least `lower_bound` in about 95 % of windows (95–98.7 % measured from n = 100 on);
    made by `chance.confidence`.
    Source: Pearson (1900); Wilks (1938) for G; Cramér, Mathematical Methods of Statistics (1946).
    """

    by_rows: ClassVar[bool] = True
    spec: ChiSquaredSpec

    def needs(self, field: str, field_type: FieldType = "number") -> settings.CellsSpec:
        """Return the Spec of the cells compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Cells, current: Cells, rho: Correlation = 0.0) -> Score:
        """Return the effect size of every group."""
        pair = CellPair.of(baseline, current, self.spec.buckets, settings.correlation(self.spec.rho, rho))
        before, now = pair.shares
        squares = (now - before) ** 2
        terms = _ratio(squares, before + now) / 2
        squared = np.minimum(terms.sum(axis=1), 1.0)
        effect = np.sqrt(squared)
        unit = pair.noise / 4
        sure = confidence(pair, chi2_terms)
        return pair.score(
            effect,
            noise_floor=np.minimum(np.sqrt(unit) * chi_mean(pair.freedom), 1.0),
            lower_bound=np.minimum(np.sqrt(sure.lower_bound / 4), effect),
            p_value=p_value((_g if self.spec.statistic == "g" else _pearson)(pair), pair.freedom),
            contributions=np.sign(now - before) * terms,
        )


def _pearson(pair: CellPair) -> FloatArray:
    before, now = pair.shares
    found: FloatArray = _ratio((now - before) ** 2, pair.pooled).sum(axis=1) / pair.noise
    return found


def _g(pair: CellPair) -> FloatArray:
    before, now = pair.shares
    entropies = (special.rel_entr(shares, pair.pooled).sum(axis=1) for shares in (now, before))
    divergence_now, divergence_before = entropies
    return np.asarray(2 * (pair.rows[1] * divergence_now + pair.rows[0] * divergence_before))


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
