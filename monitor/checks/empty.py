"""A text must say something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from monitor.checks.naming import CheckedField, CheckName, MaxFailureRatio, Severity, named
from monitor.checks.texts import TEXTS, failing_texts, mask
from monitor.spec import Spec
from monitor.types import Batch, FieldType, MaskArray


class EmptySpec(Spec):
    """Fails a text without characters or with none but whitespace."""

    field_types: ClassVar[frozenset[FieldType]] = TEXTS
    example: ClassVar[str] = """
        fields:
          note: {type: text}
        checks:
          - {kind: empty, field: note, max_failure_ratio: 0.1}
    """

    kind: Literal["empty"] = "empty"
    field: CheckedField
    name: CheckName = Field(default_factory=named("empty"))
    max_failure_ratio: MaxFailureRatio = 0.0
    severity: Severity = "warning"

    def build(self) -> Empty:
        """Return the check."""
        return Empty(self)


@dataclass(frozen=True)
class Empty:
    """Fails usable texts of no characters but Unicode whitespace; evaluates the usable ones.

    A zero-width space (U+200B) is not whitespace in Unicode, nor here. Raises KeyError when no column is
    that field's, TypeError when the field is numeric.
    """

    spec: EmptySpec

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing and the evaluated rows."""
        return failing_texts(batch, self.spec.field, _blank)


def _blank(texts: pa.StringArray) -> MaskArray:
    return mask(pc.utf8_is_space(texts)) | mask(pc.equal(pc.binary_length(texts), 0))
