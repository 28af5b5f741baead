"""A value must be one of those listed, of those in a file, or of those in the baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from monitor.checks.fitting import Misfit
from monitor.checks.membership import ValueSet
from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.checks.reference import NO_REFERENCE, Reference
from monitor.spec import Spec
from monitor.types import Batch, FieldType, FloatArray, MaskArray


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
    values: Literal["baseline"] | tuple[bool | int | float | str, ...] | None = Field(
        default=None, min_length=1, description="the values, or baseline: all that occurred in it"
    )
    file: str | None = Field(
        default=None, min_length=1, description="instead: a file of one value a line, .csv, .tsv, .jsonl or .parquet"
    )
    column: str | None = Field(default=None, min_length=1, description="the column of the file that has the values")
    name: CheckName = Field(default_factory=named("allowed"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if (self.values is None) == (self.file is None):
            raise ValueError("give either values or a file")
        if self.column is not None and self.file is None:
            raise ValueError("column is of a file, and there is none; remove it")
        return self

    @property
    def needs_baseline(self) -> bool:
        """Whether the values are the baseline's."""
        return self.values == "baseline"

    def misfits(self, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
        """Yield that the baseline does not keep the values of a field of this type."""
        kind = fields[self.field]
        if self.needs_baseline and kind not in ("category", "boolean"):
            message = f"{self.field} is of type {kind}, of which the baseline does not keep the values"
            yield Misfit("values", message, "make it a category, or list the values here or in a file")

    def build(self, kind: FieldType = "category", reference: Reference = NO_REFERENCE) -> Allowed | AllowedIn:
        """Return the check for a field of a type.

        Raises UnfitFile when the values of a file cannot be read, KeyError when the reference lacks the field.
        """
        if self.file is not None:
            return AllowedIn(self, ValueSet.of_file(self.file, self.column, kind))
        if self.needs_baseline:
            return AllowedIn(self, ValueSet(reference.frames[self.field].keys, numeric=False))
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
        numbers = [v for v in self.spec.values or () if isinstance(v, int | float) and not isinstance(v, bool)]
        return np.array(numbers, np.float64)

    @cached_property
    def _texts(self) -> Any:
        texts = [str(v).lower() if isinstance(v, bool) else str(v) for v in self.spec.values or ()]
        return pa.array(texts, pa.string())

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        column = batch.columns[self.spec.field]
        if isinstance(column.values, np.ndarray):
            listed = np.isin(column.values, self._numbers)
        else:
            listed = pc.is_in(column.values, value_set=self._texts).to_numpy(zero_copy_only=False)
        return column.ok & ~listed, column.ok


@dataclass(frozen=True)
class AllowedIn:
    """The same with a set of a file's or of the baseline's values.

    Of the n values a baseline had, all are known, not only those it counts apart; a new text passes for one of
    them with a probability of n / 2^64. A baseline without values judges nothing: the verdict is unknown.
    Raises TypeError when the column's type is not the set's.
    """

    spec: AllowedSpec
    values: ValueSet

    @property
    def content(self) -> str:
        """The identity of the values: failures by others are not added to those by these."""
        return self.values.digest

    @property
    def unjudged(self) -> str:
        """Why nothing is ever evaluated; empty when something is."""
        return "" if self.values.hashes.size else "no values in the baseline"

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        column = batch.columns[self.spec.field]
        evaluated = column.ok if self.values.hashes.size else np.zeros(len(column), np.bool_)
        return evaluated & ~self.values.has(column), evaluated
