"""A measure of a text must lie between two ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from monitor.checks.ends import require_ends
from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity
from monitor.checks.texts import TEXTS
from monitor.spec import Spec
from monitor.texts.measures import Measure, measure_of
from monitor.types import Batch, FieldType, MaskArray

MeasureName = Literal[
    "words",
    "mean_word_length",
    "sentences",
    "mixed_scripts",
    "repetition",
    "duplicate_ngrams",
    "letters",
    "digits",
    "upper",
    "whitespace",
    "punctuation",
    "control",
    "non_ascii",
    "latin",
    "cyrillic",
    "greek",
    "han",
    "kana",
    "hangul",
    "arabic",
    "hebrew",
    "devanagari",
    "thai",
]
COUNTS = frozenset({"words", "mean_word_length", "sentences", "mixed_scripts"})
"""The measures that count; all others are shares between 0 and 1."""

End = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _name(data: Any) -> str:
    """Return such as `note.words`: a field may be measured in several ways."""
    return f"{data.get('field', '')}.{data.get('measure', '')}"


class TextSpec(Spec):
    """Fails a text whose measure is below `min` or above `max`; either may be left open."""

    field_types: ClassVar[frozenset[FieldType]] = TEXTS
    example: ClassVar[str] = """
        fields:
          answer: {type: text}
        checks:
          - {kind: text, field: answer, measure: words, min: 3, max: 500}
          - {kind: text, field: answer, measure: repetition, max: 0.5, max_failure_ratio: 0.01}
    """

    kind: Literal["text"] = "text"
    field: CheckedField
    measure: MeasureName = Field(description="what is measured: a count of parts, or a share between 0 and 1")
    n: int = Field(default=3, ge=2, le=20, description="words in an n-gram, for duplicate_ngrams")
    name: CheckName = Field(default_factory=_name)
    min: End | None = Field(default=None, description="the least that is fine")
    max: End | None = Field(default=None, description="the most that is fine")
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    @model_validator(mode="after")
    def _ends_fit(self) -> Self:
        require_ends(self.min, self.max)
        above = max(self.min or 0.0, self.max or 0.0)
        if self.measure not in COUNTS and above > 1:
            raise ValueError(f"{self.measure} is a share between 0 and 1, and {above:g} is no share")
        return self

    def build(self) -> Text:
        """Return the check."""
        return Text(self)


@dataclass(frozen=True)
class Text:
    """Fails usable texts whose measure is outside the ends, which are inside themselves.

    Evaluates the usable texts that have the measure: a share needs a character, `repetition` and `mean_word_length` a
    word and `duplicate_ngrams` n words; an empty text has 0 words and sentences, but no shares. Characters are Unicode
    code points. A word is a run of letters, marks and digits, so a text without blanks between words, as in
    Chinese, is few words. Words are told apart by their hashes in lower case: two different ones of a text are
    taken for one with a probability of 2^-48. Raises KeyError when no column is that field's, TypeError when
    the field is numeric.
    """

    spec: TextSpec

    @cached_property
    def _measure(self) -> Measure:
        return measure_of(self.spec.measure, self.spec.n)

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        column = batch.columns[self.spec.field]
        if isinstance(column.values, np.ndarray):
            raise TypeError(f"{self.spec.field} is a number field, and its values are no texts")
        measured = np.full(len(column), np.nan)
        if column.ok.any():
            measured[column.ok] = self._measure(column.valid)
        low = -np.inf if self.spec.min is None else self.spec.min
        high = np.inf if self.spec.max is None else self.spec.max
        # NaN is neither below nor above.
        return (measured < low) | (measured > high), ~np.isnan(measured)
