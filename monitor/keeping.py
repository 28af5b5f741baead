"""From a plan to the keeper of its baseline."""

from __future__ import annotations

from monitor.baseline import (
    BaselineKeeper,
    FixedKeeper,
    KeptPlan,
    PreviousBaselineSpec,
    PreviousKeeper,
    RingRules,
    SeasonalBaselineSpec,
    SeasonalKeeper,
    TrailingBaselineSpec,
    TrailingKeeper,
)
from monitor.plan import MonitorPlan
from monitor.profile import frame_key


def keeper_of(plan: MonitorPlan) -> BaselineKeeper | None:
    """Return who says what the windows of this plan are compared with; None without a baseline."""
    baseline, spec = plan.baseline, plan.keeping
    if baseline is None:
        return None
    size_ms = plan.grid.size_ms
    if isinstance(spec, TrailingBaselineSpec):
        clear_after = plan.hysteresis.clear_after
        rules = RingRules(spec.windows, spec.quarantine, spec.min_windows, clear_after, spec.accept_after)
        return TrailingKeeper(_kept(plan), rules, size_ms=size_ms)
    if isinstance(spec, PreviousBaselineSpec):
        return PreviousKeeper(_kept(plan), size_ms=size_ms)
    if isinstance(spec, SeasonalBaselineSpec):
        return SeasonalKeeper(baseline, spec.shrinkage)
    return FixedKeeper(baseline)


def _kept(plan: MonitorPlan) -> KeptPlan:
    """Return what is kept of each window: what detectors and checks of windows compare with the baseline."""
    assert plan.baseline is not None
    held = plan.baseline.profile.accumulators
    compared = {item.needs for item in plan.detectors}
    compared |= {spec for check in plan.window_checks for spec in check.needs(plan.fields) if spec in held}
    return KeptPlan(
        tuple(spec for spec in plan.profile.specs if spec in compared),
        plan.profile.frames,
        plan.segmenter.labels,
        {(item.field, item.name): frame_key(item.needs) for item in plan.detectors},
        plan.baseline.version,
        {} if plan.baseline.correlation is None else plan.baseline.correlation.rho,
    )
