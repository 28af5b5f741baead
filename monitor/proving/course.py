"""The input as it is, without a fault: what pages, and the engine's state at the onsets that faults will have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.checkpoint import Checkpoint
from monitor.engine import Engine, StepResult
from monitor.partition import PartitionState
from monitor.plan import MonitorPlan
from monitor.protocols import Decoder
from monitor.proving.log import Log
from monitor.saving import Saver, restore_partition
from monitor.types import Fetch, IntArray, TopicPartition


@dataclass
class Course:
    """What became of the undoped input: its windows, the first windows that faults can begin with, and its pages.

    `pages` are the ends of windows and fingerprints, in order; `calm` says of each onset whether no alert fired then.
    """

    starts_ms: IntArray
    windows: int = 0
    rows: list[int] = field(default_factory=list)
    pages: list[tuple[int, str]] = field(default_factory=list)
    states: dict[int, Checkpoint] = field(default_factory=dict)
    calm: dict[int, bool] = field(default_factory=dict)
    last_end_ms: int = 0

    def known(self, start_ms: int, end_ms: int) -> frozenset[str]:
        """Return the fingerprints that page without a fault too, in windows that end in this time."""
        return frozenset(print_ for at, print_ in self.pages if start_ms < at <= end_ms)


def window_starts(plan: MonitorPlan, logs: Sequence[Log]) -> IntArray:
    """Return the starts of the windows that have records, ascending, by the time that was reached."""
    size_ms = plan.grid.size_ms
    found = [np.unique(log.reached_ms // size_ms * size_ms) for log in logs if log.offsets.size]
    starts: IntArray = np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)
    return starts


def follow(plan: MonitorPlan, decoder: Decoder, logs: Sequence[Log], onsets_ms: Sequence[int]) -> Course:
    """Run the engine over the whole input, window by window, and keep its state at the onsets."""
    engine = Engine(plan, decoder)
    for log in logs:
        engine.assign(PartitionState(log.partition, log.next_offset(0), log.next_offset(0)))
    course = Course(window_starts(plan, logs))
    firing: set[str] = set()
    now_ms = 0
    for start_ms, fetches in by_window(logs, course.starts_ms):
        if start_ms in onsets_ms:
            course.states[start_ms] = Saver(engine).checkpoint()
            course.calm[start_ms] = not firing
        now_ms = latest(fetches, now_ms)
        _hear(course, engine.step(fetches, now_ms), firing)
    _hear(course, engine.finish(), firing)
    return course


def by_window(logs: Sequence[Log], starts_ms: IntArray) -> Iterator[tuple[int, list[Fetch]]]:
    """Yield what was read of every partition while it had reached a window, by the window's start."""
    at = [0] * len(logs)
    for number, start_ms in enumerate(starts_ms.tolist()):
        last = number + 1 == starts_ms.size
        to = [log.offsets.size if last else log.position(int(starts_ms[number + 1])) for log in logs]
        yield start_ms, [log.fetch(a, b) for log, a, b in zip(logs, at, to, strict=True) if b > a]
        at = to


def latest(fetches: Sequence[Fetch], now_ms: int) -> int:
    """Return the largest timestamp read so far, which is what a replay takes for now."""
    return max([now_ms, *(int(fetch.timestamps_ms.max()) for fetch in fetches if len(fetch))])


def restored(plan: MonitorPlan, decoder: Decoder, state: Checkpoint) -> Engine:
    """Return an engine that goes on from a state, as after a restart."""
    engine = Engine(plan, decoder)
    Saver(engine).restore(state.monitor, {key: block for key, block in state.memory.items() if block is not None})
    panes: dict[TopicPartition, dict[int, bytes]] = {}
    for (partition, start_ms), pane in state.panes.items():
        if pane is not None:
            panes.setdefault(partition, {})[start_ms] = pane
    for partition, head in state.heads.items():
        engine.assign(restore_partition(plan, partition, head, panes.get(partition, {})))
    return engine


def _hear(course: Course, result: StepResult, firing: set[str]) -> None:
    for window in result.windows:
        course.windows += window.windows
        course.last_end_ms = max(course.last_end_ms, window.end_ms)
        if not window.gap:
            course.rows.append(window.rows)
    end_ms = max((window.end_ms for window in result.windows), default=0)
    for alert in result.alerts:
        if alert.status == "firing":
            if alert.fingerprint not in firing:
                course.pages.append((end_ms, alert.fingerprint))
            firing.add(alert.fingerprint)
        else:
            firing.discard(alert.fingerprint)
