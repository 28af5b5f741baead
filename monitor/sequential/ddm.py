"""DDM: the share of failures against its own minimum."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from monitor.sequential import settings
from monitor.sequential.replayed import Kind, Replayed
from monitor.spec import Spec

_KEEP = 2048


class DdmSpec(Spec):
    """Drift detection method over a check's failures: a rise of their share above its minimum, in standard deviations.

    The settings are river's; river's defaults 2 and 3 for the thresholds were in the warning zone for a third of the
    time where nothing had changed. One failure is put in before the first window: else the minimum of a check that has
    never failed has no deviation at all, and its first failure would be a change. The score is the share of failing
    windows since the last change.
    """

    binary: ClassVar[bool] = True
    example: ClassVar[str] = """
        fields:
          amount: {type: number, range: [0, 10000], max_failure_ratio: 0.01}
        sequential:
          - {kind: ddm, check: amount.range}
    """

    kind: Literal["ddm"] = "ddm"
    check: settings.FailedCheck
    segments: settings.Segments = False
    name: settings.SeriesName = "ddm"
    warm_start: int = Field(default=30, ge=1, le=1000, description="windows before it looks for a change at all")
    warning_threshold: float = Field(
        default=3.0, gt=0, le=100, description="standard deviations above the minimum that are the warning zone"
    )
    drift_threshold: float = Field(
        default=4.0, gt=0, le=100, description="standard deviations above the minimum that are a change"
    )
    hold: settings.Hold = 5
    severity: settings.Severity = "warning"

    @model_validator(mode="after")
    def _thresholds_fit(self) -> Self:
        if self.drift_threshold < self.warning_threshold:
            raise ValueError(
                f"drift_threshold {self.drift_threshold:g} is below warning_threshold {self.warning_threshold:g}; "
                "exchange them"
            )
        return self

    def build(self, tau: float = 1.0) -> Replayed:
        """Return the detector."""
        from river.drift.binary import DDM

        def make() -> Any:
            detector: Any = DDM(self.warm_start, self.warning_threshold, self.drift_threshold)
            detector.update(1)
            return detector

        return Replayed(Kind(make, _KEEP, lambda history: len(history) >= self.warm_start))
