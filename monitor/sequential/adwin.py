"""ADWIN: an adaptive window that drops its older part when the two no longer have one mean."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from monitor.sequential import settings
from monitor.sequential.replayed import Kind, Replayed
from monitor.spec import Spec

_KEEP = 1024
_SMALLEST_DELTA = 1e-300


class AdwinSpec(Spec):
    """Adaptive windowing over a series of window values: finds steps and slow drifts of the mean, few false alarms.

    The settings are river's, with river's defaults but `clock` (32 there). `delta` is taken to the power of tau, so
    that windows that resemble their neighbours are not taken for that many independent ones. The score is the mean of
    the adaptive window, in scales away from the level of the warm-up.
    """

    binary: ClassVar[bool] = False
    example: ClassVar[str] = """
        fields:
          amount: {type: number}
        sequential:
          - {kind: adwin, field: amount, statistic: mean}
    """

    kind: Literal["adwin"] = "adwin"
    statistic: settings.StatisticOfWindows = "mean"
    field: settings.FieldOfSeries = None
    quantile: settings.QuantileOfField = None
    detector: settings.ScoreOfDetector = None
    check: settings.RatioOfCheck = None
    segments: settings.Segments = False
    name: settings.SeriesName = Field(default_factory=settings.series_name)
    delta: float = Field(
        default=0.002, gt=0, lt=1, description="chance that two halves of an unchanged series are taken for different"
    )
    clock: int = Field(default=1, ge=1, le=1000, description="looks for a change once in so many windows")
    max_buckets: int = Field(default=5, ge=2, le=100, description="buckets of one size before two are merged")
    min_window_length: int = Field(default=5, ge=1, le=1000, description="windows that each half has at least")
    grace_period: int = Field(default=10, ge=1, le=1000, description="windows before it looks for a change at all")
    warm_up: settings.WarmUp = 30
    clip: settings.Clip = 5.0
    hold: settings.Hold = 5
    severity: settings.Severity = "warning"

    def build(self, tau: float = 1.0) -> Replayed:
        """Return the detector, for a series in which `tau` successive windows are worth one independent one."""
        from river.drift import ADWIN

        delta = max(self.delta**tau, _SMALLEST_DELTA)

        def make() -> Any:
            found: Any = ADWIN  # river has no types for it
            return found(delta, self.clock, self.max_buckets, self.min_window_length, self.grace_period)

        return Replayed(Kind(make, _KEEP, lambda history: len(history) >= self.grace_period, _mean))


def _mean(detector: Any) -> float | None:
    """Return the mean of the adaptive window."""
    return float(detector.estimation) if detector.width else None
