"""A value must be found in a column of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from monitor.checks.membership import ValueSet
from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.spec import Spec
from monitor.types import Batch, FieldType, MaskArray


class ReferentialSpec(Spec):
    """Fails a value that is not in the file, which is read at start: some millions of keys are fine."""

    field_types: ClassVar[frozenset[FieldType]] = frozenset({"number", "integer", "category", "text"})
    example: ClassVar[str] = """
        fields:
          merchant_id: {type: category}
        checks:
          - {kind: referential, field: merchant_id, file: merchants.csv, column: id}
    """

    kind: Literal["referential"] = "referential"
    field: CheckedField
    file: str = Field(min_length=1, description="a file of one value a line, .csv, .tsv, .jsonl or .parquet")
    column: str | None = Field(default=None, min_length=1, description="the column that has the values")
    name: CheckName = Field(default_factory=named("referential"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    def build(self, kind: FieldType) -> Referential:
        """Return the check for a field of a type; raises UnfitFile when the values cannot be read."""
        return Referential(self, ValueSet.of_file(self.file, self.column, kind))


@dataclass(frozen=True)
class Referential:
    """Fails usable values that are not in the set; evaluates the usable ones.

    Texts are compared byte by byte, numbers as float64; for the error see `ValueSet`. Raises KeyError when no
    column is that field's, TypeError when its type is not the set's.
    """

    spec: ReferentialSpec
    values: ValueSet

    @property
    def content(self) -> str:
        """The identity of the values: failures by another file are not added to those by this one."""
        return self.values.digest

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        column = batch.columns[self.spec.field]
        return column.ok & ~self.values.has(column), column.ok
