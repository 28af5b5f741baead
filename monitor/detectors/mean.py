"""Shift of the mean, in standard deviations of the baseline, that no single value can bring about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy import special

from monitor.detectors import settings
from monitor.detectors.drawn_in import DrawnIn, drawn_in
from monitor.detectors.located import Located, Places
from monitor.detectors.signed import Signed
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, FloatArray, Score


class MeanShiftSpec(Spec):
    """Shift of the mean in robust standard deviations of the baseline, up or down; numbers only."""

    field_types: ClassVar[frozenset[FieldType]] = settings.NUMBERS
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          amount: {type: number}
        drift:
          - {kind: mean_shift, warning: 0.25, critical: 0.5, direction: up}
    """

    kind: Literal["mean_shift"] = "mean_shift"
    warning: settings.WarningAbove = 0.25
    critical: settings.CriticalAbove = 0.5
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None
    direction: settings.Direction = "both"

    def build(self) -> MeanShift:
        """Return the detector."""
        return MeanShift(self)


@dataclass(frozen=True)
class MeanShift:
    """Δ = mean(current) - mean(baseline) of the drawn-in values, in units of the baseline; the score is |Δ|.

    `Places` defines the unit, the baseline's interquartile range / 1.349 as a rule; `DrawnIn` where values stand: at
    their cell's own mean, in the two open cells at most one unit beyond the outermost cuts (the baseline's quantiles
    0.02 and 0.98). So Δ is the exact difference of the means while the values beyond those cuts stay near them, and a
    single value of any size moves it by at most their share in units: 0.02 without drift, 0.1 in a window shifted by
    1. The price: a shift of normal values by more than 3 reads 3, and of heavy tails only what is within reach counts.
    `direction: up` (`down`) counts rises (falls) only, the score of others is 0; `Score.direction` says which it was.
    A side without rows gives NaN. `contributions` are the cells' parts of Δ in magnitude, signed by q - p.

    No drift: E[score] ≈ √(2/π)·σ·√K with σ the drawn-in deviation in units (1 of normal values), K = 1/n + 1/m: 0.08
    at n = 100; half of it in one direction. `p_value` is that of Welch's test on the larger of the two variances.

    Guarantee: `lower_bound` = |Δ| - t·√(max(s², σ²)/n + σ²/m) is at most the true shift of the drawn-in mean in 95 % of
    windows, asymptotically. The larger variance of the two protects small windows in which rare values happen to be
    absent. t is Student's quantile at 0.975 (0.95 in one direction) with the smaller side's rows less one.
    Source: Welch (1947); winsorised means in Huber & Ronchetti, Robust Statistics (2009).
    """

    spec: MeanShiftSpec

    def needs(self, field: str, field_type: FieldType = "number") -> settings.CellsSpec:
        """Return the Spec of the histogram compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Located, current: Located, rho: Correlation = 0.0) -> Score:
        """Return the shift in every group."""
        places = Places.of(baseline, current, settings.correlation(self.spec.rho, rho))
        before, now = drawn_in(places)
        rows_before, rows_now = places.pair.rows
        change = now.mean - before.mean
        variance_before, variance_now = before.moments(1.0)[0], now.moments(1.0)[0]
        error = np.sqrt(np.maximum(variance_now, variance_before) / rows_now + variance_before / rows_before)
        freedom = np.maximum(np.minimum(rows_now, rows_before) - 1, 1.0)
        signed = Signed(self.spec.direction)
        margin = special.stdtrit(freedom, signed.confidence) * error
        score = signed.magnitude(change)
        return places.pair.score(
            score,
            noise_floor=signed.mean_magnitude(np.sqrt(variance_before * places.pair.noise)),
            lower_bound=np.maximum(score - margin, 0.0),
            p_value=signed.p_value(change, error, freedom),
            contributions=_parts(before, now),
            change=change,
        )


def _parts(before: DrawnIn, now: DrawnIn) -> FloatArray:
    """Return what each cell adds to the shift, as magnitude, with a plus where the cell gained."""
    centre = before.mean[:, None]
    parts = now.shares * (now.places - centre) - before.shares * (before.places - centre)
    found: FloatArray = np.sign(now.shares - before.shares) * np.abs(parts)
    return found
