"""How one epoch follows another in a running daemon: as by a restart, with nothing closed and nothing read anew."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from monitor.checkpointing import DeadLetters, Options
from monitor.clock import Clock
from monitor.engine import Engine
from monitor.epochs import Change
from monitor.errors import Retryable
from monitor.in_force import EpochView
from monitor.incidents import Grouped
from monitor.saving import RECENT_EVENTS, Saver, restore_partition
from monitor.store.outbox import SinkRoute
from monitor.store.sqlite import Store


@dataclass(eq=False)
class Successor:
    """What a daemon is to run by from its next round on: built, without any state yet.

    `engine` has its plan and decoder; `follow` makes everything else (sinks, pages) follow, and cannot fail. The
    `result` is the new epoch, or why the old one goes on.
    """

    engine: Engine
    change: Change
    options: Options
    routes: Sequence[SinkRoute] = ()
    dead_letters: DeadLetters | None = None
    grouped: Sequence[Grouped] = ()
    follow: Callable[[], None] = lambda: None
    result: Future[EpochView] = field(default_factory=Future)
    _claim: threading.Lock = field(default_factory=threading.Lock)

    def claim(self) -> bool:
        """Return whether it is the caller's to decide what becomes of this; true for the first who asks."""
        return self._claim.acquire(blocking=False)

    @property
    def claimed(self) -> bool:
        """Whether somebody decides, or has decided, what becomes of this."""
        return self._claim.locked()


class Succession:
    """Who comes next: added by any thread, taken by the data thread between two rounds, refused once it drains."""

    def __init__(self) -> None:
        """Begin with nobody in line."""
        self._line: SimpleQueue[Successor] = SimpleQueue()
        self._next: Successor | None = None
        self._over = threading.Event()

    def add(self, successor: Successor) -> None:
        """Put a successor in line; it stays there until it was taken, or somebody else claims it."""
        self._line.put(successor)
        if self._over.is_set():
            self.end()

    @property
    def next(self) -> Successor | None:
        """The first in line, for the data thread only; None: nobody."""
        if self._next is None:
            with suppress(Empty):
                self._next = self._line.get_nowait()
        return self._next

    def taken(self) -> None:
        """Let the line move up."""
        self._next = None

    def end(self) -> None:
        """Refuse whoever is in line, and whoever will be."""
        self._over.set()
        while (successor := self.next) is not None:
            if successor.claim():
                successor.result.set_exception(Retryable("the daemon is draining"))
            self.taken()


def restored_saver(engine: Engine, change: Change, store: Store, clock: Clock) -> Saver:
    """Return the saver of an engine, which goes on from what the store holds of the monitor.

    Raises StoreError on damage, Retryable where the store cannot be read.
    """
    saver = Saver(engine, change)
    saver.restore(
        store.get("monitor"),
        store.memory(),
        now_ms=clock.now_ms(),
        events=store.events(limit=RECENT_EVENTS),
        configuration=store.get("configuration"),
    )
    return saver


def succeeded(successor: Successor, before: Engine, store: Store, clock: Clock) -> Saver:
    """Give a successor's engine all that a restart would give it, from a store that holds all that `before` knows.

    What only the broker can tell, and a restart would ask for, it takes over from `before`, which is left as it is.
    Returns its saver. Raises StoreError on damage, Retryable where the store cannot be read.
    """
    engine = successor.engine
    saver = restored_saver(engine, successor.change, store, clock)
    for partition, known in before.partitions.items():
        head = store.head(partition)
        assert head is not None, "every checkpoint names every owned partition"
        state = restore_partition(engine.plan, partition, head, store.panes(partition))
        state.hear_as(known)
        engine.assign(state)
    engine.continue_at(before)
    return saver
