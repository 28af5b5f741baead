"""From the engine and the meters to the snapshot that everybody else reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor import __version__
from monitor.describe import field_views, profile_views
from monitor.engine import Engine, StepResult, failure_key
from monitor.meters import Meters
from monitor.partition import PartitionState
from monitor.results import WindowResult
from monitor.snapshot import CheckView, FieldView, PartitionView, ProfileView, Snapshot, VerdictView, WindowView
from monitor.types import Level
from monitor.windows import NEVER_MS


@dataclass
class Outside:
    """What the snapshot says that neither engine nor meters know."""

    ready: bool = False
    ready_reason: str = "starting"
    caught_up: bool = False
    dead_letters: Mapping[tuple[str, str], int] = field(default_factory=dict)
    notifications: Mapping[tuple[str, str], int] = field(default_factory=dict)
    outbox_size: Mapping[str, int] = field(default_factory=dict)
    checkpoint_last_success_ms: int | None = None
    rebalances: int = 0


class Publisher:
    """Remembers the last closed window and what checks counted; makes snapshots."""

    def __init__(self, engine: Engine, meters: Meters) -> None:
        """Start without a window."""
        self._engine = engine
        self._meters = meters
        self._window: WindowView | None = None
        self._verdicts: tuple[VerdictView, ...] = ()
        self._fields: tuple[FieldView, ...] = ()
        self._profiles: tuple[ProfileView, ...] = ()
        self._checks: dict[tuple[str, str], CheckView] = {}
        plan = engine.plan
        self._thresholds = {
            (item.field, item.name, level): getattr(item.spec, level)
            for item in plan.detectors
            for level in ("warning", "critical")
        }

    def hear(self, result: StepResult) -> None:
        """Take the judged windows of a step; the last one is what is shown."""
        for window in result.windows:
            for outcome in window.checks:
                self._checks[outcome.check, outcome.segment] = CheckView(
                    outcome.check,
                    outcome.segment,
                    outcome.level,
                    self._engine.failures[failure_key(outcome.check, outcome.segment)],
                    outcome.failure_ratio,
                    outcome.reason,
                )
        if result.windows:
            self._show(result.windows[-1])

    def _show(self, window: WindowResult) -> None:
        plan = self._engine.plan
        self._window = WindowView(window.start_ms, window.end_ms, window.rows, window.partial)
        self._verdicts = window.verdicts
        if window.profile is not None:
            self._fields = field_views(plan, window.profile)
            self._profiles = profile_views(plan, window.profile)
            return
        self._fields, self._profiles = (), ()
        judged = {outcome.check for outcome in window.checks}
        for key, view in self._checks.items():
            if view.check not in judged:
                self._checks[key] = CheckView(
                    view.check, view.segment, Level.UNKNOWN, view.failures_total, None, "no rows"
                )

    def snapshot(self, now_ms: int, outside: Outside) -> Snapshot:
        """Return the view of this instant."""
        engine, meters = self._engine, self._meters
        states = [engine.partitions[tp] for tp in sorted(engine.partitions)]
        by_topic = {state.partition.topic for state in states}
        rates = meters.rates()
        return Snapshot(
            monitor=engine.plan.monitor,
            version=__version__,
            config_hash=engine.plan.config_hash,
            taken_at_ms=now_ms,
            ready=outside.ready,
            ready_reason=outside.ready_reason,
            caught_up=outside.caught_up,
            baseline_version=engine.plan.baseline.version if engine.plan.baseline is not None else None,
            partitions=tuple(self._partition(state, now_ms) for state in states),
            rejects=_rejects(states),
            late_rows={topic: _sum(states, topic, "late_rows") for topic in by_topic},
            rows_after_verdict={topic: _sum(states, topic, "rows_after_verdict") for topic in by_topic},
            filtered={topic: _sum(states, topic, "filtered") for topic in by_topic},
            dead_letters=outside.dead_letters,
            records_per_second=rates[0],
            bytes_per_second=rates[1],
            record_delay={topic: delay.view() for topic, delay in meters.record_delay.items()},
            append_delay={topic: delay.view() for topic, delay in meters.append_delay.items()},
            watermark_ms=engine.watermark_ms if engine.watermark_ms > NEVER_MS else None,
            last_window=self._window,
            windows_total=engine.closer.windows,
            fields=self._fields,
            verdicts=self._verdicts,
            thresholds=self._thresholds,
            checks=tuple(self._checks.values()),
            profiles=self._profiles,
            unknown_fields=dict(engine.unknown_fields),
            alerts=tuple(engine.book.firing()),
            notifications=outside.notifications,
            outbox_size=outside.outbox_size,
            checkpoint_duration=meters.checkpoint_duration.view(),
            checkpoint_last_success_ms=outside.checkpoint_last_success_ms,
            rebalances=outside.rebalances,
            engine_seconds=dict(meters.stage_s),
        )

    def _partition(self, state: PartitionState, now_ms: int) -> PartitionView:
        plan, meters = self._engine.plan, self._meters
        mark = state.watermark_ms(plan.lateness_ms)
        behind = state.end_offset is not None and state.next_offset < state.end_offset
        read_ms = meters.last_read_ms.get(state.partition)
        lag_s = None if state.end_offset is None else 0.0
        if behind:
            lag_s = max(0.0, (now_ms - read_ms) / 1000) if read_ms is not None else None
        return PartitionView(
            topic=state.partition.topic,
            partition=state.partition.partition,
            records=state.records,
            record_bytes=state.record_bytes,
            next_offset=state.next_offset,
            end_offset=state.end_offset,
            lag_s=lag_s,
            stalled=state.partition in meters.stalled,
            idle=state.idle(plan.idle_ms),
            watermark_ms=mark if mark > NEVER_MS else None,
        )


def _rejects(states: list[PartitionState]) -> dict[tuple[str, str], int]:
    counts: Counter[tuple[str, str]] = Counter()
    for state in states:
        for reason, n in state.rejects.items():
            counts[state.partition.topic, reason] += n
    return dict(counts)


def _sum(states: list[PartitionState], topic: str, name: str) -> int:
    return sum(getattr(state, name) for state in states if state.partition.topic == topic)
