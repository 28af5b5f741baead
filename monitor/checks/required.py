"""The field must be in the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.spec import Spec
from monitor.types import FIELD_TYPES, Batch, FieldType, MaskArray, Presence


class RequiredSpec(Spec):
    """Fails a row whose record lacks the field; null counts as there."""

    field_types: ClassVar[frozenset[FieldType]] = FIELD_TYPES
    example: ClassVar[str] = """
        fields:
          amount: {type: number}
        checks:
          - {kind: required, field: amount, max_failure_ratio: 0.001}
    """

    kind: Literal["required"] = "required"
    field: CheckedField
    name: CheckName = Field(default_factory=named("required"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    def build(self) -> Required:
        """Return the check."""
        return Required(self)


@dataclass(frozen=True)
class Required:
    """Fails rows where the field is absent; evaluates every row. Raises KeyError when no column is that field's."""

    spec: RequiredSpec

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        presence = batch.columns[self.spec.field].presence
        return presence == Presence.ABSENT, np.ones(len(presence), np.bool_)
