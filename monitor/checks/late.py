"""Only so large a share of a window's rows may come late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from monitor.checks.naming import CheckName
from monitor.checks.window import Finding, WindowView
from monitor.spec import Spec
from monitor.types import FieldType, Level


class LateSpec(Spec):
    """Fails a window during which too large a share of the rows came late, behind `time.lateness`.

    A late row is counted in the window of the newest event time that its partition had reached.
    """

    example: ClassVar[str] = """
        time: {field: event_time, lateness: 30s}
        checks:
          - {kind: late, max_ratio: 0.01}
    """

    kind: Literal["late"] = "late"
    name: CheckName = "late"
    max_ratio: float = Field(
        default=0.01, ge=0, lt=1, description="share of the rows read during the window that may be late"
    )
    min_rows: int = Field(default=100, ge=1, description="with fewer rows, late ones among them, nothing is judged")
    severity: Literal["warning", "critical"] = Field(default="warning", description="the level of a failure")

    def build(self) -> Late:
        """Return the check."""
        return Late(self)


@dataclass(frozen=True)
class Late:
    """Judges late / (late + rows of the window), in which late rows are not folded."""

    spec: LateSpec

    def needs(self, fields: Mapping[str, FieldType]) -> tuple[Any, ...]:
        """Return nothing: late rows are always counted."""
        return ()

    def judge(self, view: WindowView) -> list[Finding]:
        """Return one finding; unknown below `min_rows`."""
        read = view.rows + view.late_rows
        if read < self.spec.min_rows:
            return [Finding(Level.UNKNOWN, "too few rows" if read else "no rows", None, read)]
        ratio = view.late_rows / read
        if ratio > self.spec.max_ratio:
            return [Finding(Level[self.spec.severity.upper()], f"{view.late_rows} rows came late", ratio, read)]
        return [Finding(Level.OK, "ok", ratio, read)]
