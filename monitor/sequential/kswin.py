"""KSWIN: the last values against a sample of those before, by the Kolmogorov–Smirnov test."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from monitor.sequential import settings
from monitor.sequential.replayed import Kind, Replayed
from monitor.spec import Spec


class KswinSpec(Spec):
    """Kolmogorov–Smirnov windowing over a series of window values: also finds a change of spread or shape.

    The settings are river's with river's defaults, but `alpha`: its 0.005 gave 8 false alarms in 10,000 independent
    windows. It is taken to the power of tau, so that windows that resemble their neighbours are not taken for that
    many independent ones. It draws its sample by lot, from `seed`, so a replay finds the same. It is the slowest,
    about 0.3 ms a window, and needs `window_size` windows before it finds anything. The score is the distance of the
    last window from the level of the warm-up, in scales; the verdict has the test's p-value.
    """

    binary: ClassVar[bool] = False
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          amount: {type: number}
        drift: [{kind: psi}]
        sequential:
          - {kind: kswin, field: amount, statistic: score, detector: psi}
    """

    kind: Literal["kswin"] = "kswin"
    statistic: settings.StatisticOfWindows = "mean"
    field: settings.FieldOfSeries = None
    quantile: settings.QuantileOfField = None
    detector: settings.ScoreOfDetector = None
    check: settings.RatioOfCheck = None
    segments: settings.Segments = False
    name: settings.SeriesName = Field(default_factory=settings.series_name)
    alpha: float = Field(default=0.001, gt=0, lt=1, description="p-value at or below which there is a change")
    window_size: int = Field(default=100, ge=20, le=1000, description="windows that are remembered")
    stat_size: int = Field(
        default=30, ge=5, le=500, description="the last so many are compared with as many before them"
    )
    seed: int = Field(default=0, ge=0, le=2**31, description="what the lots are drawn from")
    warm_up: settings.WarmUp = 30
    clip: settings.Clip = 5.0
    hold: settings.Hold = 5
    severity: settings.Severity = "warning"

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if 2 * self.stat_size > self.window_size:
            raise ValueError(
                f"stat_size {self.stat_size} is more than half of window_size {self.window_size}: there are not as "
                "many before them; lower it, or raise window_size"
            )
        return self

    def build(self, tau: float = 1.0) -> Replayed:
        """Return the detector, for a series in which `tau` successive windows are worth one independent one."""
        from river.drift import KSWIN

        alpha = self.alpha**tau

        def make() -> Any:
            return KSWIN(alpha, self.window_size, self.stat_size, self.seed)

        return Replayed(
            Kind(make, self.window_size, lambda history: len(history) >= self.window_size, p_value=_p_value)
        )


def _p_value(detector: Any) -> float | None:
    """Return the p-value of the last test; None before the first (river says 0)."""
    tested = detector.drift_detected or len(detector.window) == detector.window_size
    return float(detector.p_value) if tested else None
