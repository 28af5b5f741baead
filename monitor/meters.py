"""What the daemon measures about itself: delays, rates, stage times and stalled partitions."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from monitor.partition import PartitionState
from monitor.snapshot import DelayView
from monitor.types import Batch, IntArray, TopicPartition

DELAY_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
DURATION_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_RATE_SPAN_S = 15.0


@dataclass
class Histogram:
    """Counts of durations (s) per bucket, from which Prometheus makes quantiles; negative counts as zero."""

    bounds_s: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    sum_s: float = 0.0

    def __post_init__(self) -> None:
        """Start empty, with one bucket more than bounds."""
        self.counts = self.counts or [0] * (len(self.bounds_s) + 1)

    def add(self, value_s: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds_s, value_s)] += 1
        self.sum_s += value_s

    def add_all(self, values_ms: IntArray) -> None:
        """Count durations given in milliseconds."""
        values = np.sort(np.maximum(values_ms, 0)) / 1000
        ends = np.searchsorted(values, self.bounds_s, side="right")
        for bucket, n in enumerate(np.diff(ends, prepend=0, append=values.size).tolist()):
            self.counts[bucket] += n
        self.sum_s += float(values.sum())

    def view(self) -> DelayView:
        """Return the counts as exported; per bucket, not cumulative."""
        return DelayView(self.bounds_s, tuple(self.counts), self.sum_s)


@dataclass
class _Progress:
    """Where a partition stood when its position last moved."""

    next_offset: int
    since_s: float


class Meters:
    """Kept by the data thread; `monotonic_s` is a clock that never goes back."""

    def __init__(self, monotonic_s: Callable[[], float], stall_after_s: float = 60.0) -> None:
        """Start everything at zero."""
        self._now_s = monotonic_s
        self._stall_after_s = stall_after_s
        self.record_delay: dict[str, Histogram] = {}
        self.append_delay: dict[str, Histogram] = {}
        self.checkpoint_duration = Histogram(DURATION_BOUNDS_S)
        self.stage_s: dict[str, float] = {}
        self._mark_s = monotonic_s()
        self._totals: deque[tuple[float, dict[TopicPartition, tuple[int, int]]]] = deque()
        self._progress: dict[TopicPartition, _Progress] = {}
        self.stalled: frozenset[TopicPartition] = frozenset()
        self.last_read_ms: dict[TopicPartition, int] = {}

    def begin(self) -> None:
        """Let the first stage begin now: what went before is none."""
        self._mark_s = self._now_s()

    def stage(self, name: str) -> None:
        """Add the time since the last call to a stage."""
        now_s = self._now_s()
        self.stage_s[name] = self.stage_s.get(name, 0.0) + now_s - self._mark_s
        self._mark_s = now_s

    def batches(self, batches: Iterable[Batch], now_ms: int) -> None:
        """Count the delays of folded rows: event time to now, and broker append (or create) to now."""
        for batch in batches:
            if not len(batch):
                continue
            topic = batch.partition.topic
            self.record_delay.setdefault(topic, Histogram(DELAY_BOUNDS_S)).add_all(now_ms - batch.event_times_ms)
            known = batch.timestamps_ms[batch.timestamps_ms >= 0]
            if known.size:
                self.append_delay.setdefault(topic, Histogram(DELAY_BOUNDS_S)).add_all(now_ms - known)
                self.last_read_ms[batch.partition] = int(known[-1])

    def observe(self, states: Iterable[PartitionState], paused: AbstractSet[TopicPartition]) -> None:
        """Take the partitions' counters for the rates, and see who does not move though there is work.

        Who is `paused` does not move on purpose.
        """
        now_s = self._now_s()
        totals: dict[TopicPartition, tuple[int, int]] = {}
        progress: dict[TopicPartition, _Progress] = {}
        for state in states:
            tp = state.partition
            totals[tp] = (state.records, state.record_bytes)
            behind = state.end_offset is not None and state.next_offset < state.end_offset and tp not in paused
            before = self._progress.get(tp)
            still = behind and before is not None and before.next_offset == state.next_offset
            progress[tp] = before if before is not None and still else _Progress(state.next_offset, now_s)
        self._progress = progress
        self.stalled = frozenset(tp for tp, p in progress.items() if now_s - p.since_s > self._stall_after_s)
        if (
            totals or self._totals
        ):  # a start without partitions would make the first records look as if they took until now
            self._totals.append((now_s, totals))
        while len(self._totals) > 2 and now_s - self._totals[1][0] > _RATE_SPAN_S:
            self._totals.popleft()

    def views(self) -> dict[str, Any]:
        """Return what was measured of the daemon itself, under the names that a snapshot has for it."""
        return {
            "record_delay": {topic: delay.view() for topic, delay in self.record_delay.items()},
            "append_delay": {topic: delay.view() for topic, delay in self.append_delay.items()},
            "checkpoint_duration": self.checkpoint_duration.view(),
            "engine_seconds": dict(self.stage_s),
        }

    def rates(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return records and bytes per second by topic over the last 15 seconds or so.

        Only partitions that were ours all that time count: what was restored with one was not read now.
        """
        if len(self._totals) < 2 or self._totals[-1][0] <= self._totals[0][0]:
            return {}, {}
        (first_s, before), (last_s, after) = self._totals[0], self._totals[-1]
        records: dict[str, float] = {tp.topic: 0.0 for tp in after}
        sizes = dict(records)
        for tp in after.keys() & before.keys():
            records[tp.topic] += max(0, after[tp][0] - before[tp][0]) / (last_s - first_s)
            sizes[tp.topic] += max(0, after[tp][1] - before[tp][1]) / (last_s - first_s)
        return records, sizes
