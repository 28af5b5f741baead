"""Closing windows: the monitor's watermark, which windows it completes, and which panes are done with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monitor.judge import judge, judge_gap
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
    """

    def __init__(self, plan: MonitorPlan) -> None:
        """Start before all time."""
        self._plan = plan
        self.watermark_ms = NEVER_MS
        self.next_end_ms: int | None = None
        self.windows = 0

    def close(self, partitions: Sequence[PartitionState], now_ms: int, *, partial: bool) -> list[WindowResult]:
        """Move the watermark and judge every window that it has passed, in order."""
        self.watermark_ms = max(self.watermark_ms, self._watermark(partitions, now_ms))
        return self._until(partitions, self.watermark_ms, partial=partial)

    def finish(self, partitions: Sequence[PartitionState], *, partial: bool) -> list[WindowResult]:
        """Judge every window that has rows, complete or not."""
        starts = [start for state in partitions for start in state.panes]
        grid = self._plan.grid
        return self._until(partitions, max(starts) + grid.size_ms, partial=partial) if starts else []

    def judged(self, pane_start_ms: int) -> bool:
        """Return whether the last window that contains this pane has been judged."""
        last_end = pane_start_ms + self._plan.grid.size_ms
        return self.next_end_ms is not None and last_end < self.next_end_ms

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
        busy = [state for state in partitions if not state.idle(plan.idle_ms)]
        if busy:
            return min(state.watermark_ms(plan.lateness_ms) for state in busy)
        if not partitions:
            return NEVER_MS
        if plan.idle_ms is None:
            return max(state.watermark_ms(plan.lateness_ms) for state in partitions)
        return now_ms - plan.lateness_ms

    def _find_first(self, partitions: Sequence[PartitionState], complete_ms: int) -> None:
        """Set the first window, the first that is whole, once no earlier pane can come any more."""
        starts = [start for state in partitions for start in state.panes]
        if self.next_end_ms is None and starts and min(starts) + self._plan.grid.size_ms <= complete_ms:
            self.next_end_ms = min(starts) + self._plan.grid.size_ms

    def _until(self, partitions: Sequence[PartitionState], complete_ms: int, *, partial: bool) -> list[WindowResult]:
        """Judge all windows that end at or before `complete_ms`; runs of empty ones are one result."""
        if complete_ms == NEVER_MS:
            return []
        self._find_first(partitions, complete_ms)
        results = []
        grid = self._plan.grid
        while self.next_end_ms is not None and self.next_end_ms <= complete_ms:
            end = self.next_end_ms
            profile = self._merged(partitions, end)
            if profile is not None:
                results.append(judge(self._plan, end - grid.size_ms, end, profile, partial=partial))
                self.windows += 1
                self.next_end_ms = end + grid.pane_ms
                continue
            later = [s for state in partitions for s in state.panes if s >= end]
            stop = min([complete_ms, *(start for start in later)])
            n = max(1, (stop - end) // grid.pane_ms + 1)
            last = end + (n - 1) * grid.pane_ms
            results.append(judge_gap(self._plan, end - grid.size_ms, last, n, partial=partial))
            self.windows += n
            self.next_end_ms = last + grid.pane_ms
        return results

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
        return {"watermark_ms": self.watermark_ms, "next_end_ms": self.next_end_ms, "windows": self.windows}

    def load(self, state: State) -> None:
        """Continue from `state`."""
        self.watermark_ms = int(state["watermark_ms"])
        self.next_end_ms = None if state["next_end_ms"] is None else int(state["next_end_ms"])
        self.windows = int(state["windows"])
