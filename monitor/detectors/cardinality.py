"""Number of different values in a window, against what the baseline would give at as many rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from monitor.accumulators.categories import CategoriesSpec
from monitor.accumulators.histogram import HistogramSpec
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
    """|D/E - 1|, with D the known values that occur in the window and E = Σ 1 - (1 - n/m)^b how many of them would
    occur if its n rows were drawn from the baseline's m, of which b have this value (rarefaction; n at most m).

    Known are the values in the baseline's dictionary (`max_categories`): only rows, not values, are counted of the rest.
    So new values do not raise D; `unseen` is for them. But where D is too small, as many unseen rows as are to be
    expected anyhow (N₁·n/m, N₁ the values that occurred once) count as values, for they take the place of
    rare known ones. For numbers and texts there is no such detector: distinct counts of
    different numbers of rows cannot be compared without the frequencies.
    A side without rows gives NaN. `direction: up` (`down`) counts rises (falls) only. `contributions` are, by value, how
    much its presence differs from 1 - (1 - n/m)^b, as a share of E.

    No drift: D's variance is at most Σ (1 - n/m)^b·(1 - (1 - n/m)^b); E's own error adds a part n/m of it.
    `noise_floor` and `p_value` are those of a normal number with this variance.

    Guarantee: `lower_bound` leaves 1.96 (1.645 in one direction) of these deviations; asymptotic in E, and with
    correlated rows a fall counts against the E of the rows they are worth.
    Source: Hurlbert (1971), in the binomial form of Coleman (1981).
    """

    spec: CardinalityShiftSpec

    def needs(self, field: str, field_type: FieldType = "category") -> HistogramSpec | CategoriesSpec:
        """Return the Spec of the counts compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Known, current: Known, rho: Correlation = 0.0) -> Score:
        """Return the change of the number of values in every group."""
        pair = CellPair.of_counts(baseline.counts, current.counts, settings.correlation(self.spec.rho, rho))
        signed = Signed(self.spec.direction)
        before, now = pair.baseline[:, :-2], pair.current[:, :-2]
        present = now > 0
        seen = present.sum(axis=1).astype(np.float64)
        part = np.minimum(pair.n_current / np.maximum(pair.n_baseline, 1), 1.0)
        absent = _absent(before, part)
        absent_fewer = _absent(before, np.minimum(part / pair.design_effect, 1.0))
        most = (1 - absent).sum(axis=1)
        least = np.minimum((1 - absent_fewer).sum(axis=1), most)
        new = np.minimum(pair.current[:, -2], (before == 1).sum(axis=1) * part)
        # Between the two, and with unseen values in the place of rare ones, nothing has changed.
        difference = np.where(seen > most, seen - most, np.minimum(seen + new - least, 0.0))
        unit = np.maximum(most, 1.0)
        change = difference / unit
        variance = np.maximum(*((x * (1 - x)).sum(axis=1) for x in (absent, absent_fewer)))
        deviation = np.sqrt(variance * (1 + part)) / unit
        score = signed.magnitude(change)
        parts = np.zeros_like(pair.current)
        parts[:, :-2] = (present - (1 - absent)) / unit[:, None]
        return pair.score(
            score,
            noise_floor=signed.mean_magnitude(deviation),
            lower_bound=np.maximum(score - signed.quantile * deviation, 0.0),
            p_value=signed.p_value(change, deviation),
            contributions=in_cells(baseline, parts),
            change=change,
        )


def _absent(counts: FloatArray, part: FloatArray) -> FloatArray:
    """Return the chance of each value (groups x values) to be absent when this part of the rows is drawn."""
    return np.asarray(np.power((1 - part)[:, None], counts))
