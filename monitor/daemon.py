"""The data thread: poll, decode, fold, judge, make durable, publish; and how it drains."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog

from monitor.checkpointing import RETRY_S, Checkpointer, DeadLetters, Options
from monitor.clock import Clock
from monitor.dispatcher import Dispatcher
from monitor.engine import Engine
from monitor.epochs import Change
from monitor.errors import Retryable, StoreError
from monitor.in_force import LoadView
from monitor.incidents import Grouped
from monitor.lookahead import Lookahead
from monitor.meters import Meters
from monitor.ownership import Ownership
from monitor.publish import Outside, Publisher
from monitor.saving import NOTHING_CHANGED, Saver
from monitor.saying import say
from monitor.snapshot import Snapshot
from monitor.sources import PartitionedSource
from monitor.stalls import Stalls
from monitor.store.outbox import SinkRoute
from monitor.store.sqlite import Store
from monitor.succession import Succession, Successor, restored_saver, succeeded
from monitor.types import Assigned, Fetch, TopicPartition
from monitor.waiting import WaitingRoom

__all__ = ["Daemon", "DeadLetters", "Options"]

_POLL_S = 0.2
_PUBLISH_EVERY_S = 1.0
_DRAIN_ATTEMPTS = 5
_DRAIN_S = 10.0
"""After this long no further attempt is made; the one under way may wait for a locked file as long again."""


class Daemon:
    """Runs one monitor until it is stopped or its input ends. Everything it needs is handed in.

    What a step brings about is shown and told only once it is durable, see `Checkpointer`.
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
        grouped: Sequence[Grouped] = (),
        options: Options = Options(),  # noqa: B008 - frozen
        change: Change = NOTHING_CHANGED,
        last_load: Callable[[], LoadView | None] = lambda: None,
    ) -> None:
        """Restore what belongs to the monitor; partitions are restored when they are assigned."""
        self.engine = engine
        self._source = source
        self._clock = clock
        self._meters = meters
        self._publish = publish
        self._dispatcher = dispatcher
        self._dead_letters = dead_letters
        self._grouped = tuple(grouped)
        self._waiting = WaitingRoom(engine.decoder, clock)
        self._lookahead = Lookahead()
        self._options = options
        self._last_load = last_load
        self._store = store
        self.succession = Succession()
        """What is to be run by next; other threads add to it."""
        self._saver = restored_saver(engine, change, store, clock)
        self._publisher = Publisher(engine, meters)
        self._outside = Outside()
        self._checkpointer = Checkpointer(
            engine, self._saver, store, source, clock, meters, options, tuple(routes), dead_letters, dispatcher
        )
        self._ownership = Ownership(engine, source, store, self._checkpoint, self._pause, options)
        self._stalls = Stalls(source, clock)
        self._log = structlog.get_logger(__name__)
        self._stopping = threading.Event()
        self._goals: dict[TopicPartition, int | None] = {}
        self._records = 0
        self._next_publish_s = 0.0
        self._beat_s = clock.monotonic_s()

    def stop(self) -> None:
        """Ask the data thread to drain and return; safe from signal handlers and other threads."""
        self._stopping.set()

    def alive(self, within_s: float = 60.0) -> bool:
        """Return whether the data thread went round within so many seconds; does not depend on Kafka."""
        return self._clock.monotonic_s() - self._beat_s < within_s

    def run(self) -> None:
        """Work until stopped or at the end, then drain: last checkpoint, offsets, snapshot.

        Raises RuntimeError when the dispatcher has died: nobody would be paged any more.
        """
        self._meters.begin()
        if self._dispatcher is not None:
            self._dispatcher.hold()
        self._publish_now()
        try:
            while not self._stopping.is_set() and not self._ended():
                self._round()
        except Retryable:
            # Told to stop while the surroundings did not answer; anything else that is Retryable is a bug.
            if not self._stopping.is_set():
                raise
        self._drain()

    def _round(self) -> None:
        """Poll once and take in what came."""
        self._beat_s = self._clock.monotonic_s()
        if self._dispatcher is not None and not self._dispatcher.alive:
            raise RuntimeError("the dispatcher has died, so nobody would be paged; see its traceback in the log")
        self._follow()
        blocked = self._checkpointer.blocked or self._waiting.reason
        paused = frozenset(self.engine.partitions) if blocked else self.engine.paused
        events = self._source.poll(paused, 0.0 if self._lookahead else _POLL_S)
        self._meters.stage("poll")
        closed, fetches = False, list[Fetch]()
        for event in events:
            if isinstance(event, Fetch):
                fetches.append(event)
                continue
            closed |= self._step(fetches, at_once=True)
            fetches = []
            if isinstance(event, Assigned):
                self._take(event)
            else:
                self._waiting.forget(event.partitions)
                self._ownership.give_up(event)
        closed |= self._step(fetches)
        caught_up = self._catching_up_ends()
        saved = self._checkpointer.wanted(closed=closed or caught_up) and self._checkpoint()
        if saved and caught_up:
            self._release()
        if closed or saved or self._clock.monotonic_s() >= self._next_publish_s:
            self._publish_now()

    def _follow(self) -> None:
        """Go on by what comes next, if anything does: make all durable, restore that, exchange."""
        successor = self.succession.next
        if successor is None:
            return
        if not successor.claimed and not (self._checkpointer.wanted(closed=True) and self._checkpoint()):
            return
        self.succession.taken()
        if not successor.claim():
            return
        try:
            saver = succeeded(successor, self.engine, self._store, self._clock)
        except (Retryable, StoreError) as error:
            successor.result.set_exception(error)
            return
        self._exchange(successor, saver)
        assert saver.epoch is not None, "a saver that was restored knows its epoch"
        successor.result.set_result(saver.epoch)

    def _exchange(self, successor: Successor, saver: Saver) -> None:
        """Run by a successor that has all of our state; nothing here can fail but what is tried again anyway."""
        self.engine, self._saver, self._options = successor.engine, saver, successor.options
        self._dead_letters, self._grouped = successor.dead_letters, tuple(successor.grouped)
        self._waiting.decode_by(self.engine.decoder)
        self._publisher = Publisher(self.engine, self._meters).after(self._publisher)
        self._checkpointer.follow(self.engine, saver, self._options, tuple(successor.routes), successor.dead_letters)
        self._ownership.engine = self.engine
        successor.follow()
        self._checkpoint()
        self._publish_now()

    def _step(self, fetches: list[Fetch], *, at_once: bool = False) -> bool:
        """Fold fetches, maybe one poll later if not `at_once`, and hear what came of it; return whether windows closed.

        While the decoder waits for somebody the engine stands still, with all fetches held back in their order.
        """
        fetches = self._waiting.admit(fetches)
        if self._waiting.reason and not self._lookahead:
            return False
        fetches = self._lookahead.take(fetches) if at_once else self._lookahead.exchange(self.engine, fetches)
        now_ms = self._clock.now_ms()
        result = self.engine.step(fetches, now_ms)
        self._records += sum(len(fetch) for fetch in fetches)
        self._saver.hear(result)
        self._publisher.hear(result)
        self._meters.batches(result.batches, now_ms)
        if self._dead_letters is not None:
            for fetch, rejects in result.rejects:
                self._dead_letters.send(fetch, rejects)
        say(self.engine, result)
        return bool(result.windows)

    def _take(self, event: Assigned) -> None:
        """Own partitions; the ends that a run up to the end works towards are those of the first ones."""
        if not self._ownership.take(event):
            return
        self._outside.ready, self._outside.ready_reason = True, "assigned and restored"
        if self._options.until_end and not self._goals:
            self._goals = self._ownership.ends()

    def _checkpoint(self) -> bool:
        """Make everything durable and show what has become so; return whether that went well."""
        if not self._checkpointer.make():
            return False
        self._publisher.show()
        return True

    def _catching_up_ends(self) -> bool:
        """Return whether, for the first time, every partition has caught up with its producers."""
        states = self.engine.partitions.values()
        return not self._checkpointer.caught_up and bool(states) and all(state.caught_up for state in states)

    def _release(self) -> None:
        """Let notifications go, now that only the final state of the time we missed waits."""
        self._checkpointer.caught_up = True
        self._log.info("caught_up")
        if self._dispatcher is not None:
            self._dispatcher.release()

    def _ended(self) -> bool:
        """Return whether the run has reached what its options name as the end."""
        enough = self._options.max_records is not None and self._records >= self._options.max_records
        return enough or self._at_goals()

    def _at_goals(self) -> bool:
        """Return whether every partition that has a goal and is ours has reached it."""
        states = [state for tp, state in self.engine.partitions.items() if tp in self._goals]
        return bool(states) and all(
            state.at_end if (end := self._goals[state.partition]) is None else state.next_offset >= end
            for state in states
        )

    def _drain(self) -> None:
        """Leave everything durable and said; retries a failing checkpoint for a little while.

        A run that ends while it is catching up, and short of its goals, says nothing: the next one knows better.
        """
        self.succession.end()
        self._outside.ready, self._outside.ready_reason = False, "draining"
        until_s = self._clock.monotonic_s() + _DRAIN_S
        for _ in range(_DRAIN_ATTEMPTS):
            if self._checkpoint():
                if not self._checkpointer.caught_up and self._at_goals():
                    self._release()
                break
            if self._clock.monotonic_s() >= until_s:
                break
            threading.Event().wait(RETRY_S)
        self._publish_now()

    def _pause(self) -> bool:
        """Wait a little for the surroundings; return whether we are to stop. The data thread is alive meanwhile."""
        self._beat_s = self._clock.monotonic_s()
        return self._stopping.wait(RETRY_S)

    def _publish_now(self) -> None:
        """Hand out a snapshot of this instant."""
        outside = self._outside
        if self._dispatcher is not None:
            outside.notifications = self._dispatcher.notifications
            outside.outbox_size = dict(self._dispatcher.outbox_size)
            outside.sink_open = self._dispatcher.sink_open
            outside.held = self._dispatcher.held
        outside.incidents_open = {sink.name: sink.open for sink in self._grouped}
        outside.storms = {sink.name: sink.storms for sink in self._grouped}
        if self._dead_letters is not None:
            outside.dead_letters = self._dead_letters.counts
            outside.letters = self._dead_letters.view
        outside.events, outside.epoch = self._saver.events, self._saver.epoch
        outside.last_load = self._last_load()
        outside.caught_up = self._checkpointer.caught_up
        outside.checkpoint_last_success_ms = self._checkpointer.last_success_ms
        outside.rebalances, outside.jumps = self._ownership.rebalances, self._ownership.jumps()
        outside.stall_actions = dict(self._stalls.actions)
        outside.waiting_for = self._waiting.reason
        waiting = self._checkpointer.blocked or self._waiting.reason
        paused = self.engine.partitions.keys() if waiting else self.engine.paused
        self._meters.observe(self.engine.partitions.values(), paused)
        self._stalls.heal(self.engine, self._meters.stalled)
        self._publish(self._publisher.snapshot(self._clock.now_ms(), outside))
        self._next_publish_s = self._clock.monotonic_s() + _PUBLISH_EVERY_S
        self._meters.stage("publish")
