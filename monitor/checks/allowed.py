"""A value must be one of those listed."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.spec import Spec
from monitor.types import Batch, FloatArray, MaskArray


class AllowedSpec(Spec):
    """Fails a value that is not listed; upper and lower case are different."""

    example: ClassVar[str] = """
        fields:
          country: {type: category}
        checks:
          - {kind: allowed, field: country, values: [DE, FR, US]}
    """

    kind: Literal["allowed"] = "allowed"
    field: CheckedField
    values: tuple[bool | int | float | str, ...] = Field(
        min_length=1, description="the values that are fine, in the type of the field"
    )
    name: CheckName = Field(default_factory=named("allowed"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    def build(self) -> Allowed:
        """Return the check."""
        return Allowed(self)


class Allowed:
    """Fails usable values that are not in the list; evaluates the usable ones, since the rest is for other checks.

    Numbers are compared as float64 with the listed numbers; all else as text, where true and false are
    spelled so and numbers as Python spells them. Raises KeyError when no column is that field's.
    """

    def __init__(self, spec: AllowedSpec) -> None:
        """Prepare nothing yet: which of the two lists is needed is known from the first column."""
        self.spec = spec

    @cached_property
    def _numbers(self) -> FloatArray:
        numbers = [v for v in self.spec.values if isinstance(v, int | float) and not isinstance(v, bool)]
        return np.array(numbers, np.float64)

    @cached_property
    def _texts(self) -> Any:
        texts = [str(v).lower() if isinstance(v, bool) else str(v) for v in self.spec.values]
        return pa.array(texts, pa.string())

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        column = batch.columns[self.spec.field]
        if isinstance(column.values, np.ndarray):
            listed = np.isin(column.values, self._numbers)
        else:
            listed = pc.is_in(column.values, value_set=self._texts).to_numpy(zero_copy_only=False)
        return column.ok & ~listed, column.ok
