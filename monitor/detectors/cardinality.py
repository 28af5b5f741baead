"""Number of different values in a window, against what the baseline would give at as many rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy import special

from monitor.detectors import settings
from monitor.detectors.cells import CellPair
from monitor.detectors.known import Known, in_cells
from monitor.detectors.signed import Signed
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, FloatArray, Score


class CardinalityShiftSpec(Spec):
    """Change of the number of different known values, as a share of what the baseline would give; categories only."""

    field_types: ClassVar[frozenset[FieldType]] = settings.CATEGORIES
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          merchant: {type: category}
        drift:
          - {kind: cardinality_shift, warning: 0.2, critical: 0.5, direction: down}
    """

    kind: Literal["cardinality_shift"] = "cardinality_shift"
    warning: settings.WarningAbove = 0.2
    critical: settings.CriticalAbove = 0.5
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None
    direction: settings.Direction = "both"

    def build(self) -> CardinalityShift:
        """Return the detector."""
        return CardinalityShift(self)


@dataclass(frozen=True)
class CardinalityShift:
    """How far D, the known values that occur in the window, is from what is to be expected there, as a share of it.

    A value with b of the baseline's m rows occurs among n rows drawn from those m with the chance 1 - (1 - n/m)^b
    (rarefaction), which for n ≪ m is 1 - (1 - b/m)^n; E' is the sum. D above E' is a rise. A fresh window has fewer of
    them, for the baseline's rare values are there by luck: take a row away, and its value occurred b - 1 times.
    So D is a fall only below E = Σ 1 - (m/(m + n))^(b-1), where b - 1 is as sure as b - 1 rows make it (Poisson's law
    with a gamma posterior). Score: (D - E')/E' or (E - D)/E', and 0 in between.

    Known are the values in the baseline's dictionary (`max_categories`): of the rest rows are counted, not values. So
    new values do not raise D; `unseen` is for them. For numbers and texts there is no such detector, since distinct
    counts of different numbers of rows cannot be compared without the frequencies.
    A side without rows gives NaN. `direction: up` (`down`) counts rises (falls) only. `contributions` are, by value,
    how much its presence differs from its chance, as a share of E'.

    No drift: D's variance is Σ r·(1 - r), r = (m/(m + n))^b, which holds the error of the baseline too (that for
    correlated rows, where it is larger); `noise_floor` and `p_value` are those of a normal number with it, and on the
    safe side where many values are rare.

    Guarantee: `lower_bound` leaves 1.96 (1.645 in one direction) of these deviations; asymptotic in E, and with
    correlated rows a fall counts against the E of the rows they are worth.
    Source: Hurlbert (1971) for rarefaction; Efron & Thisted (1976) for the model.
    """

    spec: CardinalityShiftSpec

    def needs(self, field: str, field_type: FieldType = "category") -> settings.CellsSpec:
        """Return the Spec of the counts compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Known, current: Known, rho: Correlation = 0.0) -> Score:
        """Return the change of the number of values in every group."""
        pair = CellPair.of_counts(baseline.counts, current.counts, settings.correlation(self.spec.rho, rho))
        signed = Signed(self.spec.direction)
        before, now = pair.baseline[:, :-2], pair.current[:, :-2]
        present = now > 0
        seen = present.sum(axis=1).astype(np.float64)
        part = pair.n_current / np.maximum(pair.n_baseline, 1)
        drawn = 1 - np.power(np.maximum(1 - part, 0.0)[:, None], before)
        left = 1 / (1 + part / pair.effect)[:, None]
        chance, of_independent = (1 - np.power(x, before) for x in (left, 1 / (1 + part)[:, None]))
        most = drawn.sum(axis=1)
        least = np.minimum((1 - np.power(left, np.maximum(before - 1, 0.0))).sum(axis=1), most)
        unit = np.maximum(most, 1.0)
        change = (np.maximum(seen - most, 0.0) - np.maximum(least - seen, 0.0)) / unit
        variances = [(x * (1 - x)).sum(axis=1) for x in (chance, of_independent)]
        deviation = np.sqrt(np.maximum(*variances)) / unit
        score = signed.magnitude(change)
        parts = np.zeros_like(pair.current)
        parts[:, :-2] = (present - chance) / unit[:, None]
        return pair.score(
            score,
            noise_floor=_mean_beyond(deviation, (most - least) / unit, self.spec.direction),
            lower_bound=np.maximum(score - signed.quantile * deviation, 0.0),
            p_value=signed.p_value(change, deviation),
            contributions=in_cells(baseline, parts),
            change=change,
        )


def _mean_beyond(deviation: FloatArray, gap: FloatArray, direction: str) -> FloatArray:
    """Return how far normal noise is below 0 or above the gap, on average, in the direction that counts."""
    size = np.divide(gap, deviation, out=np.zeros_like(gap), where=deviation > 0)
    density = np.exp(-(size**2) / 2) / math.sqrt(2 * math.pi)
    above = deviation * np.maximum(density - size * special.ndtr(-size), 0.0)
    below = deviation / math.sqrt(2 * math.pi)
    found: FloatArray = above * (direction != "down") + below * (direction != "up")
    return found
