"""HDDM-W: the share of failures before and after a cut, by McDiarmid's bound on weighted averages."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from monitor.sequential import settings
from monitor.sequential.replayed import Kind, Replayed
from monitor.spec import Spec

_KEEP = 1024


class HddmWSpec(Spec):
    """Hoeffding drift detection over a check's failures, by weighted averages: quicker on a step.

    The settings are river's with river's defaults. It assumes nothing about the share of failures, so it also serves a
    check that has never failed. The score is the share of failing windows since the last change.
    """

    binary: ClassVar[bool] = True
    example: ClassVar[str] = """
        fields:
          amount: {type: number, range: [0, 10000]}
        sequential:
          - {kind: hddm_w, check: amount.range}
    """

    kind: Literal["hddm_w"] = "hddm_w"
    check: settings.FailedCheck
    segments: settings.Segments = False
    name: settings.SeriesName = "hddm_w"
    drift_confidence: settings.DriftConfidence = 0.001
    warning_confidence: settings.WarningConfidence = 0.005
    lambda_val: float = Field(default=0.05, gt=0, lt=1, description="weight of the last window in the averages")
    two_sided_test: settings.TwoSided = False
    hold: settings.Hold = 5
    severity: settings.Severity = "warning"

    @model_validator(mode="after")
    def _confidences_fit(self) -> Self:
        settings.require_zone(self.warning_confidence, self.drift_confidence)
        return self

    def build(self, tau: float = 1.0) -> Replayed:
        """Return the detector."""
        from river.drift.binary import HDDMW

        def make() -> Any:
            found: Any = HDDMW  # river has no types for it
            return found(self.drift_confidence, self.warning_confidence, self.lambda_val, self.two_sided_test)

        return Replayed(Kind(make, _KEEP, bool))
