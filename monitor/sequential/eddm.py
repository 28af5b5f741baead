"""EDDM: the distance between failures against its own maximum."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from monitor.sequential import settings
from monitor.sequential.replayed import Kind, Replayed
from monitor.spec import Spec

_KEEP = 2048


class EddmSpec(Spec):
    """Early drift detection method over a check's failures: they come closer together than they used to.

    Only for checks that fail often: it is unknown before `warm_start` failures. The settings are river's; the defaults
    `alpha` and `beta` are lower than river's 0.95 and 0.9, which gave up to 48 false alarms in 10,000 windows. The
    score is the share of failing windows since the last change.
    """

    binary: ClassVar[bool] = True
    example: ClassVar[str] = """
        fields:
          amount: {type: number, range: [0, 10000]}
        sequential:
          - {kind: eddm, check: amount.range}
    """

    kind: Literal["eddm"] = "eddm"
    check: settings.FailedCheck
    segments: settings.Segments = False
    name: settings.SeriesName = "eddm"
    warm_start: int = Field(default=30, ge=2, le=1000, description="failures before it looks for a change at all")
    alpha: float = Field(
        default=0.6, gt=0, lt=1, description="share of the maximum distance below which it is the warning zone"
    )
    beta: float = Field(default=0.5, gt=0, lt=1, description="share of the maximum distance below which it is a change")
    hold: settings.Hold = 5
    severity: settings.Severity = "warning"

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if self.alpha < self.beta:
            raise ValueError(f"alpha {self.alpha:g} is below beta {self.beta:g}; exchange them")
        return self

    def build(self, tau: float = 1.0) -> Replayed:
        """Return the detector."""
        from river.drift.binary import EDDM

        def make() -> Any:
            return EDDM(self.warm_start, self.alpha, self.beta)

        return Replayed(Kind(make, _KEEP, lambda history: history.count(1.0) > self.warm_start))
