"""The outcomes of the checks that judge a window as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from monitor.baseline import BaselineView
from monitor.checks import Finding, WindowCheck, WindowView
from monitor.plan import MonitorPlan
from monitor.profile import Profile
from monitor.protocols import State
from monitor.results import CheckOutcome
from monitor.types import Level

PARTIAL = "partial"
"""The reason of windows that were judged while a partition was somebody else's."""
EPOCH_CHANGE = "epoch change"
"""The reason of what began before a change of the configuration or the baseline."""


def window_outcomes(
    plan: MonitorPlan,
    start_ms: int,
    end_ms: int,
    profile: Profile | None,
    *,
    baseline: BaselineView | None,
    unknown: str,
    memory: State,
) -> list[CheckOutcome]:
    """Return the outcome of every check of windows, of a window without rows where `profile` is None.

    Such a window is judged only by checks that say so (volume); for the others it is unknown. What checks remember
    is changed in `memory`, but not by a window that is `unknown`.
    """
    outcomes: list[CheckOutcome] = []
    if not plan.window_checks:
        return outcomes
    view = _view(plan, start_ms, end_ms, profile, baseline)
    for check in plan.window_checks:
        name, field = check.spec.name, getattr(check.spec, "field", "")
        for found in _findings(plan, check, view, profile, unknown, memory):
            failed = found.level >= Level.WARNING
            ratio = None if found.level is Level.UNKNOWN else float(failed)
            segment = plan.segmenter.labels[found.group]
            outcomes.append(
                CheckOutcome(
                    name,
                    field,
                    segment,
                    found.level,
                    int(failed),
                    found.rows,
                    ratio,
                    found.reason,
                    value=found.value,
                    whole=True,
                    details=found.details,
                    evidence=found.evidence,
                )
            )
    return outcomes


def _findings(
    plan: MonitorPlan,
    check: WindowCheck,
    view: WindowView,
    profile: Profile | None,
    unknown: str,
    memory: State,
) -> list[Finding]:
    """Return what the check finds; where it cannot know, the same groups as unknown."""
    rows = view.rows
    if profile is None and not getattr(check.spec, "judges_empty", False):
        unknown = unknown or "no rows"
    if profile is not None and not unknown and any(need in profile.incomplete for need in check.needs(plan.fields)):
        unknown = EPOCH_CHANGE
    if unknown:
        groups = len(plan.segmenter.labels) if getattr(check.spec, "segmented", False) else 1
        return [Finding(Level.UNKNOWN, unknown, rows=rows if group == 0 else 0, group=group) for group in range(groups)]
    return check.judge(replace(view, memory=memory.setdefault(check.spec.name, {})))


def _view(
    plan: MonitorPlan, start_ms: int, end_ms: int, profile: Profile | None, compared: BaselineView | None
) -> WindowView:
    """Return the window as all of its checks see it, without a memory yet."""
    baseline = plan.baseline
    return WindowView(
        start_ms,
        end_ms,
        profile.rows if profile is not None else 0,
        profile.late_rows if profile is not None else 0,
        len(plan.segmenter.labels),
        profile.accumulators if profile is not None else {},
        _known(compared),
        {path: frame.categories for path, frame in baseline.frames.items()} if baseline is not None else {},
        {name: str(place) for name, place in profile.unknown_fields.items()} if profile is not None else {},
        frozenset(baseline.known_fields) if baseline is not None else None,
        baseline.volumes.expected(start_ms, end_ms) if baseline is not None and baseline.volumes else None,
    )


def _known(compared: BaselineView | None) -> Mapping[Any, Any] | None:
    """Return the baseline's accumulators without those that are still being learnt; None where nothing is known."""
    if compared is None or compared.unknown:
        return None
    if not compared.learning:
        return compared.accumulators
    return {spec: found for spec, found in compared.accumulators.items() if spec not in compared.learning}
