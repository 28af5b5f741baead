"""A field must stand in an order to another field or to a constant."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from monitor.checks.fitting import Misfit, unfitting
from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity
from monitor.checks.texts import TEXTS, mask
from monitor.spec import Spec
from monitor.types import Batch, FieldType, FloatArray, MaskArray

Operator = Literal["<", "<=", "=", "!=", ">", ">="]
_OF_NUMBERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": np.less,
    "<=": np.less_equal,
    "=": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_OF_TEXTS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": pc.less,
    "<=": pc.less_equal,
    "=": pc.equal,
    "!=": pc.not_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_FAMILIES: tuple[frozenset[FieldType], ...] = (frozenset({"number", "integer"}), TEXTS, frozenset({"boolean"}))
_CONSTANTS: Mapping[str, type | tuple[type, ...]] = {"number": (int, float), "category": str, "boolean": bool}


def _name(data: Mapping[str, Any]) -> str:
    """Return such as `paid_at >= created_at`: a field may be compared several times."""
    right = data["other"] if data.get("other") is not None else data.get("value")
    return f"{data.get('field', '')} {data.get('op', '')} {right}"


class CompareSpec(Spec):
    """Fails a row unless `field op other`, another field, or `field op value`, a constant, holds."""

    example: ClassVar[str] = """
        fields:
          paid_at_ms: {type: integer}
          created_at_ms: {type: integer}
          quantity: {type: integer}
        checks:
          - {kind: compare, field: paid_at_ms, op: ">=", other: created_at_ms}
          - {kind: compare, field: quantity, op: "!=", value: 0}
    """

    kind: Literal["compare"] = "compare"
    field: CheckedField
    op: Operator = Field(description="how the field must stand to the right side")
    other: str | None = Field(default=None, description="the field on the right")
    value: bool | int | float | str | None = Field(default=None, description="the constant on the right")
    name: CheckName = Field(default_factory=_name)
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    @model_validator(mode="after")
    def _one_right_side(self) -> Self:
        if (self.other is None) == (self.value is None):
            raise ValueError("give either other, a field, or value, a constant")
        if isinstance(self.value, int | float) and not abs(self.value) <= sys.float_info.max:
            raise ValueError("value is no finite float64, as the numbers of a column are; leave the check out")
        return self

    def misfits(self, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
        """Yield what does not fit the fields: a right side of another family, an order of booleans."""
        family = next(family for family in _FAMILIES if fields[self.field] in family)
        if fields[self.field] == "boolean" and self.op not in ("=", "!="):
            yield Misfit("op", f"{self.field} is of type boolean, which has no order", "use = or !=")
        if self.other is not None:
            problem = unfitting(self.kind, "other", self.other, fields, family)
            if problem is not None:
                yield problem
        elif not _is_of(self.value, family):
            message = f"{self.value!r} cannot be compared with {self.field}, which is of type {fields[self.field]}"
            yield Misfit("value", message, "write a value of that type; text in quotes")

    def build(self) -> Compare:
        """Return the check."""
        return Compare(self)


def _is_of(value: Any, family: frozenset[FieldType]) -> bool:
    """Return whether a constant has the family's type; true is no number, though Python thinks so."""
    if isinstance(value, bool):
        return "boolean" in family
    return any(kind in family and isinstance(value, types) for kind, types in _CONSTANTS.items())


@dataclass(frozen=True)
class Compare:
    """Fails rows in which the comparison is false; evaluates the rows in which every field of it is usable.

    Numbers are compared as float64, exactly; texts by code point, so `"10" < "9"`. Raises KeyError when no
    column is a field's, TypeError when one side is numbers and the other is not.
    """

    spec: CompareSpec

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        column = batch.columns[self.spec.field]
        right, evaluated = self._right(), column.ok
        if self.spec.other is not None:
            other = batch.columns[self.spec.other]
            right, evaluated = other.values, evaluated & other.ok
        holds = _holds(self.spec, column.values, right)
        return evaluated & ~holds, evaluated

    def _right(self) -> Any:
        """Return the constant as columns have it: a boolean is the text true or false."""
        if isinstance(self.spec.value, bool):
            return str(self.spec.value).lower()
        return float(self.spec.value) if isinstance(self.spec.value, int) else self.spec.value


def _holds(spec: CompareSpec, left: FloatArray | pa.StringArray, right: Any) -> MaskArray:
    """Return in which rows the comparison is true; unusable rows may say anything."""
    if isinstance(left, np.ndarray) != isinstance(right, np.ndarray | float):
        raise TypeError(f"{spec.field} and {spec.other or spec.value!r} are not both numbers")
    if isinstance(left, np.ndarray):
        holds: MaskArray = _OF_NUMBERS[spec.op](left, right)
        return holds
    return mask(_OF_TEXTS[spec.op](left, pa.scalar(right, pa.string()) if isinstance(right, str) else right))
