"""A window must have about as many rows as it should; no rows at all is the gravest fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from monitor.checks.naming import CheckName
from monitor.spec import Spec
from monitor.types import Level


class VolumeSpec(Spec):
    """Fails a window with fewer or more rows than allowed; by default, one without rows."""

    kind: Literal["volume"] = "volume"
    name: CheckName = "volume"
    min_per_window: int = Field(default=1, ge=1, description="fewer rows in a window than this are a failure")
    max_per_window: int | None = Field(default=None, ge=1, description="more rows in a window than this are a failure")
    severity: Literal["warning", "critical"] = "critical"

    @model_validator(mode="after")
    def _ends_fit(self) -> Self:
        if self.max_per_window is not None and self.max_per_window < self.min_per_window:
            raise ValueError(
                f"max_per_window {self.max_per_window} is below min_per_window {self.min_per_window}; exchange them"
            )
        return self

    def build(self) -> Volume:
        """Return the check."""
        return Volume(self)


@dataclass(frozen=True)
class Volume:
    """Judges the number of rows of a window; never unknown, since zero is a number of rows."""

    spec: VolumeSpec

    def judge(self, rows: int) -> tuple[Level, str]:
        """Return level and reason: `no rows`, `too few rows`, `too many rows` or `ok`."""
        severity = Level[self.spec.severity.upper()]
        if rows == 0:
            return severity, "no rows"
        if rows < self.spec.min_per_window:
            return severity, "too few rows"
        if self.spec.max_per_window is not None and rows > self.spec.max_per_window:
            return severity, "too many rows"
        return Level.OK, "ok"
