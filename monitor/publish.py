"""From the engine and the meters to the snapshot that everybody else reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from monitor import __version__
from monitor.alert_views import PendingView
from monitor.baseline_state import baseline_state, with_events
from monitor.budget_views import BudgetView
from monitor.checkpoint import StoredEvent
from monitor.describe import field_views, profile_views
from monitor.engine import Engine, failure_key
from monitor.gating import HeldNow
from monitor.in_force import EpochView, LoadView
from monitor.meters import Meters
from monitor.model_views import NO_MODEL, ModelState, ModelView
from monitor.partition import PartitionState, counted_of
from monitor.plan import MonitorPlan
from monitor.results import CheckOutcome, StepResult
from monitor.selftest import SelfTest
from monitor.signals import alert_keys
from monitor.snapshot import (
    BaselineStateView,
    CheckView,
    FieldView,
    IncidentView,
    LettersView,
    PartitionView,
    ProfileView,
    Snapshot,
    VerdictView,
    WindowView,
)
from monitor.types import Alert, Level, TopicPartition
from monitor.windows import NEVER_MS


@dataclass
class Outside:
    """What the snapshot says that neither engine nor meters know."""

    ready: bool = False
    ready_reason: str = "starting"
    caught_up: bool = False
    dead_letters: Mapping[tuple[str, str], int] = field(default_factory=dict)
    letters: LettersView | None = None
    notifications: Mapping[tuple[str, str], int] = field(default_factory=dict)
    outbox_size: Mapping[str, int] = field(default_factory=dict)
    held: HeldNow = field(default_factory=HeldNow)
    sink_open: Mapping[str, int] = field(default_factory=dict)
    incidents_open: Mapping[str, int] = field(default_factory=dict)
    storms: Mapping[str, int] = field(default_factory=dict)
    checkpoint_last_success_ms: int | None = None
    rebalances: int = 0
    jumps: Mapping[tuple[str, str], int] = field(default_factory=dict)
    stall_actions: Mapping[str, int] = field(default_factory=dict)
    waiting_for: str = ""
    events: Sequence[StoredEvent] = ()
    epoch: EpochView | None = None
    last_load: LoadView | None = None


@dataclass(frozen=True)
class _Shown:
    """What is shown of the judged windows: the last one, and how often the checks have failed."""

    window: WindowView | None = None
    windows_total: int = 0
    fields: tuple[FieldView, ...] = ()
    verdicts: tuple[VerdictView, ...] = ()
    profiles: tuple[ProfileView, ...] = ()
    checks: Mapping[tuple[str, str], CheckView] = field(default_factory=dict)
    refused: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
    pending: tuple[PendingView, ...] = ()
    baseline: BaselineStateView | None = None
    incidents: tuple[IncidentView, ...] = ()
    budget: BudgetView | None = None
    model: ModelState = NO_MODEL


class Publisher:
    """Makes snapshots. What was judged and counted is shown once `show` says that it is durable.

    A counter that was shown and is then taken back by a crash looks like one that was reset: Prometheus would add
    all that was ever counted to the increase. What only describes this instant, as the offsets do, is shown as it is.
    """

    def __init__(self, engine: Engine, meters: Meters) -> None:
        """Start without a window, but with the alerts that fire."""
        self._engine = engine
        self._meters = meters
        self._shown = self._heard = _Shown(
            windows_total=engine.closer.windows,
            alerts=tuple(engine.book.firing()),
            pending=self._pending(),
            refused=engine.series.refused,
            baseline=self._baseline(),
            budget=engine.budget.view,
            model=self._model(()),
        )
        self._self_test = SelfTest(engine.plan)
        self._counted: dict[TopicPartition, PartitionState] = {}
        self._thresholds = {
            (item.field, item.name, level): getattr(item.spec, level)
            for item in engine.plan.detectors
            for level in ("warning", "critical")
        }

    def after(self, before: Publisher) -> Self:
        """Show the last window that another publisher showed, as far as the plan still has it; return this one."""
        self._shown = self._heard = _carried(before._heard, self._shown, self._engine.plan)
        self._counted = before._counted
        return self

    def _baseline(self) -> BaselineStateView | None:
        return baseline_state(self._engine.plan, (closer := self._engine.closer).keeper, max(closer.last_end_ms, 0))

    def _model(self, metrics: tuple[ModelView, ...]) -> ModelState:
        watch = self._engine.model
        return NO_MODEL if watch is None else watch.shown(metrics)

    def _pending(self) -> tuple[PendingView, ...]:
        return tuple(
            PendingView(*each.key, each.windows, each.raise_after, each.since_ms, each.reason)
            for each in self._engine.book.pending()
        )

    def hear(self, result: StepResult) -> None:
        """Take the judged windows of a step, before the next one; the last of them is what will be shown."""
        if not result.windows:
            return
        last = result.windows[-1]
        checks = dict(self._heard.checks)
        for window in result.windows:
            checks |= {(found.check, found.segment): self._check(found) for found in window.checks}
        judged = {(found.check, found.segment) for found in last.checks}
        checks |= {key: _not_judged(view) for key, view in checks.items() if key not in judged}
        plan, profile = self._engine.plan, last.profile
        moved = {verdict.field for verdict in last.verdicts if verdict.level >= Level.WARNING}
        self._heard = _Shown(
            WindowView(last.start_ms, last.end_ms, last.rows, last.partial),
            self._engine.closer.windows,
            field_views(plan, profile) if profile is not None else (),
            last.verdicts,
            profile_views(plan, profile, last.baseline, moved) if profile is not None else (),
            checks,
            self._engine.series.refused,
            tuple(self._engine.book.firing()),
            self._pending(),
            self._baseline(),
            tuple(incident for incident in last.incidents if incident.raised),
            self._engine.budget.view,
            self._model(last.models),
        )
        self._self_test.hear(last, self._engine.budget, self._engine.closer.epoch_ms)

    def show(self) -> None:
        """From now on show what was heard and counted: it is durable."""
        self._shown = self._heard = replace(self._heard, model=self._model(self._heard.model.metrics))
        self._counted = {
            partition: replace(
                state,
                rejects=Counter(state.rejects),
                reject_offsets=dict(state.reject_offsets),
                panes={},
                dirty=set(),
            )
            for partition, state in self._engine.partitions.items()
        }

    def _check(self, outcome: CheckOutcome) -> CheckView:
        return CheckView(
            outcome.check,
            outcome.segment,
            outcome.level,
            self._engine.failures[failure_key(outcome.check, outcome.segment)],
            outcome.failure_ratio,
            outcome.reason,
            outcome.value,
            outcome.details,
        )

    def snapshot(self, now_ms: int, outside: Outside) -> Snapshot:
        """Return the view of this instant."""
        engine, meters, shown = self._engine, self._meters, self._shown
        states = [engine.partitions[tp] for tp in sorted(engine.partitions)]
        # One that was just assigned is as it was stored.
        counted = [self._counted.get(state.partition, state) for state in states]
        rates = meters.rates()
        return Snapshot(
            monitor=engine.plan.monitor,
            version=__version__,
            config_hash=engine.plan.config_hash,
            taken_at_ms=now_ms,
            ready=outside.ready,
            ready_reason=outside.ready_reason,
            caught_up=outside.caught_up,
            baseline_version=engine.plan.baseline_version,
            baseline=with_events(shown.baseline, outside.events),
            epoch=outside.epoch,
            last_load=outside.last_load,
            partitions=tuple(self._partition(*both, now_ms) for both in zip(states, counted, strict=True)),
            **counted_of(counted),
            **meters.views(),
            dead_letters=outside.dead_letters,
            letters=outside.letters,
            records_per_second=rates[0],
            bytes_per_second=rates[1],
            watermark_ms=engine.watermark_ms if engine.watermark_ms > NEVER_MS else None,
            last_window=shown.window,
            windows_total=shown.windows_total,
            fields=shown.fields,
            verdicts=shown.verdicts,
            thresholds=self._thresholds,
            checks=tuple(shown.checks.values()),
            profiles=shown.profiles,
            model=shown.model,
            unknown_fields=dict(engine.unknown_fields),
            forgotten_rows=engine.memory.forgotten,
            segment_values=engine.plan.segmenter.room,
            alerts=shown.alerts,
            pending=shown.pending,
            held=outside.held.alerts,
            notifications_held=outside.held.notifications,
            silences=outside.held.silences,
            muted=outside.held.muted,
            incidents=shown.incidents,
            budget=shown.budget,
            self_test=self._self_test.view,
            notifications=outside.notifications,
            outbox_size=outside.outbox_size,
            sink_open=outside.sink_open,
            incidents_open=outside.incidents_open,
            storms=outside.storms,
            checkpoint_last_success_ms=outside.checkpoint_last_success_ms,
            rebalances=outside.rebalances,
            jumps=outside.jumps,
            stall_actions=outside.stall_actions,
            waiting_for=outside.waiting_for,
            sequential_refused=shown.refused,
        )

    def _partition(self, state: PartitionState, counted: PartitionState, now_ms: int) -> PartitionView:
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
            records=counted.records,
            record_bytes=counted.record_bytes,
            next_offset=state.next_offset,
            end_offset=state.end_offset,
            lag_s=lag_s,
            stalled=state.partition in meters.stalled,
            idle=state.idle(plan.idle_ms, now_ms),
            watermark_ms=mark if mark > NEVER_MS else None,
        )


def _carried(before: _Shown, now: _Shown, plan: MonitorPlan) -> _Shown:
    """Return what was shown of the last window without what the plan no longer has, and with the alerts of now."""
    streams = {(key.field, key.segment, key.rule) for key in alert_keys(plan)}
    checks = {(rule, segment) for _, segment, rule in streams}
    labels, named = set(plan.segmenter.shown), {*plan.fields, *(item.field for item in plan.detectors)}
    return replace(
        now,
        window=before.window,
        fields=tuple(view for view in before.fields if view.field in plan.fields and view.segment in labels),
        verdicts=tuple(v for v in before.verdicts if (v.field, v.segment, v.detector) in streams),
        profiles=tuple(view for view in before.profiles if view.field in named and view.segment in labels),
        checks={key: view for key, view in before.checks.items() if key in checks},
        model=before.model.only(streams),
        incidents=tuple(i for i in before.incidents if (i.field, i.segment, i.rule) in streams),
    )


def _not_judged(view: CheckView) -> CheckView:
    """Return the view of a row check after empty windows: its count stays, its level is unknown."""
    return replace(view, level=Level.UNKNOWN, failure_ratio=None, reason="no rows", value=None, details={})
