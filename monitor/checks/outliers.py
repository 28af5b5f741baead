"""Few numbers may lie far from where the baseline has its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from monitor.checks.fences import Fences, Method, fences, share_outside
from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.checks.reference import Reference
from monitor.spec import Spec
from monitor.types import Batch, FieldType, MaskArray

_MARGIN, _TIMES = 0.01, 4


class OutliersSpec(Spec):
    """Fails a number outside of fences that are frozen with the baseline; current rows never move them.

    `iqr`: `factor` interquartile ranges below the first or above the third quartile; `mad`: `factor` · 1.4826
    median absolute deviations from the median; `zscore`: `factor` standard deviations from the mean.
    """

    field_types: ClassVar[frozenset[FieldType]] = frozenset({"number", "integer"})
    needs_baseline: ClassVar[bool] = True
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          amount: {type: number}
        checks:
          - {kind: outliers, field: amount, method: mad, factor: 6}
    """

    kind: Literal["outliers"] = "outliers"
    field: CheckedField
    method: Method = Field(default="iqr", description="how the fences are found; outliers move iqr and mad least")
    factor: float = Field(default=3.0, gt=0, allow_inf_nan=False, description="how far the fences are out, in spreads")
    min_rows: int = Field(default=500, ge=1, description="with fewer evaluated rows the verdict is unknown")
    name: CheckName = Field(default_factory=named("outliers"))
    max_failure_ratio: MaxFailureRatio | None = Field(
        default=None,
        description="share of evaluated rows that may fail; without it 0.01 + 4 times the baseline's own share",
    )
    severity: Severity = "warning"

    def build(self, reference: Reference) -> Outliers:
        """Return the check; its Spec says which ratio is tolerated.

        Raises KeyError when the reference does not have the field.
        """
        frame = reference.frames[self.field]
        found = fences(self.method, self.factor, frame, reference.moments[self.field])
        share = 0.0 if found is None else share_outside(frame, found)
        if self.max_failure_ratio is not None:
            return Outliers(self, found, share)
        # Clean data with heavy tails has outliers, and they come in clusters: the flights of a stormy day are late.
        tolerated = min(1.0, round(_MARGIN + _TIMES * share, 4))
        return Outliers(self.model_copy(update={"max_failure_ratio": tolerated}), found, share)


@dataclass(frozen=True)
class Outliers:
    """Fails usable numbers outside the fences, which are inside themselves; evaluates the usable ones.

    `baseline_ratio` is the share of the baseline's values that would fail. Where the baseline has no spread
    (more than half of its values are one and the same, all of them for `zscore`) there is no distance to
    measure in, and nothing is evaluated: the verdict is unknown. Raises KeyError when no column is that
    field's, TypeError when it is texts.
    """

    spec: OutliersSpec
    fences: Fences | None
    baseline_ratio: float

    @property
    def content(self) -> str:
        """The fences as text: failures of another baseline's fences are not added to those of these."""
        return repr(self.fences)

    @property
    def unjudged(self) -> str:
        """Why nothing is ever evaluated; empty when something is."""
        return "" if self.fences is not None else "no spread in the baseline"

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        column = batch.columns[self.spec.field]
        if not isinstance(column.values, np.ndarray):
            raise TypeError(f"{self.spec.field} is not a number field and has no outliers")
        if self.fences is None:
            nothing = np.zeros(len(column), np.bool_)
            return nothing, nothing
        outside = (column.values < self.fences.low) | (column.values > self.fences.high)
        return outside & column.ok, column.ok
