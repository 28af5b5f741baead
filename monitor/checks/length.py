"""A text must be neither too short nor too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from monitor.checks.ends import require_ends
from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.checks.texts import TEXTS, failing_texts
from monitor.spec import Spec
from monitor.types import Batch, FieldType, MaskArray


class LengthSpec(Spec):
    """Fails a text of fewer than `min` or more than `max` characters; either may be left open."""

    field_types: ClassVar[frozenset[FieldType]] = TEXTS
    example: ClassVar[str] = """
        fields:
          note: {type: text}
        checks:
          - {kind: length, field: note, min: 1, max: 280}
    """

    kind: Literal["length"] = "length"
    field: CheckedField
    name: CheckName = Field(default_factory=named("length"))
    min: int | None = Field(default=None, ge=0, description="fewest characters")
    max: int | None = Field(default=None, ge=0, description="most characters")
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    @model_validator(mode="after")
    def _ends_fit(self) -> Self:
        require_ends(self.min, self.max)
        return self

    def build(self) -> Length:
        """Return the check."""
        return Length(self)


@dataclass(frozen=True)
class Length:
    """Fails usable texts outside the limits, which are inside themselves; evaluates the usable ones.

    Characters are Unicode code points, so a letter with a combining accent is two. Raises KeyError when no
    column is that field's, TypeError when the field is numeric.
    """

    spec: LengthSpec

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        return failing_texts(batch, self.spec.field, self._outside)

    def _outside(self, texts: pa.StringArray) -> MaskArray:
        lengths = pc.utf8_length(texts).to_numpy(zero_copy_only=False)
        outside = np.zeros(len(texts), np.bool_)
        if self.spec.min is not None:
            outside |= lengths < self.spec.min
        if self.spec.max is not None:
            outside |= lengths > self.spec.max
        return outside
