"""A window must have about as many rows as it should; no rows at all is the gravest fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from monitor.checks.naming import CheckName, Severity
from monitor.checks.window import Finding, WindowView
from monitor.spec import Spec
from monitor.types import FieldType, Level


class VolumeSpec(Spec):
    """Fails a window with fewer or more rows than allowed; by default, one without rows.

    The bounds can be numbers, and shares of the rows that the baseline had in the same hours of the week (of the
    day, or at any time, where the baseline did not last that long).
    """

    judges_empty: ClassVar[bool] = True
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        checks:
          - {kind: volume, min_per_window: 1000}
          - {kind: volume, name: volume.usual, min_baseline_ratio: 0.5, max_baseline_ratio: 3, severity: warning}
    """

    kind: Literal["volume"] = "volume"
    name: CheckName = "volume"
    min_per_window: int = Field(default=1, ge=1, description="fewer rows in a window than this are a failure")
    max_per_window: int | None = Field(default=None, ge=1, description="more rows in a window than this are a failure")
    min_baseline_ratio: float | None = Field(
        default=None, gt=0, le=1, description="fewer rows than this share of the baseline's same hours are a failure"
    )
    max_baseline_ratio: float | None = Field(
        default=None,
        ge=1,
        allow_inf_nan=False,
        description="more rows than this multiple of the baseline's same hours are a failure",
    )
    severity: Severity = "critical"

    @model_validator(mode="after")
    def _ends_fit(self) -> Self:
        if self.max_per_window is not None and self.max_per_window < self.min_per_window:
            raise ValueError(
                f"max_per_window {self.max_per_window} is below min_per_window {self.min_per_window}; exchange them"
            )
        return self

    @property
    def needs_volumes(self) -> bool:
        """Whether it compares with the baseline."""
        return self.min_baseline_ratio is not None or self.max_baseline_ratio is not None

    def build(self) -> Volume:
        """Return the check."""
        return Volume(self)


@dataclass(frozen=True)
class Volume:
    """Judges the number of rows of a window; never unknown, since zero is a number of rows.

    Poisson-like noise is the user's to allow for: at n expected rows, 1 ± 4/√n is safe for independent arrivals.
    """

    spec: VolumeSpec

    def needs(self, fields: Mapping[str, FieldType]) -> tuple[Any, ...]:
        """Return nothing: the number of rows is always known."""
        return ()

    def judge(self, view: WindowView) -> list[Finding]:
        """Return level and reason: `no rows`, `too few rows`, `too many rows`, or `ok`, and against the baseline."""
        problem = self._problem(view.rows, view.expected_rows)
        level = Level[self.spec.severity.upper()] if problem else Level.OK
        return [Finding(level, problem or "ok", float(view.rows), view.rows)]

    def _problem(self, rows: int, expected: float | None) -> str:
        """Return what is wrong with the number of rows; empty when nothing is."""
        spec = self.spec
        low, high = spec.min_baseline_ratio, spec.max_baseline_ratio
        usual = "" if expected is None else f": the baseline's same hours bring about {expected:.0f}"
        problems = (
            (rows == 0, "no rows"),
            (rows < spec.min_per_window, "too few rows"),
            (spec.max_per_window is not None and rows > spec.max_per_window, "too many rows"),
            (expected is not None and low is not None and rows < low * expected, f"too few rows{usual}"),
            (expected is not None and high is not None and rows > high * expected, f"too many rows{usual}"),
        )
        return next((problem for wrong, problem in problems if wrong), "")
