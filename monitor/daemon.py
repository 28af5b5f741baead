"""The data thread: poll, decode, fold, judge, make durable, publish; and how it starts, recovers and drains."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog

from monitor.clock import Clock
from monitor.dispatcher import Dispatcher
from monitor.engine import Engine, StepResult
from monitor.errors import Retryable, StoreError
from monitor.meters import Meters
from monitor.partition import PartitionState
from monitor.publish import Outside, Publisher
from monitor.saving import Saver, restore_engine, restore_partition
from monitor.snapshot import Snapshot
from monitor.sources import PartitionedSource
from monitor.store.outbox import SinkRoute
from monitor.store.sqlite import Store
from monitor.types import Assigned, Fetch, Rejects, Revoked, TopicPartition

T = TypeVar("T")
_POLL_S = 0.2
_PUBLISH_EVERY_S = 1.0
_COST_RATIO = 0.05
_MAX_PENDING_WINDOWS = 1000
_RETRY_S = 0.5
_FLUSH_S = 10.0


class DeadLetters(Protocol):
    """Where rejects go; acknowledged before the offsets behind them are checkpointed."""

    @property
    def full(self) -> bool:
        """Whether no more may be sent until some are acknowledged."""
        ...

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """How many, by topic and outcome."""
        ...

    def send(self, fetch: Fetch, rejects: Rejects) -> None:
        """Queue the rejects of a fetch."""
        ...

    def flush(self, timeout_s: float) -> bool:
        """Return whether everything sent is acknowledged, after waiting for it at most so long."""
        ...


@dataclass(frozen=True)
class Options:
    """How a run ends and what it leaves alone."""

    checkpoint_interval_ms: int = 5_000
    history_ms: int = 30 * 86_400_000
    max_history_bytes: int = 1 << 30
    until_end: bool = False
    max_records: int | None = None
    commit: bool = True


class Daemon:
    """Runs one monitor until it is stopped or its input ends. Everything it needs is handed in.

    Order, which is what makes counts exact: rejects acknowledged, then one transaction for offsets,
    statistics, results and notifications, then offsets to the broker (advisory), notifications, snapshot.
    """

    def __init__(  # noqa: PLR0913 - the composition root hands in each part once
        self,
        engine: Engine,
        source: PartitionedSource,
        store: Store,
        clock: Clock,
        meters: Meters,
        publish: Callable[[Snapshot], None],
        *,
        dispatcher: Dispatcher | None = None,
        dead_letters: DeadLetters | None = None,
        routes: Sequence[SinkRoute] = (),
        options: Options = Options(),  # noqa: B008 - frozen
    ) -> None:
        """Restore what belongs to the monitor; partitions are restored when they are assigned."""
        self.engine = engine
        self._source = source
        self._store = store
        self._clock = clock
        self._meters = meters
        self._publish = publish
        self._dispatcher = dispatcher
        self._dead_letters = dead_letters
        self._routes = tuple(routes)
        self._options = options
        self._saver = Saver(engine)
        self._publisher = Publisher(engine, meters)
        self._outside = Outside()
        self._log = structlog.get_logger(__name__)
        self._stopping = threading.Event()
        self._goals: dict[TopicPartition, int] = {}
        self._started_records: int | None = None
        self._next_checkpoint_s = 0.0
        self._next_publish_s = 0.0
        self._beat_s = clock.monotonic_s()
        restore_engine(engine, store.get("monitor"))

    def stop(self) -> None:
        """Ask the data thread to drain and return; safe from signal handlers and other threads."""
        self._stopping.set()

    def alive(self, within_s: float = 60.0) -> bool:
        """Return whether the data thread went round within so many seconds; does not depend on Kafka."""
        return self._clock.monotonic_s() - self._beat_s < within_s

    def run(self) -> None:
        """Work until stopped or at the end, then drain: last checkpoint, offsets, snapshot."""
        if self._dispatcher is not None:
            self._dispatcher.hold()
        self._publish_now()
        while not self._stopping.is_set() and not self._ended():
            self._round()
        self._drain()

    def _round(self) -> None:
        """Poll once and take in what came."""
        self._beat_s = self._clock.monotonic_s()
        blocked = self._saver.pending_windows > _MAX_PENDING_WINDOWS
        blocked |= self._dead_letters is not None and self._dead_letters.full
        paused = frozenset(self.engine.partitions) if blocked else self.engine.paused
        events = self._source.poll(paused, _POLL_S)
        self._meters.stage("poll")
        fetches: list[Fetch] = []
        for event in events:
            if isinstance(event, Fetch):
                fetches.append(event)
            else:
                self._step(fetches)
                fetches = []
                self._assigned(event) if isinstance(event, Assigned) else self._revoked(event)
        closed = self._step(fetches)
        self._watch_catching_up()
        now_s = self._clock.monotonic_s()
        if closed or now_s >= self._next_checkpoint_s:
            self._checkpoint()
        if closed or now_s >= self._next_publish_s:
            self._publish_now()

    def _step(self, fetches: list[Fetch]) -> bool:
        """Fold fetches and hear what came of it; return whether a window closed."""
        now_ms = self._clock.now_ms()
        result = self.engine.step(fetches, now_ms)
        self._saver.hear(result)
        self._publisher.hear(result)
        self._meters.batches(result.batches, now_ms)
        if self._dead_letters is not None:
            for fetch, rejects in result.rejects:
                self._dead_letters.send(fetch, rejects)
        self._say(result)
        return bool(result.windows)

    def _say(self, result: StepResult) -> None:
        for window in result.windows:
            self._log.info(
                "window_judged",
                start_ms=window.start_ms,
                end_ms=window.end_ms,
                rows=window.rows,
                windows=window.windows,
            )
            if window.partial:
                self._log.warning("window_partial", owned=len(self.engine.partitions), expected=self.engine.expected)
        for alert in result.alerts:
            self._log.warning("alert_changed", status=alert.status, labels=dict(alert.labels))

    def _assigned(self, event: Assigned) -> None:
        """Restore each partition, make new starts durable, and only then begin to read."""
        states = [self._restored(partition) for partition in event.partitions]
        self._check_topics()
        for state in states:
            self.engine.assign(state)
        self._outside.rebalances += 1
        self.engine.expected = self._source.partition_count()
        while not self._checkpoint() and not self._stopping.wait(_RETRY_S):
            pass
        for state in states:
            self._source.seek(state.partition, state.next_offset)
            self._log.info(
                "partition_assigned",
                topic=state.partition.topic,
                partition=state.partition.partition,
                offset=state.next_offset,
            )
        self._outside.ready, self._outside.ready_reason = True, "assigned and restored"
        if self._options.until_end and not self._goals:
            self._goals = self._retry(self._source.ends)

    def _restored(self, partition: TopicPartition) -> PartitionState:
        """Return a partition's state: the stored one, or an empty one at the configured start."""
        head = self._store.head(partition)
        if head is not None:
            return restore_partition(self.engine.plan, partition, head, self._store.panes(partition))
        start = self._retry(lambda: self._source.resolve_start(partition))
        return PartitionState(partition, start, start)

    def _check_topics(self) -> None:
        """Refuse to apply stored offsets to a topic that was created anew under the same name."""
        for topic, identity in self._source.topic_ids().items():
            stored = self._store.get(f"topic:{topic}")
            if stored is None:
                self._store.put({f"topic:{topic}": identity})
            elif stored != identity:
                raise StoreError(
                    f"topic {topic} was recreated ({stored} is now {identity}), so the stored offsets mean nothing; "
                    f"move {self._store.directory} away to start afresh"
                )

    def _revoked(self, event: Revoked) -> None:
        """Make the partitions' state durable and forget them; what is lost is read again from the store's offset."""
        if not event.lost and not self._checkpoint():
            self._log.warning("revoke_not_durable", partitions=len(event.partitions))
        for partition in event.partitions:
            self.engine.revoke(partition)
        self._outside.rebalances += 1
        self._log.info("partitions_revoked", partitions=[list(partition) for partition in event.partitions])

    def _checkpoint(self) -> bool:
        """Make everything durable in the promised order; return whether that went well.

        The interval stretches so that checkpoints cost at most 5 % of the time.
        """
        self._meters.stage("other")
        began_s = self._clock.monotonic_s()
        if self._dead_letters is not None and not self._dead_letters.flush(_FLUSH_S):
            self._next_checkpoint_s = began_s + _RETRY_S
            self._log.warning("dead_letters_unacknowledged")
            return False
        checkpoint = self._saver.checkpoint()
        now_ms = self._clock.now_ms()
        try:
            self._store.commit(checkpoint, self._routes, collapse=not self._outside.caught_up)
            self._store.prune(now_ms - self._options.history_ms, self._options.max_history_bytes)
        except Retryable as error:
            self._next_checkpoint_s = self._clock.monotonic_s() + _RETRY_S
            self._log.error("checkpoint_failed", error=str(error))
            return False
        self._saver.taken()
        if self._options.commit:
            self._source.commit({tp: state.next_offset for tp, state in self.engine.partitions.items()})
        if self._dispatcher is not None and checkpoint.alerts:
            self._dispatcher.wake()
        self._meters.stage("checkpoint")
        took_s = self._clock.monotonic_s() - began_s
        self._meters.checkpoint_duration.add(took_s)
        self._outside.checkpoint_last_success_ms = now_ms
        self._next_checkpoint_s = began_s + max(self._options.checkpoint_interval_ms / 1000, took_s / _COST_RATIO)
        return True

    def _watch_catching_up(self) -> None:
        """Once every partition has been at its confirmed end, let notifications go; only the final state waits."""
        states = self.engine.partitions.values()
        if self._outside.caught_up or not states:
            return
        if all(state.caught_up_since_ms is not None for state in states):
            self._outside.caught_up = True
            self._log.info("caught_up")
            if self._dispatcher is not None:
                self._dispatcher.release()

    def _ended(self) -> bool:
        """Return whether the run has reached what its options name as the end."""
        states = self.engine.partitions
        if self._options.max_records is not None:
            records = sum(state.records for state in states.values())
            self._started_records = records if self._started_records is None else self._started_records
            if records - self._started_records >= self._options.max_records:
                return True
        return bool(self._goals) and all(
            tp in states and states[tp].next_offset >= end for tp, end in self._goals.items()
        )

    def _drain(self) -> None:
        """Leave everything durable and said; retries a failing checkpoint for a little while."""
        self._outside.ready, self._outside.ready_reason = False, "draining"
        for _ in range(5):
            if self._checkpoint():
                break
            threading.Event().wait(_RETRY_S)
        if self._dispatcher is not None:
            self._dispatcher.release()
        self._publish_now()

    def _publish_now(self) -> None:
        """Hand out a snapshot of this instant."""
        outside = self._outside
        if self._dispatcher is not None:
            outside.notifications = self._dispatcher.notifications
            outside.outbox_size = dict(self._dispatcher.outbox_size)
        if self._dead_letters is not None:
            outside.dead_letters = self._dead_letters.counts
        self._meters.observe(self.engine.partitions.values())
        self._publish(self._publisher.snapshot(self._clock.now_ms(), outside))
        self._next_publish_s = self._clock.monotonic_s() + _PUBLISH_EVERY_S
        self._meters.stage("publish")

    def _retry(self, ask: Callable[[], T]) -> T:
        """Ask the broker until it answers or we are to stop; raises Retryable only then."""
        while True:
            try:
                return ask()
            except Retryable as error:
                self._log.warning("broker_unavailable", error=str(error))
                if self._stopping.wait(_RETRY_S):
                    raise
