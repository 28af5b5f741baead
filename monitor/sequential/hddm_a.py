"""HDDM-A: the share of failures before and after a cut, by Hoeffding's bound on plain averages."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from monitor.sequential import settings
from monitor.sequential.replayed import Kind, Replayed
from monitor.spec import Spec

_KEEP = 1024


class HddmASpec(Spec):
    """Hoeffding drift detection over a check's failures, by plain averages: better on a slow rise.

    The settings are river's with river's defaults. It assumes nothing about the share of failures, so it also serves a
    check that has never failed. The score is the share of failing windows since the last change.
    """

    binary: ClassVar[bool] = True
    example: ClassVar[str] = """
        fields:
          amount: {type: number, range: [0, 10000]}
        sequential:
          - {kind: hddm_a, check: amount.range}
    """

    kind: Literal["hddm_a"] = "hddm_a"
    check: settings.FailedCheck
    segments: settings.Segments = False
    name: settings.SeriesName = "hddm_a"
    drift_confidence: settings.DriftConfidence = 0.001
    warning_confidence: settings.WarningConfidence = 0.005
    two_sided_test: settings.TwoSided = False
    hold: settings.Hold = 5
    severity: settings.Severity = "warning"

    @model_validator(mode="after")
    def _confidences_fit(self) -> Self:
        settings.require_zone(self.warning_confidence, self.drift_confidence)
        return self

    def build(self, tau: float = 1.0) -> Replayed:
        """Return the detector."""
        from river.drift.binary import HDDMA

        def make() -> Any:
            found: Any = HDDMA  # river has no types for it
            return found(self.drift_confidence, self.warning_confidence, self.two_sided_test)

        return Replayed(Kind(make, _KEEP, bool))
