"""No single value of a field may take up too large a share of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from monitor.accumulators import FrequentSpec as Needed
from monitor.checks.naming import CheckName, named
from monitor.checks.window import Finding, WindowView, graded
from monitor.spec import Spec
from monitor.types import FieldType


class FrequentSpec(Spec):
    """Fails a window in which one value makes up too large a share of a field's usable values, in each segment.

    A sensor that is stuck, a default that took over, a constant: `max_ratio: 0.5` finds them all.
    """

    segmented: ClassVar[bool] = True
    example: ClassVar[str] = """
        fields:
          merchant_id: {type: category}
        checks:
          - {kind: frequent, field: merchant_id, max_ratio: 0.3}
    """

    kind: Literal["frequent"] = "frequent"
    field: str = Field(description="the field whose values are counted")
    max_ratio: float = Field(default=0.5, gt=0, lt=1, description="largest share that one value may have")
    min_rows: int = Field(default=100, ge=1, description="with fewer usable values nothing is judged")
    name: CheckName = Field(default_factory=named("frequent"))
    severity: Literal["warning", "critical"] = Field(default="warning", description="the level of a failure")

    def build(self) -> Frequent:
        """Return the check."""
        return Frequent(self)


@dataclass(frozen=True)
class Frequent:
    """Judges the share of the most frequent value, which is never overestimated; by at most 1/65 underestimated."""

    spec: FrequentSpec

    def needs(self, fields: Mapping[str, FieldType]) -> tuple[Any, ...]:
        """Return the Spec of the most frequent values."""
        return (Needed(field=self.spec.field),)

    def judge(self, view: WindowView) -> list[Finding]:
        """Return a finding for each group; unknown below `min_rows`."""
        counted = view.accumulators[self.needs({})[0]]
        found = []
        for group in range(view.groups):
            value, count = counted.top(group)
            ratio = count / max(int(counted.rows[group]), 1)
            problem = f"{value[:64]!r} is {ratio:.1%} of the values" if ratio > self.spec.max_ratio else ""
            found.append(graded(counted.rows, group, self.spec, ratio, problem))
        return found
