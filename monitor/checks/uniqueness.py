"""A field's values must differ from row to row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from monitor.accumulators import DistinctSpec, PresenceSpec
from monitor.checks.naming import CheckName, named
from monitor.checks.window import Finding, WindowView, graded
from monitor.spec import Spec
from monitor.types import FieldType, Presence

STANDARD_ERRORS = 3.0
"""So many standard errors of the estimated number of different values are given to the data's favour."""


class UniquenessSpec(Spec):
    """Fails a window in which too small a share of a field's usable values is different from all others.

    Share: different values / usable values, the former estimated by HyperLogLog; only a share that is below
    `min_ratio` by more than 3 standard errors (4.9 %) fails. To find single repeats use `duplicates`.
    """

    example: ClassVar[str] = """
        fields:
          order_id: {type: text}
        checks:
          - {kind: uniqueness, field: order_id, min_ratio: 0.99}
    """

    kind: Literal["uniqueness"] = "uniqueness"
    field: str = Field(description="the field whose values are counted")
    min_ratio: float = Field(default=1.0, gt=0, le=1, description="smallest share of different values")
    min_rows: int = Field(default=100, ge=1, description="with fewer usable values nothing is judged")
    name: CheckName = Field(default_factory=named("uniqueness"))
    severity: Literal["warning", "critical"] = Field(default="warning", description="the level of a failure")

    def build(self) -> Uniqueness:
        """Return the check."""
        return Uniqueness(self)


@dataclass(frozen=True)
class Uniqueness:
    """Judges all rows together: the number of different values is not kept per segment."""

    spec: UniquenessSpec

    def needs(self, fields: Mapping[str, FieldType]) -> tuple[Any, ...]:
        """Return the Specs of the number of different values and of the usable rows."""
        return (DistinctSpec(field=self.spec.field), PresenceSpec(field=self.spec.field))

    def judge(self, view: WindowView) -> list[Finding]:
        """Return one finding; unknown below `min_rows`."""
        distinct, presence = (view.accumulators[spec] for spec in self.needs({}))
        usable = presence.counts[:, Presence.OK]
        n = max(int(usable[0]), 1)
        ratio = min(distinct.estimate / n, 1.0)
        most = distinct.estimate * (1 + STANDARD_ERRORS * distinct.standard_error_ratio) / n
        problem = f"about {ratio:.1%} of the values are different" if most < self.spec.min_ratio else ""
        return [graded(usable, 0, self.spec, ratio, problem)]
