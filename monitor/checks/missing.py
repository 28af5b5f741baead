"""The field must have a value at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.spec import Spec
from monitor.types import FIELD_TYPES, Batch, FieldType, MaskArray, Presence


class MissingSpec(Spec):
    """Fails a row whose record lacks the field or has it as null: `required` and `nullable` in one ratio."""

    field_types: ClassVar[frozenset[FieldType]] = FIELD_TYPES
    example: ClassVar[str] = """
        fields:
          merchant.mcc: {type: category}
        checks:
          - {kind: missing, field: merchant.mcc, max_failure_ratio: 0.02}
    """

    kind: Literal["missing"] = "missing"
    field: CheckedField
    name: CheckName = Field(default_factory=named("missing"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    def build(self) -> Missing:
        """Return the check."""
        return Missing(self)


@dataclass(frozen=True)
class Missing:
    """Fails rows where the field is absent or null; evaluates every row. Raises KeyError when no column is its."""

    spec: MissingSpec

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        presence = batch.columns[self.spec.field].presence
        failed = (presence == Presence.ABSENT) | (presence == Presence.NULL)
        return failed, np.ones(len(presence), np.bool_)
