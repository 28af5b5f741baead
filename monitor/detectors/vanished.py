"""Known values that are no longer there, though the window has rows enough for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy import special

from monitor.detectors import settings
from monitor.detectors.cells import CellPair
from monitor.detectors.known import Known, in_cells
from monitor.intervals import CONFIDENCE, wilson
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, FloatArray, MaskArray, Score

_HALF = (1 - CONFIDENCE) / 2
"""Each of the two ways to be wrong (nothing vanished, or less did) has half of the 5 %."""
_QUANTILE = float(special.ndtri(1 - _HALF))


class VanishedSpec(Spec):
    """Baseline's share of the known values that are (nearly) gone, in 0 … 1; categories only."""

    field_types: ClassVar[frozenset[FieldType]] = settings.CATEGORIES
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          country: {type: category}
        drift:
          - {kind: vanished, warning: 0.01, critical: 0.05, min_expected: 10}
    """

    kind: Literal["vanished"] = "vanished"
    warning: settings.WarningAbove = 0.01
    critical: settings.CriticalAbove = 0.05
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None
    min_expected: Annotated[
        float, Field(ge=1, description="values of which fewer rows are to be expected in the window are not looked at")
    ] = 10.0
    max_remaining_ratio: Annotated[
        float, Field(ge=0, lt=1, description="so much of its share, at most, is left of a value that has vanished")
    ] = 0.1

    def build(self) -> Vanished:
        """Return the detector."""
        return Vanished(self)


@dataclass(frozen=True)
class Vanished:
    """Σ p over the known values that vanished, with p their shares in the baseline.

    These are the values of which at least `min_expected` rows, n·p, are to be expected (as independent rows count), and
    whose share now is at most `max_remaining_ratio` of p. A side without rows gives NaN; no value frequent enough
    gives 0. `contributions` hold -p for each vanished value.

    No drift: a value with n·p = 10 has at most one row by chance in 0.05 % of windows; each such chance is that of its
    rows in window and baseline so few fall into the window. `noise_floor` is Σ p·chance. `p_value` is the smallest
    chance of the values that seem to have vanished, times the number of those looked at (Holm's first step).

    Guarantee: `lower_bound` is of the values that Holm's procedure at 2.5 % confirms, the lower end of Wilson's
    interval of their share together; so with no drift it is above 0 in at most 2.5 % of windows, and above the true
    share in at most 5 %.
    Source: Przyborowski & Wilenski (1940) for the test; Holm (1979).
    """

    spec: VanishedSpec

    def needs(self, field: str, field_type: FieldType = "category") -> settings.CellsSpec:
        """Return the Spec of the counts compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Known, current: Known, rho: Correlation = 0.0) -> Score:
        """Return the share of vanished values in every group."""
        pair = CellPair.of_counts(baseline.counts, current.counts, settings.correlation(self.spec.rho, rho))
        rows_before, rows_now = (rows[:, None] for rows in pair.rows)
        p, q = (shares[:, :-2] for shares in pair.shares)
        expected = rows_now * p
        looked_at = expected >= self.spec.min_expected
        left = self.spec.max_remaining_ratio
        gone = looked_at & (q <= left * p)
        chance = _so_few(q * rows_now, p, rows_now, rows_before, gone)
        sure = gone & _holm(chance, looked_at.sum(axis=1))
        score, held = ((p * mask).sum(axis=1) for mask in (gone, sure))
        low, _ = wilson(np.minimum(held, 1.0), rows_before[:, 0], _QUANTILE)
        number = np.maximum(looked_at.sum(axis=1), 1)
        smallest = chance.min(axis=1, initial=1.0)
        few = _so_few(np.floor(left * expected), p, rows_now, rows_before, looked_at)
        contributions = np.zeros_like(pair.current)
        contributions[:, :-2] = -p * gone
        return pair.score(
            score,
            noise_floor=np.minimum((p * looked_at * few).sum(axis=1), 1.0),
            lower_bound=np.where(sure.any(axis=1), np.minimum(low, score), 0.0),
            p_value=np.where(gone.any(axis=1), np.minimum(smallest * number, 1.0), 1.0),
            contributions=in_cells(baseline, contributions),
        )


def _so_few(rows: FloatArray, share: FloatArray, n: FloatArray, m: FloatArray, where: MaskArray) -> FloatArray:
    """Return the chance of so few rows among n of a value that had this share of m; where not asked for, 1."""
    found = np.ones(share.shape)
    then = np.maximum((share * m)[where], 1e-9)
    found[where] = special.betainc(then, rows[where] + 1, np.broadcast_to(m / (n + m), share.shape)[where])
    return found


def _holm(chance: FloatArray, tested: FloatArray) -> MaskArray:
    """Return which chances (groups x values) are significant at 2.5 % when so many values were tested in each group."""
    if chance.shape[1] == 0:
        return np.zeros(chance.shape, np.bool_)
    order = np.argsort(chance, axis=1, kind="stable")
    ascending = np.take_along_axis(chance, order, axis=1)
    left = np.maximum(tested[:, None] - np.arange(chance.shape[1]), 1)
    passed = np.logical_and.accumulate(ascending * left <= _HALF, axis=1)
    found = np.zeros(chance.shape, np.bool_)
    np.put_along_axis(found, order, passed, axis=1)
    return found
