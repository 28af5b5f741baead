"""Text should not be numbers in disguise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa
from pydantic import Field

from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.checks.texts import TEXTS, failing_texts, matching
from monitor.spec import Spec
from monitor.types import Batch, FieldType, MaskArray

_NUMBER = r"[ \t\r\n]*[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t\r\n]*"


class NumericTextSpec(Spec):
    """Fails a text that is a number: `"12.50"`, `"-3"`, `" 1e6 "`, which a producer should send as numbers."""

    field_types: ClassVar[frozenset[FieldType]] = TEXTS
    example: ClassVar[str] = """
        fields:
          reference: {type: text}
        checks:
          - {kind: numeric_text, field: reference, max_failure_ratio: 0.05}
    """

    kind: Literal["numeric_text"] = "numeric_text"
    field: CheckedField
    name: CheckName = Field(default_factory=named("numeric_text"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    def build(self) -> NumericText:
        """Return the check."""
        return NumericText(self)


@dataclass(frozen=True)
class NumericText:
    """Fails usable texts that are a decimal number in ASCII digits; evaluates the usable ones.

    A sign, a fraction, an exponent and blanks around it may be there. Digits behind a leading zero
    (`"00501"`) are a code and no number; neither are `"1,000"`, `"0x1f"`, `"nan"` and `"inf"`. Raises
    KeyError when no column is that field's, TypeError when the field is numeric.
    """

    spec: NumericTextSpec

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        return failing_texts(batch, self.spec.field, _numeric)


def _numeric(texts: pa.StringArray) -> MaskArray:
    return matching(texts, _NUMBER)
