"""A judge beside the real one: it sees a doped copy of a window, and nothing that it does is kept."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace

from monitor.budgeting import Budget
from monitor.judge import judge
from monitor.plan import MonitorPlan
from monitor.policy import BudgetPolicy
from monitor.profile import Profile, frame_key
from monitor.results import CheckOutcome, WindowResult
from monitor.snapshot import VerdictView
from monitor.types import Level

_EVIDENCE_WINDOWS = 10
"""With a budget of false pages evidence gathers: so many windows in a row are doped."""


class Shadow:
    """Judges doped copies of one field of windows; neither the window, the plan nor the budget is changed by it."""

    def __init__(self, plan: MonitorPlan) -> None:
        """Take the plan by which windows are judged; each field is judged by its own detectors and the row checks."""
        self._plan = plan
        # Loaded anew for every question; building one costs more than that.
        self._budget = Budget(plan) if isinstance(plan.policy, BudgetPolicy) else None
        self._plans = {
            field: replace(
                plan,
                detectors=tuple(item for item in plan.detectors if frame_key(item.needs) == field),
                window_checks=(),
            )
            for field in plan.fields
        }

    def notices(
        self, window: WindowResult, profile: Profile, field: str, *, budget: Budget, epoch_ms: int
    ) -> bool | None:
        """Return whether a window that had this profile would be at warning or above for the field.

        None where that is not known: everything about the field is unknown, as while streams are calibrated, or it is
        at warning already without the fault.
        """
        if _worst(field, window.verdicts, window.checks) >= Level.WARNING:
            return None
        plan = self._plans[field]
        found = judge(plan, window.start_ms, window.end_ms, profile, unknown="", baseline=window.baseline)
        shadow = self._budget
        if shadow is None:
            return _said(field, found.verdicts, found.checks)
        size_ms = self._plan.grid.size_ms
        start_ms = -(-window.start_ms // size_ms) * size_ms
        # A state may share its arrays with what it is the state of.
        shadow.load(copy.deepcopy(budget.state()))
        said: bool | None = None
        for number in range(_EVIDENCE_WINDOWS):
            slot = replace(found, start_ms=start_ms + number * size_ms, end_ms=start_ms + (number + 1) * size_ms)
            said = _said(field, shadow.step(slot, epoch_ms=epoch_ms, only=field).verdicts, found.checks)
            if said is not False:
                return said
        return said


def _worst(field: str, verdicts: Iterable[VerdictView], checks: Iterable[CheckOutcome]) -> Level:
    """Return the worst level of anything about a field; UNKNOWN without any."""
    levels = [verdict.level for verdict in verdicts if verdict.field == field]
    levels += [outcome.level for outcome in checks if outcome.field == field]
    return max(levels, default=Level.UNKNOWN)


def _said(field: str, verdicts: Iterable[VerdictView], checks: Iterable[CheckOutcome]) -> bool | None:
    """Return whether anything about a field is at warning; None where not one of its verdicts is known."""
    own = [verdict for verdict in verdicts if verdict.field == field]
    worst = _worst(field, own, checks)
    if worst >= Level.WARNING:
        return True
    silent = bool(own) and all(verdict.level is Level.UNKNOWN for verdict in own)
    return None if silent or worst is Level.UNKNOWN else False
