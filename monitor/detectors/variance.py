"""Change of the spread of a number, relative to the baseline's, that no single value can bring about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from monitor.detectors import settings
from monitor.detectors.drawn_in import DrawnIn, drawn_in
from monitor.detectors.located import Located, Places
from monitor.detectors.signed import Signed
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, FloatArray, Score

_EVENLY = 1 / 3
"""Of the variance that a cell allows, what values spread evenly in it have."""


class VarianceShiftSpec(Spec):
    """Change of the standard deviation as a share of the baseline's, up or down; numbers only."""

    field_types: ClassVar[frozenset[FieldType]] = settings.NUMBERS
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          amount: {type: number}
        drift:
          - {kind: variance_shift, warning: 0.25, critical: 0.5}
    """

    kind: Literal["variance_shift"] = "variance_shift"
    warning: settings.WarningAbove = 0.25
    critical: settings.CriticalAbove = 0.5
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None
    direction: settings.Direction = "both"

    def build(self) -> VarianceShift:
        """Return the detector."""
        return VarianceShift(self)


@dataclass(frozen=True)
class VarianceShift:
    """|s/σ - 1|, with σ and s the standard deviations of baseline and current, drawn in; 0.5: half as much again.

    Values stand as in `DrawnIn`, spread evenly in the inner cells, with a reach beyond the outermost cuts (the
    baseline's quantiles 0.02 and 0.98) of the deviation that the baseline has when all stand at the cuts, or one unit
    where that is 0. What the current window has beyond them in excess of the baseline is taken to scatter there as much
    as the baseline does in all, as far as it takes to explain a fall: else a shift of the mean would be one. A wider
    spread reads a little too small: of normal values twice as wide, 0.9 instead of 1. Where σ is 0 (constant), s counts
    in units of `Places`. `direction: up` (`down`) counts rises (falls) only.
    A side without rows gives NaN. `contributions` are the cells' parts of s² - σ² in magnitude, signed by q - p.

    No drift: E[score] ≈ √(2/π)·√((κ - 1)·K)/2, κ the kurtosis (about 2.5 of drawn-in normal values), K = 1/n + 1/m:
    0.05 at n = 100. `p_value` is that of a normal test of s² = σ² with the larger of the two sides' fourth moments.

    Guarantee: `lower_bound` is made of the interval s² - σ² ± z·√(max(a_s, a_σ)/n + a_σ/m), a = μ₄ - variance², and
    holds at 95 % asymptotically; it depends on the kurtosis as it is, not as normal values would have it.
    Source: the delta method, as in Serfling, Approximation Theorems of Mathematical Statistics (1980).
    """

    spec: VarianceShiftSpec

    def needs(self, field: str, field_type: FieldType = "number") -> settings.CellsSpec:
        """Return the Spec of the histogram compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Located, current: Located, rho: Correlation = 0.0) -> Score:
        """Return the change in every group."""
        places = Places.of(baseline, current, settings.correlation(self.spec.rho, rho))
        held = drawn_in(places, 0.0)[0].moments(_EVENLY)[0]
        before, now = drawn_in(places, np.where(held > 0, np.sqrt(held), 1.0))
        rows_before, rows_now = places.pair.rows
        signed = Signed(self.spec.direction)
        (v, fourth_before), (w, fourth_now) = before.moments(_EVENLY), now.moments(_EVENLY)
        w = np.where(w < v, np.minimum(w + _excess_beyond(before, now) * v, v), w)
        a, b = np.maximum(fourth_before - v**2, 0.0), np.maximum(fourth_now - w**2, 0.0)
        error = np.sqrt(np.maximum(a, b) / rows_now + a / rows_before)
        margin = signed.quantile * error
        # Towards no change, and not beyond it.
        sure = np.where(w > v, np.maximum(w - margin, v), np.minimum(w + margin, v))
        unit = np.where(v > 0, np.sqrt(v), 1.0)
        change = (np.sqrt(w) - np.sqrt(v)) / unit
        score = signed.magnitude(change)
        bound = signed.magnitude((np.sqrt(sure) - np.sqrt(v)) / unit)
        half = np.divide(np.sqrt(a * places.pair.noise), 2 * v, out=np.zeros_like(v), where=v > 0)
        return places.pair.score(
            score,
            noise_floor=signed.mean_magnitude(half),
            lower_bound=np.minimum(bound, score),
            p_value=signed.p_value(w - v, error),
            contributions=_parts(before, now),
            change=change,
        )


def _excess_beyond(before: DrawnIn, now: DrawnIn) -> FloatArray:
    """Return the share of current values beyond the outermost cuts above that of the baseline, per group."""
    gained = np.maximum(now.shares - before.shares, 0.0)
    if gained.shape[1] == 1:
        return np.zeros(len(gained))
    found: FloatArray = gained[:, 0] + gained[:, -1]
    return found


def _parts(before: DrawnIn, now: DrawnIn) -> FloatArray:
    """Return what each cell adds to the change of the variance, as magnitude, with a plus where the cell gained."""
    parts = [side.shares * np.square(side.places - side.mean[:, None]) for side in (before, now)]
    found: FloatArray = np.sign(now.shares - before.shares) * np.abs(parts[1] - parts[0])
    return found
