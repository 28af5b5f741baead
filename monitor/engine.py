"""The engine: a pure state machine from fetched records to judged windows and alerts.

It owns no thread, opens no socket and reads no clock; daemon, replay and tests drive the same one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from monitor.alerting import AlertBook
from monitor.budgeting import Budget
from monitor.causes import Causes
from monitor.checks import PAIRING
from monitor.closing import Closer
from monitor.decoded import Decoded
from monitor.decoders.ahead import begin, decode_all, unread
from monitor.delays import with_delays
from monitor.errors import DAMAGE, StoreError
from monitor.field_paths import is_configured
from monitor.memory import CheckMemory
from monitor.models import ModelWatch
from monitor.naming import named
from monitor.partition import PartitionState
from monitor.plan import MonitorPlan
from monitor.protocols import Decoder, State
from monitor.results import StepResult, WindowResult
from monitor.series import Series
from monitor.signals import alert_keys, signals
from monitor.types import Alert, Batch, Fetch, IntArray, MaskArray, Place, TopicPartition
from monitor.windows import NEVER_MS, by_pane, late_rows, newest_panes

_MAX_UNKNOWN_FIELDS = 1000
"""So many names of unconfigured fields are remembered; a producer cannot make it more."""

_MAX_PENDING_ROWS = 200_000
"""So many rows may wait to be folded, in all panes together: some 50 MB of a dozen columns."""


class Engine:
    """Folds fetches, moves the watermark, closes and judges windows. Never raises on bad data."""

    def __init__(self, plan: MonitorPlan, decoder: Decoder, timer: Callable[[str], None] | None = None) -> None:
        """Start with no partition; `timer` is told the name of each stage as it ends."""
        # Checks that pair rows remember, so they are this engine's own; a plan is shared.
        pairing = [check.spec.build() for check in plan.window_checks if isinstance(check, PAIRING)]
        others = [check for check in plan.window_checks if not isinstance(check, PAIRING)]
        segmenter = plan.segmenter.own()  # and so are the values that it observes
        if pairing or segmenter is not plan.segmenter:
            plan = replace(plan, window_checks=(*others, *pairing), segmenter=segmenter)
        self.plan = plan
        self.book = AlertBook(plan.monitor, links=plan.links, flap=plan.hysteresis.flap)
        self.partitions: dict[TopicPartition, PartitionState] = {}
        self.unknown_fields: dict[str, int] = {}
        self.failures: Counter[str] = Counter()
        self.repeated: Counter[str] = Counter()
        self.model = watch_of(plan)
        kept = () if self.model is None or not self.model.plan.kept else (self.model.cohorts,)
        memories = (*pairing, *kept)
        self.memory = CheckMemory(plan.row_checks, memories, plan.grid.pane_ms, plan.fields, plan.lateness_ms)
        self.closer = Closer(plan, self.memory, self.model)
        self.series = Series(plan)
        self.budget = Budget(plan)
        self.causes = Causes(plan)
        self.expected: int | None = None
        self.decoder = decoder
        self._now_ms = 0
        self._done = timer or (lambda _stage: None)

    def assign(self, state: PartitionState) -> None:
        """Own a partition from its stored (or a new, empty) state on."""
        self.partitions[state.partition] = state
        self.closer.epoch_ms = max(self.closer.epoch_ms, state.epoch_ms)

    def continue_at(self, before: Engine) -> None:
        """Know of the surroundings what `before` knew and nobody stores: the time, the number of partitions."""
        self._now_ms, self.expected, self.repeated = before._now_ms, before.expected, before.repeated

    def revoke(self, partition: TopicPartition) -> None:
        """Forget a partition; its state must have been checkpointed before."""
        state = self.partitions.pop(partition, None)
        if state is not None:
            self.memory.leave(partition, state.next_offset)

    @property
    def partial(self) -> bool:
        """Whether partitions of our topics are owned by somebody else: verdicts would be wrong."""
        return self.expected is not None and len(self.partitions) < self.expected

    @property
    def watermark_ms(self) -> int:
        """Up to where event time is complete in every owned partition that is not idle."""
        return self.closer.watermark_ms

    @property
    def paused(self) -> frozenset[TopicPartition]:
        """The partitions too far ahead of the slowest: to be paused, never dropped."""
        plan = self.plan
        marks = {tp: state.watermark_ms(plan.lateness_ms) for tp, state in self.partitions.items()}
        busy = [mark for tp, mark in marks.items() if not self.partitions[tp].idle(plan.idle_ms, self._now_ms)]
        slowest = min(busy, default=NEVER_MS)
        if slowest > NEVER_MS:
            span_ms = plan.max_open_panes * plan.grid.pane_ms
            return frozenset(tp for tp, mark in marks.items() if mark > slowest + span_ms)
        # Somebody has not had a row yet: whoever has filled its panes waits. The idle wait for nobody.
        full = (tp for tp, state in self.partitions.items() if len(state.panes) >= plan.max_open_panes)
        return frozenset(full) if busy else frozenset()

    def begin(self, fetches: Iterable[Fetch]) -> list[Fetch]:
        """Let the decoder, which has all that it needs, begin; return what `step` is to be given later."""
        return begin(self.decoder, fetches, self.plan.derive)

    def step(self, fetches: Iterable[Fetch], now_ms: int) -> StepResult:
        """Fold the fetches in order, then close what is complete. Raises only on a broken invariant."""
        result = StepResult()
        self._now_ms = now_ms
        reached = {tp: state.next_offset for tp, state in self.partitions.items()}
        owned = list(unread(fetches, reached, self.repeated))
        decoded = decode_all(self.decoder, [fetch for fetch in owned if len(fetch)], self.plan.derive)
        for fetch in owned:
            self._fold(self.partitions[fetch.partition], fetch, decoded, now_ms, result)
        self._settle()
        self.take(result, self.closer.close(list(self.partitions.values()), now_ms, partial=self.partial))
        return result

    def finish(self) -> StepResult:
        """Close every window that has rows: the end of a bounded input."""
        result = StepResult()
        self.take(result, self.closer.finish(list(self.partitions.values()), partial=self.partial))
        return result

    def retire(self) -> list[Alert]:
        """Forget the alerts of rules that the plan no longer has; return what has to resolve."""
        known = alert_keys(self.plan)
        return self.book.retire(lambda key: key not in known, self.closer.last_end_ms)

    def take(self, result: StepResult, closed: Sequence[WindowResult]) -> None:
        """Take judged windows: alerts step through them, panes no longer needed are dropped."""
        for judged in (part for whole in closed for part in self.series.step(whole, epoch_ms=self.closer.epoch_ms)):
            whole = named(self.budget.step(judged, epoch_ms=self.closer.epoch_ms), self.plan.segmenter)
            window = self.causes.explain(whole)
            found = signals(self.plan, window, self.book.active_keys())
            for at_ms, alert in self.book.timed(
                window.start_ms, window.end_ms, found, windows=window.windows, stride_ms=self.plan.grid.pane_ms
            ):
                result.alerts.append(alert)
                result.alerted_ms.append(at_ms)
            result.windows.append(window)
            for outcome in window.checks:
                self.failures[failure_key(outcome.check, outcome.segment)] += outcome.failures * window.windows
        if closed:
            self._done("judge")
        self.closer.drop(self.partitions.values())

    def _fold(
        self, state: PartitionState, fetch: Fetch, decoded: Iterator[Decoded], now_ms: int, result: StepResult
    ) -> None:
        """Fold the rows of one fetch, the next of those `decoded` where it has records, into the partition's panes."""
        before_ms = state.max_event_ms
        if len(fetch):
            self._rows(state, fetch, next(decoded), result)
        elif fetch.next_offset < state.next_offset:
            self.memory.begin_anew(fetch.partition)
        state.advance(fetch.next_offset, len(fetch), moved=state.max_event_ms > before_ms, now_ms=now_ms)
        state.hear_end(fetch.end_offset, now_ms)

    def _rows(self, state: PartitionState, fetch: Fetch, decoded: Decoded, result: StepResult) -> None:
        self._done("decode")
        batch = decoded.batch
        state.records += len(fetch)
        state.record_bytes += int(pc.sum(pc.binary_length(fetch.values)).as_py() or 0)
        state.rows += len(batch)
        state.filtered += decoded.filtered
        state.count_rejects(decoded.rejects.reasons, fetch.offsets[decoded.rejects.index])
        for name in decoded.unknown_fields:
            if name in self.unknown_fields or len(self.unknown_fields) < _MAX_UNKNOWN_FIELDS:
                self.unknown_fields[name] = self.unknown_fields.get(name, 0) + 1
        result.rejects.append((fetch, decoded.rejects))
        if len(batch):
            self._panes(state, batch, self.memory.evaluate(fetch, batch), result)
            if decoded.unknown_fields:
                self._note(state, decoded, batch)
        result.batches.append(batch)
        self._done("fold")

    def _panes(
        self, state: PartitionState, batch: Batch, checks: Sequence[tuple[MaskArray, MaskArray]], result: StepResult
    ) -> None:
        """Fold a batch's rows and its masks of row checks, pane by pane; late rows are counted and left out."""
        plan = self.plan
        batch = with_delays(batch) if plan.watches_delays else batch
        starts = plan.grid.starts(batch.event_times_ms)
        before_ms = state.max_event_ms
        late = late_rows(plan.grid, batch.event_times_ms, starts, before_ms, plan.lateness_ms)
        state.max_event_ms = max(state.max_event_ms, int(batch.event_times_ms.max()))
        groups = plan.segmenter.groups(batch.columns)
        on_time: IntArray | None = None
        if late.any():
            state.late_rows += int(late.sum())
            on_time = np.flatnonzero(~late)
            starts = starts[on_time]
        for start, rows in by_pane(starts):
            chosen = rows if on_time is None else on_time if rows is None else on_time[rows]
            pane = state.panes.get(start)
            if pane is None:
                pane = state.panes[start] = plan.profile.empty()
            state.dirty.add(start)
            n = len(batch) if chosen is None else len(chosen)
            if chosen is None:
                pane.update(batch.columns, groups, checks, n, (batch.partition, batch.offsets))
            else:
                columns = {path: column.take(chosen) for path, column in batch.columns.items()}
                masks = [(failed[chosen], evaluated[chosen]) for failed, evaluated in checks]
                pane.update(columns, groups.take(chosen), masks, n, (batch.partition, batch.offsets[chosen]))
            if self.closer.touched(start):
                state.rows_after_verdict += n
                key = (start, self.closer.last_end_ms)
                result.revised[key] = result.revised.get(key, 0) + n

        if on_time is not None:
            newest = newest_panes(plan.grid, batch.event_times_ms, before_ms)[late]
            for start, n in zip(*(found.tolist() for found in np.unique(newest, return_counts=True)), strict=True):
                if start in state.panes:
                    state.panes[start].late_rows += n
                    state.dirty.add(start)

    def _note(self, state: PartitionState, decoded: Decoded, batch: Batch) -> None:
        """Take note of unknown fields in the panes of the rows that have them; where unknown, in the newest pane."""
        starts = self.plan.grid.starts(batch.event_times_ms)
        newest = np.flatnonzero(starts == self.plan.grid.start(state.max_event_ms))[:1]
        for name in decoded.unknown_fields:
            offsets = decoded.unknown_offsets.get(name)
            rows = newest if offsets is None else np.flatnonzero(np.isin(batch.offsets, offsets))
            panes, first = np.unique(starts[rows], return_index=True)
            for start, row in zip(panes.tolist(), rows[first].tolist(), strict=True):
                if start in state.panes:
                    state.panes[start].saw(name, Place(*batch.partition, int(batch.offsets[row])))
                    state.dirty.add(start)

    def _settle(self) -> None:
        """Fold what waits in all panes where that has become too much together."""
        dirty = [state.panes[start] for state in self.partitions.values() for start in state.dirty & state.panes.keys()]
        if sum(pane.pending_rows for pane in dirty) > _MAX_PENDING_ROWS:
            for pane in dirty:
                pane.settle()

    def state(self) -> State:
        """Return what belongs to the monitor and not to a partition, as JSON-able values.

        Not what is stored in blocks, which is `memory.states`, `causes.state` and `budget.state`.
        """
        return {
            "closer": self.closer.state(),
            "book": self.book.state(),
            "series": self.series.state(),
            "unknown_fields": dict(self.unknown_fields),
            "failures": dict(self.failures),
            "seen_until": self.memory.marks(),
            "observed": self.plan.segmenter.state(),
        }

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        try:
            self.closer.load(state["closer"])
            self.book.load(state["book"])
            self.series.load(state.get("series", {}))
            unknown = dict(state["unknown_fields"]).items()
            self.unknown_fields = {name: n for name, n in unknown if not is_configured(name, self.plan.fields)}
            self.failures = Counter(state["failures"])
            self.plan.segmenter.load(state.get("observed", {}))
            self.memory.load_marks(state.get("seen_until", []))
        except DAMAGE as error:
            raise StoreError(f"stored monitor state is damaged ({error}); reset the checkpoint") from error


def watch_of(plan: MonitorPlan) -> ModelWatch | None:
    """Return what watches the model of a plan, with no rows yet; None without one."""
    if plan.model is None:
        return None
    reference = plan.baseline.model if plan.baseline is not None else None
    return ModelWatch(plan.model, plan.segmenter, reference, pane_ms=plan.grid.pane_ms)


def failure_key(check: str, segment: str) -> str:
    """Return the name under which a check's failures in a segment are totalled."""
    return f"{check}\x1f{segment}"
