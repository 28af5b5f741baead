"""A field must not have the same value in every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from monitor.accumulators import FrequentSpec
from monitor.checks.naming import CheckName, named
from monitor.checks.window import Finding, WindowView, graded
from monitor.spec import Spec
from monitor.types import FieldType


class ConstantSpec(Spec):
    """Fails a window in which all usable values of a field are the same one: a stuck sensor, a dead feature.

    Judged in each segment, so that one device of many that is stuck is found where devices are segments.
    """

    segmented: ClassVar[bool] = True
    example: ClassVar[str] = """
        fields:
          temperature: {type: number}
          device: {type: category}
        segments:
          - {field: device, values: [north, south]}
        checks:
          - {kind: constant, field: temperature}
    """

    kind: Literal["constant"] = "constant"
    field: str = Field(description="the field whose values are compared")
    min_rows: int = Field(default=100, ge=2, description="with fewer usable values nothing is judged")
    name: CheckName = Field(default_factory=named("constant"))
    severity: Literal["warning", "critical"] = Field(default="warning", description="the level of a failure")

    def build(self) -> Constant:
        """Return the check."""
        return Constant(self)


@dataclass(frozen=True)
class Constant:
    """Judges exactly: with two values or more the most frequent one never has all rows."""

    spec: ConstantSpec

    def needs(self, fields: Mapping[str, FieldType]) -> tuple[Any, ...]:
        """Return the Spec of the most frequent values."""
        return (FrequentSpec(field=self.spec.field),)

    def judge(self, view: WindowView) -> list[Finding]:
        """Return a finding for each group, its value the most frequent one's share; unknown below `min_rows`."""
        counted = view.accumulators[self.needs({})[0]]
        found = []
        for group in range(view.groups):
            value, count = counted.top(group)
            rows = int(counted.rows[group])
            problem = f"every value is {value[:64]!r}" if count == rows else ""
            found.append(graded(counted.rows, group, self.spec, count / max(rows, 1), problem))
        return found
