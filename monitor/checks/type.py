"""The field must have its type, and a number must be finite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.spec import Spec
from monitor.types import FIELD_TYPES, Batch, FieldType, MaskArray, Presence


class TypeSpec(Spec):
    """Fails a row whose value has another type than the field, is NaN or infinite."""

    field_types: ClassVar[frozenset[FieldType]] = FIELD_TYPES
    example: ClassVar[str] = """
        fields:
          amount: {type: number, max_failure_ratio: 0.001}  # makes one by itself
        checks:
          - {kind: type, field: amount, name: amount.type.critical, max_failure_ratio: 0.05, severity: critical}
    """

    kind: Literal["type"] = "type"
    field: CheckedField
    name: CheckName = Field(default_factory=named("type"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    def build(self) -> Type:
        """Return the check."""
        return Type(self)


@dataclass(frozen=True)
class Type:
    """Fails rows of a wrong type, NaN, or an infinity; evaluates the rows that are neither absent nor null.

    What has a wrong type is the decoder's word. Raises KeyError when no column is that field's.
    """

    spec: TypeSpec

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        column = batch.columns[self.spec.field]
        if column.all_ok:
            return np.zeros(len(column), bool), np.ones(len(column), bool)
        presence = column.presence
        failed = presence >= Presence.WRONG_TYPE
        return failed, failed | (presence == Presence.OK)
