"""A text must match a pattern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, Field

from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.checks.texts import TEXTS, failing_texts, matching
from monitor.spec import Spec
from monitor.types import Batch, FieldType, MaskArray


def _compiled(pattern: str) -> str:
    """Return a pattern that RE2 takes, by itself and as a whole match; raises ValueError for any other."""
    try:
        pc.match_substring_regex(pa.array([""]), pattern)
        matching(pa.array([""]), pattern)
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        raise ValueError(f"not an RE2 pattern ({reason}); see its syntax, which has no look-around") from None
    return pattern


class RegexSpec(Spec):
    r"""Fails a text that the pattern does not match from its first to its last character.

    The syntax is RE2's: linear in the text's length, so without look-around and back-references. `.` does
    not match a line break unless the pattern begins with `(?s)`; `\d`, `\w` and `\s` are ASCII.
    """

    field_types: ClassVar[frozenset[FieldType]] = TEXTS
    example: ClassVar[str] = """
        fields:
          sku: {type: text}
        checks:
          - {kind: regex, field: sku, pattern: "[A-Z]{2}-[0-9]{6}"}
    """

    kind: Literal["regex"] = "regex"
    field: CheckedField
    pattern: Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_compiled)] = Field(
        description="what the whole text must match, in RE2's syntax"
    )
    ignore_case: bool = Field(default=False, description="whether upper and lower case are the same")
    name: CheckName = Field(default_factory=named("regex"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    def build(self) -> Regex:
        """Return the check."""
        return Regex(self)


@dataclass(frozen=True)
class Regex:
    """Fails usable texts that do not match; evaluates the usable ones.

    Raises KeyError when no column is that field's, TypeError when the field is numeric.
    """

    spec: RegexSpec

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        return failing_texts(batch, self.spec.field, self._unlike)

    def _unlike(self, texts: pa.StringArray) -> MaskArray:
        return ~matching(texts, self.spec.pattern, ignore_case=self.spec.ignore_case)
