"""A field must have about as many different values as it should, and not suddenly more or fewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from monitor.accumulators import DistinctSpec, PresenceSpec
from monitor.checks.naming import CheckName, named
from monitor.checks.window import Finding, WindowView, graded
from monitor.spec import Spec
from monitor.types import FieldType, Presence

STANDARD_ERRORS = 3.0
_PAST = "past"


class CardinalitySpec(Spec):
    """Fails a window with too few or too many different values of a field, or with a jump of their number.

    The number is estimated by HyperLogLog; bounds are crossed when they are by more than 3 standard errors
    (4.9 %). A jump is measured against the median of the windows before, so windows should have similar numbers
    of rows.
    """

    example: ClassVar[str] = """
        fields:
          device_id: {type: text}
        checks:
          - {kind: cardinality, field: device_id, min_distinct: 100, max_jump: 2}
    """

    kind: Literal["cardinality"] = "cardinality"
    field: str = Field(description="the field whose different values are counted")
    min_distinct: int | None = Field(default=None, ge=1, description="fewer different values are a failure")
    max_distinct: int | None = Field(default=None, ge=1, description="more different values are a failure")
    max_jump: float | None = Field(
        default=None,
        gt=1,
        allow_inf_nan=False,
        description="more different values than this multiple of the windows before, or fewer than its inverse",
    )
    windows: int = Field(default=12, ge=3, le=1000, description="number of windows before, whose median is compared")
    min_rows: int = Field(default=100, ge=1, description="with fewer usable values nothing is judged")
    name: CheckName = Field(default_factory=named("cardinality"))
    severity: Literal["warning", "critical"] = Field(default="warning", description="the level of a failure")

    @model_validator(mode="after")
    def _something_is_bounded(self) -> Self:
        if self.min_distinct is None and self.max_distinct is None and self.max_jump is None:
            raise ValueError("nothing is bounded; set min_distinct, max_distinct or max_jump")
        if self.min_distinct and self.max_distinct and self.max_distinct < self.min_distinct:
            raise ValueError("max_distinct is below min_distinct; exchange them")
        return self

    def build(self) -> Cardinality:
        """Return the check."""
        return Cardinality(self)


@dataclass(frozen=True)
class Cardinality:
    """Judges all rows together.

    Every judged window is remembered: after half of `windows` at a new level that level is the usual one, and the
    finding ends.
    """

    spec: CardinalitySpec

    def needs(self, fields: Mapping[str, FieldType]) -> tuple[Any, ...]:
        """Return the Specs of the number of different values and of the usable rows."""
        return (DistinctSpec(field=self.spec.field), PresenceSpec(field=self.spec.field))

    def judge(self, view: WindowView) -> list[Finding]:
        """Return one finding; unknown below `min_rows`. Jumps are judged from the third window on."""
        distinct, presence = (view.accumulators[spec] for spec in self.needs({}))
        found, slack = distinct.estimate, STANDARD_ERRORS * distinct.standard_error_ratio
        past: list[float] = view.memory.get(_PAST, [])
        problem = self._bounds(found, slack)
        jump = self._jump(found, slack, past)
        usable = presence.counts[:, Presence.OK]
        finding = graded(usable, 0, self.spec, found, problem or jump)
        if finding.value is not None:
            view.memory[_PAST] = [*past, found][-self.spec.windows :]
        return [finding]

    def _bounds(self, found: float, slack: float) -> str:
        low, high = self.spec.min_distinct, self.spec.max_distinct
        if low is not None and found * (1 + slack) < low:
            return f"about {found:.0f} different values, fewer than {low}"
        if high is not None and found * (1 - slack) > high:
            return f"about {found:.0f} different values, more than {high}"
        return ""

    def _jump(self, found: float, slack: float, past: list[float]) -> str:
        factor = self.spec.max_jump
        if factor is None or len(past) < 3:
            return ""
        usual = median(past)
        if found * (1 - slack) > factor * usual or found * (1 + slack) * factor < usual:
            return f"about {found:.0f} different values, {usual:.0f} before"
        return ""
