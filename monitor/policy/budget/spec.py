"""The policy `budget`: how many false pages are promised at most, and what the detector may cost."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from monitor.policy.budget.rules import Rules, season_rules
from monitor.policy.threshold import LevelArray, ReasonArray, Thresholds, levels
from monitor.spec import DurationMs, Spec
from monitor.types import Score

_DAY_MS = 86_400_000


class BudgetPolicySpec(Spec):
    """Evidence is gathered over windows, and at most so many pages are false, over all fields and segments together.

    A verdict is at the level that its detector's thresholds give it, but only once the evidence that its stream has
    changed is beyond what the budget allows, and until it has recovered. Other statistics become streams too: rows,
    missing and invalid values, late rows, failures of checks. What checks say by themselves is outside the budget.
    """

    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          amount: {type: number, importance: 3}
        drift: [{kind: psi}, {kind: mean_shift}]
        policy: {kind: budget, false_pages: 1, per: 30d}
    """

    kind: Literal["budget"] = "budget"
    false_pages: float = Field(
        default=1.0, gt=0, le=10_000, allow_inf_nan=False, description="So many pages without a change, on average …"
    )
    per: DurationMs = Field(
        default=30 * _DAY_MS, gt=0, description="… within this time of event time, over all streams together."
    )
    season: Literal["auto", "none", "hour_of_day", "hour_of_week"] = Field(
        default="auto",
        description="What usually comes back, in UTC; auto: by hour of the day, of windows of a day by day of the week",
    )
    calibration: int = Field(default=1000, ge=100, le=2000, description="Scores that a new one is compared with.")
    quarantine: int = Field(default=20, ge=5, le=50, description="Windows that a score waits before it counts as calm.")
    max_streams: int = Field(
        default=2000, ge=1, le=20_000, description="Streams that are watched; those of all rows come first."
    )
    min_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="By less than this a share may rise beyond its usual values without a page.",
    )
    min_volume: float = Field(
        default=0.2, ge=0, lt=1, description="By less than this share of themselves rows may leave their usual number."
    )
    min_delay: float = Field(
        default=0.5,
        ge=0,
        le=1000,
        allow_inf_nan=False,
        description="By less than this share of itself (and of a second) the 99th percentile of delays may rise.",
    )

    @model_validator(mode="after")
    def _can_be_promised(self) -> Self:
        if self.per < self.false_pages * 1000:
            raise ValueError("more than one false page a second is no promise; lower false_pages, or raise per")
        return self

    def build(self) -> BudgetPolicy:
        """Return the policy."""
        return BudgetPolicy(self)


class BudgetPolicy:
    """Says how far the effect goes; whether there is evidence is the detector's to say, over windows."""

    def __init__(self, spec: BudgetPolicySpec) -> None:
        """Keep what is promised."""
        self.spec = spec

    def levels(self, score: Score, spec: Thresholds) -> tuple[LevelArray, ReasonArray]:
        """Return the level and reason of the effect alone, by the detector's thresholds."""
        return levels(score, spec)

    def rules(self, slot_ms: int) -> Rules:
        """Return the detector's rules for slots of this length; A is at least 2 slots."""
        spec = self.spec
        cycle_ms, bin_ms, stride = season_rules(spec.season, slot_ms, spec.calibration)
        return Rules(
            run_slots=max(spec.per / slot_ms / spec.false_pages, 2.0),
            slot_ms=slot_ms,
            cycle_ms=cycle_ms,
            bin_ms=bin_ms,
            capacity=spec.calibration,
            stride=stride,
            lag=spec.quarantine,
        )

    @property
    def tolerances(self) -> tuple[float, float, float, float]:
        """The effects that page of a share, of a rise and of a fall of ln(rows), and of a rise of ln(1 + seconds)."""
        spec = self.spec
        rise, fall = float(np.log1p(spec.min_volume)), float(-np.log1p(-spec.min_volume))
        return spec.min_share, rise, fall, float(np.log1p(spec.min_delay))
