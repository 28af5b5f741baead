"""Hellinger distance: a true metric in 0 … 1 that weighs rare cells fairly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from monitor.detectors import settings
from monitor.detectors.cells import CellPair, Cells
from monitor.detectors.chance import confidence, hellinger_terms
from monitor.detectors.noncentral import chi_mean
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, FloatArray, Score


class HellingerSpec(Spec):
    """Hellinger distance over quantile cells (numbers) or known values (categories), in 0 … 1."""

    field_types: ClassVar[frozenset[FieldType]] = settings.NUMBERS | settings.CATEGORIES
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          country: {type: category}
        drift:
          - {kind: hellinger, min_rows: 200}
    """

    kind: Literal["hellinger"] = "hellinger"
    warning: settings.WarningAbove = 0.1
    critical: settings.CriticalAbove = 0.2
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None
    buckets: settings.Buckets = 10

    def build(self) -> Hellinger:
        """Return the detector."""
        return Hellinger(self)


@dataclass(frozen=True)
class Hellinger:
    """H = √(½·Σ (√p - √q)²), with p and q the plain shares of baseline (m rows) and current (n).

    A side without rows gives NaN; a single cell gives 0; no common cell gives 1. `contributions` are
    the terms ½(√p - √q)², signed by q - p; they sum, without their signs, to H².

    No drift: 8·H²/K is about chi² with B-1 degrees of freedom (B occupied cells, K = 1/n + 1/m), so
    E[H] ≈ √((B-1)·K/8): 0.11 at B = 10, n = 100.

    Guarantee: the true distance is at least `lower_bound` in about 95 % of windows (94–98.5 % measured from n = 100
    on). It and `p_value` are made by `chance.confidence`: of the plain shares, cells that happen to be empty in a
    small window would count as far too much.
    Source: Hellinger (1909); Le Cam & Yang, Asymptotics in Statistics (2000).
    """

    by_rows: ClassVar[bool] = True
    spec: HellingerSpec

    def needs(self, field: str, field_type: FieldType = "number") -> settings.CellsSpec:
        """Return the Spec of the cells compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Cells, current: Cells, rho: Correlation = 0.0) -> Score:
        """Return the distance of every group."""
        pair = CellPair.of(baseline, current, self.spec.buckets, settings.correlation(self.spec.rho, rho))
        before, now = pair.shares
        terms = _terms(before, now)
        distance = np.sqrt(np.minimum(terms.sum(axis=1), 1.0))
        unit = pair.noise / 8
        sure = confidence(pair, hellinger_terms)
        return pair.score(
            distance,
            noise_floor=np.minimum(np.sqrt(unit) * chi_mean(pair.freedom), 1.0),
            lower_bound=np.minimum(np.sqrt(sure.lower_bound / 8), distance),
            p_value=sure.p_value,
            contributions=np.sign(now - before) * terms,
        )


def _terms(before: FloatArray, now: FloatArray) -> FloatArray:
    return np.asarray((np.sqrt(now) - np.sqrt(before)) ** 2 / 2)
