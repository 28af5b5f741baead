"""A value must not stand for a missing one."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.checks.texts import failing_texts, mask, matching
from monitor.spec import Spec
from monitor.types import Batch, FieldType, FloatArray, MaskArray

_TEXTS = (
    "n/a",
    "n.a.",
    "na",
    "#n/a",
    "nan",
    "null",
    "nil",
    "none",
    "(null)",
    "undefined",
    "unknown",
    "missing",
    "not available",
    "not applicable",
    "tbd",
    "-",
    "--",
    "?",
    "??",
    "???",
    "0000-00-00",
)
_NINES = tuple(float(sign * (10**digits - 1)) for digits in range(4, 8) for sign in (-1, 1))
_EXTREMES = (-(2.0**31), 2.0**31 - 1, -(2.0**63), 2.0**63)
_MIDNIGHT = r"(?:[Tt ]00:00(?::00(?:\.0+)?)?(?: ?(?:[Zz]|[+-]00(?::?00)?))?)?"

Number = Annotated[float, Field(allow_inf_nan=False)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class PlaceholderSpec(Spec):
    """Fails a value that stands for a missing one, such as `N/A`, -9999 or 1970-01-01; each list can be replaced."""

    field_types: ClassVar[frozenset[FieldType]] = frozenset({"number", "integer", "category", "text"})
    example: ClassVar[str] = """
        fields:
          email: {type: text}
        checks:
          - {kind: placeholder, field: email, texts: [n/a, unknown, test@example.com], max_failure_ratio: 0.01}
    """

    kind: Literal["placeholder"] = "placeholder"
    field: CheckedField
    texts: tuple[str, ...] = Field(
        default=_TEXTS, description="texts, without regard to letter case and blanks around them"
    )
    numbers: tuple[Number, ...] = Field(
        default=(-999.0, *_NINES, *_EXTREMES), description="numbers, also where a text field has them as text"
    )
    dates: tuple[Day, ...] = Field(
        default=("0001-01-01", "1900-01-01", "1970-01-01"), description="days, by themselves or at midnight UTC"
    )
    name: CheckName = Field(default_factory=named("placeholder"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    @model_validator(mode="after")
    def _something_is_listed(self) -> Self:
        if not self.texts and not self.numbers and not self.dates:
            raise ValueError("texts, numbers and dates are all empty; list what stands for a missing value")
        return self

    def build(self) -> Placeholder:
        """Return the check."""
        return Placeholder(self)


class Placeholder:
    """Fails usable values that are listed; evaluates the usable ones.

    A number field is compared with `numbers` only, so that for an epoch field 0 has to be listed. Raises
    KeyError when no column is that field's.
    """

    def __init__(self, spec: PlaceholderSpec) -> None:
        """Prepare nothing yet: which lists are needed is known from the first column."""
        self.spec = spec

    @cached_property
    def _numbers(self) -> FloatArray:
        return np.array(self.spec.numbers, np.float64)

    @cached_property
    def _texts(self) -> Any:
        spelled = [text for number in self.spec.numbers for text in _spellings(number)]
        # Both sides are lowered by Arrow: Python lowers a few letters to two, and would never match.
        return pc.utf8_lower(pc.utf8_trim_whitespace(pa.array([*self.spec.texts, *spelled], pa.string())))

    @cached_property
    def _days(self) -> str:
        return f"(?:{'|'.join(re.escape(day) for day in self.spec.dates)}){_MIDNIGHT}"

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        column = batch.columns[self.spec.field]
        if isinstance(column.values, np.ndarray):
            return column.ok & np.isin(column.values, self._numbers), column.ok
        return failing_texts(batch, self.spec.field, self._listed)

    def _listed(self, texts: pa.StringArray) -> MaskArray:
        trimmed = pc.utf8_trim_whitespace(texts)
        listed = mask(pc.is_in(pc.utf8_lower(trimmed), value_set=self._texts))
        return listed | matching(trimmed, self._days) if self.spec.dates else listed


def _spellings(number: float) -> tuple[str, ...]:
    """Return how a number is written as text: `-999` and `-999.0`."""
    if number.is_integer() and abs(number) < 1e15:
        return (str(int(number)), str(number))
    return (str(number),)
