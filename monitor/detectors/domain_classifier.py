"""How well a classifier tells the window's rows from the baseline's, and by which fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from monitor.accumulators.sample import Sample, SampleSpec
from monitor.detectors import settings
from monitor.detectors.group_settings import MinRows, Sizes
from monitor.performance.domain import separation, told_apart
from monitor.spec import Spec
from monitor.types import Correlation, Score


class DomainClassifierSpec(Spec):
    """How well a classifier tells the window's rows from the baseline's: any change of means, spreads or relations."""

    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/flights}
        fields:
          distance: {type: number}
          air_time: {type: number}
        groups:
          - name: trip
            fields: [distance, air_time]
            drift:
              - {kind: domain_classifier, warning: 0.1, critical: 0.3}
    """

    kind: Literal["domain_classifier"] = "domain_classifier"
    warning: settings.WarningAbove = 0.1
    critical: settings.CriticalAbove = 0.3
    level_on: settings.LevelOn = "bound"
    min_rows: MinRows = 100
    rho: settings.Rho = None

    def build(self) -> DomainClassifier:
        """Return the detector."""
        return DomainClassifier(self)


@dataclass(frozen=True)
class DomainClassifier:
    """2·AUC - 1, not below 0, of a classifier that was not fitted to the rows it tells apart (see `told_apart`).

    Of each side at most 1,000 rows are looked at, a uniform sample; there is one score, of all rows, and none of the
    segments. 0.1 is an AUC of 0.55, 0.3 one of 0.65. With fewer than 20 rows on a side, 5 baseline rows or 2 current
    rows a field, the score is NaN. `contributions` are by how much 2·AUC - 1 falls without each field.

    No drift: the floor is 0.4 times twice the AUC's standard error, 0.015 at 1,000 rows. Guarantee: the bound is above
    0 in about 5 % of windows (2 to 5 % measured, 100 to 1,000 rows, 2 to 10 fields with heavy tails). The correlation
    of rows within a window is not estimated for it: without `rho` they are taken to be independent.
    """

    spec: DomainClassifierSpec

    def needs(self, group: str, fields: tuple[str, ...]) -> SampleSpec:
        """Return the Spec of the rows compared."""
        return SampleSpec(group=group, fields=fields)

    def labels(self, current: Sample) -> tuple[str, ...]:
        """Return what the contributions are of: the fields."""
        return current.frame.fields

    def compare(self, baseline: Sample, current: Sample, rho: Correlation = 0.0) -> Score:
        """Return the one score of all rows."""
        kept = np.array([len(current.rows)])
        sizes = Sizes.of(baseline.n, current.n, 0.0, len(baseline.frame.fields))
        effect = 1 + (kept - 1) * np.atleast_1d(settings.correlation(self.spec.rho, rho))[:1]
        told = told_apart(baseline.rows, current.rows, float(effect[0]))
        score = separation(np.array([told.auc]))
        return sizes.score(
            score,
            noise_floor=np.array([2 * told.noise / np.sqrt(2 * np.pi)]),
            lower_bound=np.minimum(separation(np.array([told.lower_bound])), score),
            p_value=np.array([told.p_value]),
            contributions=2 * told.contributions[None, :],
        )
