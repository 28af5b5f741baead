"""FHDDM: the share of sound windows in a sliding window against its own maximum, by Hoeffding's bound."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from monitor.sequential import settings
from monitor.sequential.replayed import Kind, Replayed
from monitor.spec import Spec

_KEEP = 1024


class FhddmSpec(Spec):
    """Fast Hoeffding drift detection over a check's failures: fewer sound windows among the last than there have been.

    The settings are river's with river's defaults, which ask for a rise of the share of failures by 0.26. River's
    detector finds falls of the share of ones, so it is given sound windows as 1. The score is the share of failing
    windows since the last change.
    """

    binary: ClassVar[bool] = True
    example: ClassVar[str] = """
        fields:
          amount: {type: number, range: [0, 10000]}
        sequential:
          - {kind: fhddm, check: amount.range, sliding_window_size: 50, short_window_size: 20}
    """

    kind: Literal["fhddm"] = "fhddm"
    check: settings.FailedCheck
    segments: settings.Segments = False
    name: settings.SeriesName = "fhddm"
    sliding_window_size: int = Field(default=100, ge=5, le=1000, description="windows that are compared")
    confidence_level: float = Field(default=0.000001, gt=0, lt=1, description="chance of a change where there is none")
    short_window_size: int | None = Field(
        default=None, ge=2, le=1000, description="also the last so many of them, which are quicker on a step"
    )
    hold: settings.Hold = 5
    severity: settings.Severity = "warning"

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.short_window_size is not None and self.short_window_size >= self.sliding_window_size:
            raise ValueError(
                f"short_window_size {self.short_window_size} is not below sliding_window_size "
                f"{self.sliding_window_size}; lower it"
            )
        return self

    def build(self, tau: float = 1.0) -> Replayed:
        """Return the detector."""
        from river.drift.binary import FHDDM

        def make() -> Any:
            return FHDDM(self.sliding_window_size, self.confidence_level, self.short_window_size)

        return Replayed(Kind(make, _KEEP, lambda history: len(history) >= self.sliding_window_size, flip=True))
