"""Share of values that the baseline never had, against what is new in any window anyhow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy import special

from monitor.accumulators.frame import Frame
from monitor.detectors import settings
from monitor.detectors.cells import CellPair
from monitor.detectors.known import Known, in_cells
from monitor.intervals import ONE_SIDED, wilson
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, FloatArray, Score


class UnseenSpec(Spec):
    """Share of values that did not occur in the baseline at all, in 0 … 1; categories only."""

    field_types: ClassVar[frozenset[FieldType]] = settings.CATEGORIES
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          country: {type: category}
        drift:
          - {kind: unseen, warning: 0.01, critical: 0.05}
    """

    kind: Literal["unseen"] = "unseen"
    warning: settings.WarningAbove = 0.01
    critical: settings.CriticalAbove = 0.05
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None

    def build(self) -> Unseen:
        """Return the detector."""
        return Unseen(self)


@dataclass(frozen=True)
class Unseen:
    """max(0, u - v), u and v the shares of current and baseline rows whose value is not in the baseline's dictionary.

    v is 0 as a rule; a baseline of windows that came after its dictionary was frozen has some itself. A side without
    rows gives NaN. `contributions` hold the difference in the cell of unseen values, 0 elsewhere.

    No drift: new values come anyhow where rare ones are many. A value that occurred once is as rare as those that did
    not occur, so E[u] ≈ N₁/m, with N₁ the baseline's rows whose value occurred only once (Good & Turing; for the values
    beyond `max_categories`, of which only rows and number are known, the most there can be). `noise_floor` is the
    larger of that and the noise of v. `p_value` is that of a normal number with the errors of u and N₁/m; approximate
    where only a few rows are unseen.

    Guarantee: `lower_bound` is of the share in excess of N₁/m (or of v, where that is larger), the one-sided 95 %
    Wilson bound of u joined with the error of N₁/m, whose variance is (N₁ + 2·N₂)/m².
    Source: Good (1953); Esty, A normal limit law for a nonparametric estimator of the coverage (1983).
    """

    spec: UnseenSpec

    def needs(self, field: str, field_type: FieldType = "category") -> settings.CellsSpec:
        """Return the Spec of the counts compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Known, current: Known, rho: Correlation = 0.0) -> Score:
        """Return the share of unseen values in every group."""
        pair = CellPair.of_counts(baseline.counts, current.counts, settings.correlation(self.spec.rho, rho))
        rows_before, rows_now = pair.rows
        v, u = (shares[:, -2] for shares in pair.shares)
        once, twice = (_rare(baseline.frame, pair.baseline, times) / np.maximum(pair.n_baseline, 1) for times in (1, 2))
        expected = np.minimum(np.maximum(once, v), 1.0)
        error = np.sqrt((np.where(v > once, v, once + 2 * twice) + 1 / rows_before) / rows_before)
        low, _ = wilson(u, rows_now, ONE_SIDED)
        score = np.maximum(u - v, 0.0)
        bound = np.maximum(u - expected - np.hypot(u - low, ONE_SIDED * error), 0.0)
        both = (u * rows_now + expected * rows_before) / (rows_now + rows_before)
        deviation = np.hypot(error, np.sqrt(both * (1 - both) / rows_now))
        contributions = np.zeros_like(pair.current)
        contributions[:, -2] = score
        return pair.score(
            score,
            noise_floor=np.minimum(np.maximum(once, np.sqrt(v * (1 - v) * pair.noise / (2 * np.pi))), 1.0),
            lower_bound=np.minimum(bound, score),
            p_value=np.where(score > 0, special.ndtr((expected - u) / deviation), 1.0),
            contributions=in_cells(baseline, contributions),
        )


def _rare(frame: Frame, counts: FloatArray, times: int) -> FloatArray:
    """Return the baseline's rows, per group, whose value occurred so many times; the most there can be of the tail."""
    known = frame.counts[:-2]
    found: FloatArray = counts[:, :-2][:, known == times].sum(axis=1)
    values, rows = frame.keys.size - known.size, int(frame.counts[-1])
    if values <= 0 or rows == 0:
        return found
    most = (
        int(known[-1]) if known.size else rows
    )  # the values of the tail are not more frequent than the last known one
    if times > most:
        return found
    # As many values as can occur so seldom, if the others take as many rows as they can.
    seldom = min(values, max(0, values * most - rows) // max(most - times, 1)) if most > times else values
    return found + counts[:, -1] * min(seldom * times / rows, 1.0)
