"""Population stability index: the detector most people know, with the noise taken out of its bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from monitor.detectors import settings
from monitor.detectors.cells import CellPair, Cells
from monitor.detectors.chance import confidence, psi_terms
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, Score


class PsiSpec(Spec):
    """Population stability index over quantile cells (numbers) or known values (categories)."""

    field_types: ClassVar[frozenset[FieldType]] = settings.NUMBERS | settings.CATEGORIES
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          amount: {type: number}
          country: {type: category}
        drift:
          - {kind: psi, warning: 0.1, critical: 0.25, buckets: 10}
    """

    kind: Literal["psi"] = "psi"
    warning: settings.WarningAbove = 0.1
    critical: settings.CriticalAbove = 0.25
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None
    buckets: settings.Buckets = 10

    def build(self) -> Psi:
        """Return the detector."""
        return Psi(self)


@dataclass(frozen=True)
class Psi:
    """PSI = Σ (q - p)·ln(q/p), with p and q the shares of B cells in baseline (m rows) and current (n).

    Shares carry half a count: q = (c + ½)/(n + B/2), so that the score is finite. A side without rows
    gives NaN; a single cell gives 0. `contributions` are the terms, signed by q - p.

    No drift: PSI/K is about chi² with B-1 degrees of freedom, K = 1/n + 1/m, so E[PSI] = (B-1)·K: at
    B = 10, n = 100 it exceeds 0.1 in a third of all windows. Cells empty on both sides have no noise;
    they leave the degrees of freedom, and the constant that the half counts put into them is added to
    `noise_floor`.

    Guarantee: the true PSI is at least `lower_bound` in about 95 % of windows (93–98 % measured from n = 100 to
    100,000, 5 to 50 cells, with and without correlation). It and `p_value` are made by `chance.confidence`.
    Source: Yurdakul, Statistical properties of the population stability index (2018).
    """

    by_rows: ClassVar[bool] = True
    spec: PsiSpec

    def needs(self, field: str, field_type: FieldType = "number") -> settings.CellsSpec:
        """Return the Spec of the cells compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Cells, current: Cells, rho: Correlation = 0.0) -> Score:
        """Return the PSI of every group."""
        pair = CellPair.of(baseline, current, self.spec.buckets, settings.correlation(self.spec.rho, rho))
        before, now = pair.smoothed
        terms = (now - before) * np.log(now / before)
        psi = terms.sum(axis=1)
        constant = np.where(pair.occupied, 0.0, terms).sum(axis=1)
        sure = confidence(pair, psi_terms)
        return pair.score(
            psi,
            noise_floor=pair.freedom * pair.noise + constant,
            lower_bound=np.minimum(sure.lower_bound, psi),
            p_value=sure.p_value,
            contributions=np.sign(now - before) * terms,
        )
