"""A number must lie between two ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from monitor.checks.ends import require_ends
from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.spec import Spec
from monitor.types import Batch, FieldType, MaskArray

End = Annotated[float, Field(allow_inf_nan=False)]


class RangeSpec(Spec):
    """Fails a number below `min` or above `max`; both ends are inside, and either may be left open."""

    field_types: ClassVar[frozenset[FieldType]] = frozenset({"number", "integer"})
    example: ClassVar[str] = """
        fields:
          amount: {type: number}
        checks:
          - {kind: range, field: amount, min: 0, max: 100000, max_failure_ratio: 0.01}
    """

    kind: Literal["range"] = "range"
    field: CheckedField
    name: CheckName = Field(default_factory=named("range"))
    min: End | None = Field(default=None, description="smallest number that is fine")
    max: End | None = Field(default=None, description="largest number that is fine")
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    @model_validator(mode="after")
    def _ends_fit(self) -> Self:
        require_ends(self.min, self.max)
        return self

    def build(self) -> Range:
        """Return the check."""
        return Range(self)


@dataclass(frozen=True)
class Range:
    """Fails usable numbers outside the range; evaluates the usable ones, since the rest is for other checks.

    Raises KeyError when no column is that field's, TypeError when the field is not numeric.
    """

    spec: RangeSpec

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        column = batch.columns[self.spec.field]
        if not isinstance(column.values, np.ndarray):
            raise TypeError(f"{self.spec.field} is not a number field and has no range")
        outside = np.zeros(len(column), np.bool_)
        if self.spec.min is not None:
            outside |= column.values < self.spec.min
        if self.spec.max is not None:
            outside |= column.values > self.spec.max
        return outside & column.ok, column.ok
