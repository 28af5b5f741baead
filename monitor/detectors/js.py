"""Jensen–Shannon divergence: bounded, symmetric, and at ease with empty cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy import special

from monitor.detectors import settings
from monitor.detectors.cells import CellPair, Cells
from monitor.detectors.chance import confidence, js_terms
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, FloatArray, Score

_CHI_SQUARED = 8 * math.log(2)
"""How many times the divergence (base 2) fits into the chi-squared distance of near shares."""


class JensenShannonSpec(Spec):
    """Jensen–Shannon divergence, base 2, in 0 … 1 (the divergence, not the distance, which is its root)."""

    field_types: ClassVar[frozenset[FieldType]] = settings.NUMBERS | settings.CATEGORIES
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          country: {type: category}
        drift:
          - {kind: js, warning: 0.02, critical: 0.05}
    """

    kind: Literal["js"] = "js"
    warning: settings.WarningAbove = 0.02
    critical: settings.CriticalAbove = 0.05
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None
    buckets: settings.Buckets = 10

    def build(self) -> JensenShannon:
        """Return the detector."""
        return JensenShannon(self)


@dataclass(frozen=True)
class JensenShannon:
    """JS = ½·KL(p‖h) + ½·KL(q‖h) with h = (p + q)/2 and logarithms of base 2; a divergence in 0 … 1.

    p and q are the plain shares of baseline (m rows) and current (n). scipy's `jensenshannon` is the
    *distance*, the square root of this. A side without rows gives NaN; a single cell gives 0; no common
    cell gives 1. `contributions` are the terms of the cells, signed by q - p.

    No drift: 8·ln 2·JS/K is about chi² with B-1 degrees of freedom (B occupied cells, K = 1/n + 1/m),
    so E[JS] = (B-1)·K/(8·ln 2): 0.016 at B = 10, n = 100.

    Guarantee: the true divergence is at least `lower_bound` in about 95 % of windows (95–98.5 % measured from n = 100
    on). It and `p_value` are made by `chance.confidence`.
    Source: Lin, Divergence measures based on the Shannon entropy (1991).
    """

    by_rows: ClassVar[bool] = True
    spec: JensenShannonSpec

    def needs(self, field: str, field_type: FieldType = "number") -> settings.CellsSpec:
        """Return the Spec of the cells compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Cells, current: Cells, rho: Correlation = 0.0) -> Score:
        """Return the divergence of every group."""
        pair = CellPair.of(baseline, current, self.spec.buckets, settings.correlation(self.spec.rho, rho))
        before, now = pair.shares
        terms = _terms(before, now)
        divergence = np.clip(terms.sum(axis=1), 0.0, 1.0)
        unit = pair.noise / _CHI_SQUARED
        sure = confidence(pair, js_terms)
        return pair.score(
            divergence,
            noise_floor=np.minimum(pair.freedom * unit, 1.0),
            lower_bound=np.minimum(sure.lower_bound / _CHI_SQUARED, divergence),
            p_value=sure.p_value,
            contributions=np.sign(now - before) * terms,
        )


def _terms(before: FloatArray, now: FloatArray) -> FloatArray:
    middle = (before + now) / 2
    return np.asarray((special.rel_entr(before, middle) + special.rel_entr(now, middle)) / (2 * math.log(2)))
