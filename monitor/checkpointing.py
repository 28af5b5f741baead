"""When checkpoints are made, and in which order everything becomes durable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog

from monitor.clock import Clock
from monitor.decoded import Rejects
from monitor.dispatcher import Dispatcher
from monitor.engine import Engine
from monitor.errors import Retryable
from monitor.meters import Meters
from monitor.protocols import Source
from monitor.saving import Saver
from monitor.snapshot import LettersView
from monitor.store.outbox import SinkRoute
from monitor.store.sqlite import Store
from monitor.types import Fetch

RETRY_S = 0.5
"""How long to leave alone what has just failed."""
_COST_RATIO = 0.05
_MAX_PENDING_WINDOWS = 1000
_FLUSH_S = 1.0
"""The data thread waits no longer for dead letters: while it does, nothing is read, shown or told to stop."""


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

    @property
    def view(self) -> LettersView:
        """Where they go, how many wait, and what limits hold back."""
        ...

    def send(self, fetch: Fetch, rejects: Rejects) -> None:
        """Queue the rejects of a fetch; told of every fetch, since a limit is a share of all records."""
        ...

    def flush(self, timeout_s: float) -> bool:
        """Return whether everything sent is acknowledged, after waiting for it at most so long."""
        ...


@dataclass(frozen=True)
class Options:
    """How a run ends and what it leaves alone."""

    checkpoint_interval_ms: int = 1_000
    history_ms: int = 30 * 86_400_000
    max_history_bytes: int = 1 << 30
    until_end: bool = False
    max_records: int | None = None
    commit: bool = True
    owns_all: bool = True
    on_out_of_range: Literal["earliest", "latest", "fail"] = "earliest"


@dataclass
class Checkpointer:
    """Makes durable what the engine did. The order, which is what makes counts exact: rejects acknowledged,
    then one transaction for offsets, statistics, results and notifications, then offsets to the broker
    (advisory) and a wake for the dispatcher.

    Until `caught_up`, notifications that cancel out are dropped, so that only the final state is sent.
    """  # noqa: D205 - the order is the summary

    engine: Engine
    saver: Saver
    store: Store
    source: Source
    clock: Clock
    meters: Meters
    options: Options
    routes: tuple[SinkRoute, ...] = ()
    dead_letters: DeadLetters | None = None
    dispatcher: Dispatcher | None = None
    caught_up: bool = False
    last_success_ms: int | None = None
    _failing: bool = False
    _next_s: float = 0.0

    def follow(
        self,
        engine: Engine,
        saver: Saver,
        options: Options,
        routes: tuple[SinkRoute, ...],
        dead_letters: DeadLetters | None,
    ) -> None:
        """Make durable what another engine does from now on; what the last one did is durable."""
        self.engine, self.saver, self.options = engine, saver, options
        self.routes, self.dead_letters = routes, dead_letters

    @property
    def blocked(self) -> bool:
        """Whether nothing more may be read until what was read is durable."""
        full = self.dead_letters is not None and self.dead_letters.full
        return full or self.saver.pending_windows > _MAX_PENDING_WINDOWS

    def wanted(self, *, closed: bool) -> bool:
        """Return whether it is time: the interval is over, or a window has been `closed`.

        While attempts fail only the interval counts, or a locked disk would be waited for in every round.
        """
        return (closed and not self._failing) or self.clock.monotonic_s() >= self._next_s

    def make(self) -> bool:
        """Make everything durable; return whether that went well. If not, the next one holds it all.

        The interval stretches so that checkpoints cost at most 5 % of the time.
        """
        self.meters.stage("other")
        began_s = self.clock.monotonic_s()
        self._failing = not self._write()
        if self._failing:
            self._next_s = self.clock.monotonic_s() + RETRY_S
            return False
        self.meters.stage("checkpoint")
        took_s = self.clock.monotonic_s() - began_s
        self.meters.checkpoint_duration.add(took_s)
        self.last_success_ms = self.clock.now_ms()
        self._next_s = began_s + max(self.options.checkpoint_interval_ms / 1000, took_s / _COST_RATIO)
        return True

    def _write(self) -> bool:
        log = structlog.get_logger(__name__)
        if self.dead_letters is not None and not self.dead_letters.flush(_FLUSH_S):
            if not self._failing:
                log.warning("dead_letters_unacknowledged")
            return False
        checkpoint = self.saver.checkpoint()
        try:
            now_ms = self.clock.now_ms()
            self.store.commit(checkpoint, self.routes, collapse=not self.caught_up, now_ms=now_ms)
        except Retryable as error:
            log.error("checkpoint_failed", error=str(error))  # noqa: TRY400 - the disk is full or locked, it is no bug
            return False
        self.saver.taken()
        if self.options.commit:
            self.source.commit({tp: state.next_offset for tp, state in self.engine.partitions.items()})
        if self.dispatcher is not None and checkpoint.alerts:
            self.dispatcher.wake()
        try:
            self.store.prune(self.clock.now_ms() - self.options.history_ms, self.options.max_history_bytes)
        except Retryable as error:
            log.warning("history_not_pruned", error=str(error))
        return True
