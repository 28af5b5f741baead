"""The field must not be null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.spec import Spec
from monitor.types import FIELD_TYPES, Batch, FieldType, MaskArray, Presence


class NullableSpec(Spec):
    """Fails a row whose record has the field as null."""

    field_types: ClassVar[frozenset[FieldType]] = FIELD_TYPES
    example: ClassVar[str] = """
        fields:
          amount: {type: number}
        checks:
          - {kind: nullable, field: amount, severity: critical}
    """

    kind: Literal["nullable"] = "nullable"
    field: CheckedField
    name: CheckName = Field(default_factory=named("nullable"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    def build(self) -> Nullable:
        """Return the check."""
        return Nullable(self)


@dataclass(frozen=True)
class Nullable:
    """Fails rows where the field is null; evaluates the rows that have the field at all.

    Raises KeyError when no column is that field's.
    """

    spec: NullableSpec

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        presence = batch.columns[self.spec.field].presence
        return presence == Presence.NULL, presence != Presence.ABSENT
