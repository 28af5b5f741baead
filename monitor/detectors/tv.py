"""Total variation: the share of rows that would have to move for the two to be alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from monitor.detectors import settings
from monitor.detectors.cells import CellPair, Cells
from monitor.intervals import CONFIDENCE
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, Score


class TotalVariationSpec(Spec):
    """Total variation distance over quantile cells (numbers) or known values (categories), in 0 … 1."""

    field_types: ClassVar[frozenset[FieldType]] = settings.NUMBERS | settings.CATEGORIES
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          country: {type: category}
        drift:
          - {kind: tv, level_on: raw}
    """

    kind: Literal["tv"] = "tv"
    warning: settings.WarningAbove = 0.1
    critical: settings.CriticalAbove = 0.2
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None
    buckets: settings.Buckets = 10

    def build(self) -> TotalVariation:
        """Return the detector."""
        return TotalVariation(self)


@dataclass(frozen=True)
class TotalVariation:
    """TV = ½·Σ |q - p|, with p and q the plain shares of baseline (m rows) and current (n), over B cells.

    A side without rows gives NaN; a single cell gives 0; no common cell gives 1. `contributions` are
    ½(q - p), so a cell that gained is positive.

    No drift: E[TV] ≈ √(K/(2π))·Σ √(p(1-p)), with K = 1/n + 1/m: 0.12 at ten equal cells, n = 100.

    Guarantee, at every n and m when rows are independent: E[observed] ≤ TV + ½√((B-1)·K), and one row
    moves the observed distance by 1/n or 1/m at most, so by McDiarmid's inequality the true distance is
    below `lower_bound` = TV - ½√((B-1)·K) - √(K·ln(20)/2) with probability 0.05 at most. `p_value` is the
    same inequality read the other way: valid, and larger than an exact one. With `rho` both are approximate.
    Source: McDiarmid, On the method of bounded differences (1989).
    """

    by_rows: ClassVar[bool] = True
    spec: TotalVariationSpec

    def needs(self, field: str, field_type: FieldType = "number") -> settings.CellsSpec:
        """Return the Spec of the cells compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Cells, current: Cells, rho: Correlation = 0.0) -> Score:
        """Return the distance of every group."""
        pair = CellPair.of(baseline, current, self.spec.buckets, settings.correlation(self.spec.rho, rho))
        before, now = pair.shares
        halves = (now - before) / 2
        distance = np.minimum(np.abs(halves).sum(axis=1), 1.0)
        spread = np.sqrt(pair.pooled * (1 - pair.pooled)).sum(axis=1)
        excess = np.maximum(distance - np.sqrt((before.shape[1] - 1) * pair.noise) / 2, 0.0)
        margin = np.sqrt(pair.noise * math.log(1 / (1 - CONFIDENCE)) / 2)
        return pair.score(
            distance,
            noise_floor=np.minimum(np.sqrt(pair.noise / (2 * math.pi)) * spread, 1.0),
            lower_bound=np.maximum(excess - margin, 0.0),
            p_value=np.exp(-2 * excess**2 / pair.noise),
            contributions=halves,
        )
