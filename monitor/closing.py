"""Closing windows: the monitor's watermark, which windows it completes, and which panes are done with."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from monitor.baseline import BaselineKeeper
from monitor.judge import judge, judge_gap
from monitor.keeping import keeper_of
from monitor.memory import CheckMemory
from monitor.model_views import ModelView
from monitor.models import ModelWatch
from monitor.outcomes import EPOCH_CHANGE, PARTIAL
from monitor.partition import PartitionState
from monitor.plan import MonitorPlan
from monitor.profile import Profile
from monitor.protocols import State
from monitor.results import WindowResult
from monitor.windows import NEVER_MS


class Closer:
    """Keeps the watermark, which never goes back, and the end of the next window to judge.

    Watermark: the minimum over the owned partitions that are not idle; where all are idle it follows
    the wall clock, so that empty windows close too. A partition that has not had a row yet and is not
    idle holds everything up, because it may still bring the earliest.

    `memory` is what checks of windows remember from one to the next, by their name; JSON-able.

    Epoch: windows that begin before `epoch_ms` may lack rows, because the window settings were others then.
    """

    def __init__(self, plan: MonitorPlan, checks: CheckMemory | None = None, model: ModelWatch | None = None) -> None:
        """Start before all time; `checks` and `model` are the engine's own, which remember rows."""
        self._plan = plan
        self._model = model
        self._checks = checks or CheckMemory(())
        self.keeper: BaselineKeeper | None = keeper_of(plan)
        self.watermark_ms = NEVER_MS
        self.next_end_ms: int | None = None
        self.last_end_ms = NEVER_MS
        self.epoch_ms = NEVER_MS
        self.windows = 0
        self.memory: State = {}
        self._about = {check.spec.name: _about(plan, check.spec) for check in plan.window_checks}

    def close(self, partitions: Sequence[PartitionState], now_ms: int, *, partial: bool) -> list[WindowResult]:
        """Move the watermark and judge every window that it has passed, in order."""
        self.watermark_ms = max(self.watermark_ms, self._watermark(partitions, now_ms))
        if self.watermark_ms == NEVER_MS:
            return []
        self._find_first(partitions, self.watermark_ms)
        if self.next_end_ms is None and self._all_idle(partitions, now_ms):
            # Nothing has ever come, and that is news too: the first window begins now.
            self.next_end_ms = self._plan.grid.start(self.watermark_ms) + self._plan.grid.size_ms
        self._checks.settle(self.watermark_ms)
        return self._until(partitions, self.watermark_ms, partial=partial)

    def finish(self, partitions: Sequence[PartitionState], *, partial: bool) -> list[WindowResult]:
        """Judge every window that has rows, complete or not."""
        starts = [start for state in partitions for start in state.panes]
        if not starts:
            return []
        complete_ms = max(starts) + self._plan.grid.size_ms
        self._find_first(partitions, complete_ms)
        if self._model is not None:
            self._model.cohorts.settle(complete_ms, self._plan.grid.pane_ms)
        return self._until(partitions, complete_ms, partial=partial)

    def touched(self, pane_start_ms: int) -> bool:
        """Return whether rows of this pane come too late for a window that was judged, or for any at all."""
        return pane_start_ms + self._plan.grid.pane_ms <= self.last_end_ms or self.judged(pane_start_ms)

    def judged(self, pane_start_ms: int) -> bool:
        """Return whether the last window that contains this pane is behind us."""
        return self.next_end_ms is not None and pane_start_ms + self._plan.grid.size_ms < self.next_end_ms

    def drop(self, partitions: Iterable[PartitionState]) -> None:
        """Forget the panes that no window needs and that can take no more rows."""
        for state in partitions:
            complete = state.watermark_ms(self._plan.lateness_ms)
            done = [s for s in state.panes if self.judged(s) and s + self._plan.grid.pane_ms <= complete]
            for start in done:
                del state.panes[start]
                state.dirty.add(start)

    def _watermark(self, partitions: Sequence[PartitionState], now_ms: int) -> int:
        plan = self._plan
        busy = [state for state in partitions if not state.idle(plan.idle_ms, now_ms)]
        if busy:
            return min(state.watermark_ms(plan.lateness_ms) for state in busy)
        if not partitions:
            return NEVER_MS
        if plan.idle_ms is None:
            return max(state.watermark_ms(plan.lateness_ms) for state in partitions)
        return now_ms - plan.lateness_ms

    def _all_idle(self, partitions: Sequence[PartitionState], now_ms: int) -> bool:
        """Return whether all partitions, at least one, wait for records that are yet to be written."""
        idle_ms = self._plan.idle_ms
        return idle_ms is not None and bool(partitions) and all(state.idle(idle_ms, now_ms) for state in partitions)

    def _find_first(self, partitions: Sequence[PartitionState], complete_ms: int) -> None:
        """Set the first window, the first that is whole, once no earlier pane can come any more."""
        if self.next_end_ms is not None:
            return
        starts = [start for state in partitions for start in state.panes]
        if starts and min(starts) + self._plan.grid.size_ms <= complete_ms:
            self.next_end_ms = min(starts) + self._plan.grid.size_ms

    def _until(self, partitions: Sequence[PartitionState], complete_ms: int, *, partial: bool) -> list[WindowResult]:
        """Judge all windows that end at or before `complete_ms`; runs of empty ones are one result."""
        results = []
        grid = self._plan.grid
        while self.next_end_ms is not None and self.next_end_ms <= complete_ms:
            end = self.next_end_ms
            old = end - grid.size_ms < self.epoch_ms
            unknown = PARTIAL if partial else EPOCH_CHANGE if old else ""
            profile = self._merged(partitions, end)
            if profile is not None:
                start = end - grid.size_ms
                results.append(self._judge(start, end, profile, unknown))
                n = 1
            else:
                n = min(self._empty(partitions, end, complete_ms), self._cohortless(end))
                n = min(n, -((end - grid.size_ms - self.epoch_ms) // grid.pane_ms)) if old else n
                last = end + (n - 1) * grid.pane_ms
                results.append(judge_gap(self._plan, end - grid.size_ms, last, n, unknown=unknown))
            if self._model is not None:
                results[-1] = replace(results[-1], models=self._of_model(end, profile, unknown))
            if self.keeper is not None and not unknown:
                changes = tuple(self.keeper.hear(results[-1]))
                results[-1] = replace(results[-1], baseline_changes=changes) if changes else results[-1]
            self.windows += n
            self.last_end_ms = end + (n - 1) * grid.pane_ms
            self.next_end_ms = self.last_end_ms + grid.pane_ms
        if self.next_end_ms is not None and results:
            self._checks.forget(self.next_end_ms - grid.size_ms)
        return results

    def _judge(self, start_ms: int, end_ms: int, profile: Profile, unknown: str) -> WindowResult:
        """Judge one window with rows, by what it is to be compared with."""
        baseline = self.keeper.view(start_ms, end_ms) if self.keeper is not None else None
        memory, chances = self.memory, self._checks.chances()
        return judge(
            self._plan, start_ms, end_ms, profile, unknown=unknown, baseline=baseline, memory=memory, chances=chances
        )

    def _of_model(self, end_ms: int, profile: Profile | None, unknown: str) -> tuple[ModelView, ...]:
        """Return what a window says of the model."""
        assert self._model is not None
        spec: Any = self._plan.outcomes
        here = None if profile is None else profile.accumulators[spec].counts
        missing = EPOCH_CHANGE if profile is not None and spec in profile.incomplete else ""
        return self._model.judge(end_ms - self._plan.grid.size_ms, end_ms, here, unknown or missing)

    def _cohortless(self, end_ms: int) -> int:
        """Return how many empty windows, from that on, can be judged as one since none but the first has a cohort."""
        later = None if self._model is None else self._model.next_ms(end_ms)
        return sys.maxsize if later is None else max(1, (later - end_ms) // self._plan.grid.pane_ms)

    def _empty(self, partitions: Sequence[PartitionState], end_ms: int, complete_ms: int) -> int:
        """Return how many windows are empty and complete, from the one that ends at `end_ms` on."""
        later = (start for state in partitions for start in state.panes if start >= end_ms)
        return (min(complete_ms, min(later, default=complete_ms)) - end_ms) // self._plan.grid.pane_ms + 1

    def _merged(self, partitions: Sequence[PartitionState], end_ms: int) -> Profile | None:
        """Return the window's profile, merged in the order topic, partition, pane; None without rows."""
        parts = [
            state.panes[start]
            for state in sorted(partitions, key=lambda s: s.partition)
            for start in self._plan.grid.panes(end_ms)
            if start in state.panes
        ]
        if not parts:
            return None
        if len(parts) == 1:
            return parts[0]
        merged = self._plan.profile.empty()
        for part in parts:
            merged.merge(part)
        return merged

    def state(self) -> State:
        """Return everything needed to continue."""
        return {
            "watermark_ms": self.watermark_ms,
            "next_end_ms": self.next_end_ms,
            "last_end_ms": self.last_end_ms,
            "epoch_ms": self.epoch_ms,
            "windows": self.windows,
            "memory": {name: memory for name, memory in self.memory.items() if memory},
            "memory_of": {name: about for name, about in self._about.items() if self.memory.get(name)},
            "size_ms": self._plan.grid.size_ms,
            "pane_ms": self._plan.grid.pane_ms,
            "clock": self._plan.clock,
        }

    def load(self, state: State) -> None:
        """Continue from `state`, on another grid as far as that can be.

        Other panes, or another clock: the first window is looked for anew. Another size: windows that reach back
        behind the panes that were kept for the old size are of the old epoch.
        """
        grid = self._plan.grid
        self.watermark_ms = int(state["watermark_ms"])
        self.next_end_ms = None if state["next_end_ms"] is None else int(state["next_end_ms"])
        self.last_end_ms = int(state["last_end_ms"])
        self.epoch_ms = int(state["epoch_ms"])
        self.windows = int(state["windows"])
        # What a check remembered under its name is of no use to another one; older stores do not say whose it is.
        about = self._about | state.get("memory_of", {})
        self.memory = {
            str(name): dict(memory)
            for name, memory in state.get("memory", {}).items()
            if name in self._about and about[name] == self._about[name]
        }
        if int(state["pane_ms"]) != grid.pane_ms or state.get("clock", self._plan.clock) != self._plan.clock:
            self.next_end_ms = None
        elif self.next_end_ms is not None and int(state["size_ms"]) != grid.size_ms:
            self.epoch_ms = max(self.epoch_ms, self.next_end_ms - int(state["size_ms"]))


def _about(plan: MonitorPlan, spec: Any) -> str:
    """Return what a check of windows is about: its kind, its field and the field's type, not by what it judges it."""
    field = getattr(spec, "field", "")
    return f"{spec.kind} {field} {plan.fields.get(field, '')}".rstrip()
