"""The continuous self-test: copies of closed windows are doped, to see whether the monitor would still notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from monitor.accumulators import CategoriesSpec, HistogramSpec, PresenceSpec
from monitor.budgeting import Budget
from monitor.plan import MonitorPlan
from monitor.policy import BudgetPolicy
from monitor.results import WindowResult
from monitor.selftest.shadow import Shadow
from monitor.selftest.states import doped
from monitor.selftest_views import SelfTestView

_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
LADDERS = {
    "null_burst": _SHARES,
    "mean_shift": (0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
    "unit_change": _SHARES,
    "new_category": _SHARES,
}
"""The severities that are tried of each fault; a monitor that does not notice the last one is blind to it."""
_WATCHED = {
    "null_burst": ((PresenceSpec,), ("nullable", "missing")),
    "mean_shift": ((HistogramSpec,), ()),
    "unit_change": ((HistogramSpec,), ()),
    "new_category": ((CategoriesSpec,), ("allowed",)),
}
"""What watches for each fault: detectors that compare such an accumulator, and row checks of these kinds."""


class SelfTest:
    """Hears judged windows and tests a few faults on copies of each, so that all have had their turn in an interval.

    It reads the window, its profile and the budget of false pages, and changes none of them. What it finds is kept in
    memory only: after a restart it is found out again.
    """

    def __init__(self, plan: MonitorPlan) -> None:
        """Test what the plan asks for; nothing without a baseline or where it is off."""
        self._plan = plan
        self._shadow = Shadow(plan)
        self._turns = tuple(_watched(plan)) if plan.baseline is not None and plan.self_test.interval else ()
        self._next = 0
        self._found: dict[tuple[str, str], SelfTestView] = {}

    @property
    def view(self) -> tuple[SelfTestView, ...]:
        """What was found last of every fault and field that was tested."""
        return tuple(self._found[turn] for turn in self._turns if turn in self._found)

    def hear(self, window: WindowResult, budget: Budget, epoch_ms: int) -> None:
        """Take a judged window, before the next step; an empty or partial one says nothing."""
        if not self._turns or window.gap or window.partial or window.profile is None or window.start_ms < epoch_ms:
            return
        assert self._plan.self_test.interval is not None, "there are no turns while it is off"
        share = self._plan.grid.pane_ms / self._plan.self_test.interval
        for _ in range(min(len(self._turns), max(1, round(len(self._turns) * share)))):
            turn = self._turns[self._next % len(self._turns)]
            self._next += 1
            self._test(turn, window, budget, epoch_ms)

    def _test(self, turn: tuple[str, str], window: WindowResult, budget: Budget, epoch_ms: int) -> None:
        fault, field = turn
        profile = window.profile
        assert profile is not None, "windows without rows are not tested"

        def noticed(severity: float) -> bool | None:
            copy = doped(self._plan, profile, field, fault, severity)
            return self._shadow.notices(window, copy, field, budget=budget, epoch_ms=epoch_ms)

        ladder = LADDERS[fault]
        worst = noticed(ladder[-1])
        if worst is None:
            return
        smallest = _least(ladder, noticed) if worst else None
        self._found[turn] = SelfTestView(fault, field, window.end_ms, smallest)


def _least(ladder: tuple[float, ...], noticed: Callable[[float], bool | None]) -> float:
    """Return the least severity that is noticed, by bisection; the last one is."""
    low, high = -1, len(ladder) - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if noticed(ladder[middle]) else (middle, high)
    return ladder[high]


def _watched(plan: MonitorPlan) -> Iterator[tuple[str, str]]:
    """Yield the faults and fields for which anything watches."""
    budgeted = isinstance(plan.policy, BudgetPolicy)
    for field in plan.fields:
        for fault in plan.self_test.faults:
            needs, kinds = _WATCHED[fault]
            compared = any(isinstance(item.needs, needs) and item.field == field for item in plan.detectors)
            checked = any(check.spec.field == field and check.spec.kind in kinds for check in plan.row_checks)
            # a budget has a stream of every field's missing rows
            if compared or checked or (budgeted and fault == "null_burst"):
                yield fault, field


__all__ = ["LADDERS", "SelfTest", "SelfTestView"]
