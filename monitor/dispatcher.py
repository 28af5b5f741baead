"""The one thread that empties the outbox into the sinks, so that the data thread never waits for any of them."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from monitor.clock import Clock
from monitor.errors import Retryable, Undeliverable
from monitor.gating import Gatekeeper, HeldNow, Look
from monitor.outlets import Channel, Numbers, Outcome, Outlet
from monitor.sinks.breaker import FIRST_BACK_OFF_S
from monitor.store.outbox import LONGEST_WAIT_MS, Outbox, Waiting

__all__ = ["Dispatcher", "Outlet"]

LONGEST_IDLE_S = 30.0
BATCH = 100


class Dispatcher:
    """Delivers what is due to each sink, at least once and in order, and re-sends what fires.

    One thread serves all sinks in turn, one batch at a time. A sink that fails is left alone for a while (see
    `Breaker`; longer if it asked for it), so it costs the others at most one of its own time-outs (5 s) per
    attempt. One thread per sink would save them that, at the price of a SQLite connection each and of sharing
    the outbox's bookkeeping.

    The data thread calls `wake` after a commit, and `hold` and `release` around catching up.
    """

    def __init__(
        self,
        outbox: Outbox,
        outlets: Sequence[Outlet],
        clock: Clock,
        rng: random.Random,
        gatekeeper: Gatekeeper | None = None,
    ) -> None:
        """Take over the outbox's connection, the sinks and who says what is held; `start` begins the work."""
        self._outbox = outbox
        self._gatekeeper = gatekeeper or Gatekeeper()
        self._clock = clock
        self._rng = rng
        self._channels: list[Channel] = []
        self._numbers = Numbers()
        self._served: Sequence[Outlet] = ()
        self._wanted: Sequence[Outlet] = tuple(outlets)
        self._exchange()
        self._log = structlog.get_logger(__name__)
        self._woken, self._closing = threading.Event(), threading.Event()
        self._held, self._closed = False, False
        # a daemon thread: a sink that hangs must not keep the process from ending
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    @property
    def notifications(self) -> dict[tuple[str, str], int]:
        """How many notifications were (sink, outcome) delivered, retried or refused; failed re-sends count too."""
        return dict(self._numbers.notifications)

    @property
    def outbox_size(self) -> Mapping[str, int]:
        """How many notifications waited for each sink after the last round."""
        return self._numbers.outbox_size

    @property
    def sink_open(self) -> Mapping[str, int]:
        """For each sink 1 while its circuit breaker is open, else 0."""
        return dict(self._numbers.sink_open)

    @property
    def held(self) -> HeldNow:
        """What was held after the last round, and why."""
        return self._numbers.held

    @property
    def alive(self) -> bool:
        """Whether the thread runs; false after `start` and before `close` means that it died of a bug."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin delivering."""
        self._thread.start()

    def wake(self) -> None:
        """Look at the outbox now; costs the caller nothing."""
        self._woken.set()

    def exchange(self, outlets: Sequence[Outlet]) -> None:
        """Serve these from the next round on; those that are served already go on as they are. For any thread.

        A sink that is not among them is tried once more and closed. What it did not take keeps its place in the
        outbox, for a sink of its name.
        """
        self._wanted = tuple(outlets)
        self.wake()

    def hold(self) -> None:
        """Deliver nothing from the outbox until `release`; what was delivered before and fires is still re-sent."""
        self._held = True

    def release(self) -> None:
        """Deliver again, beginning now."""
        self._held = False
        self.wake()

    def close(self, timeout_s: float) -> bool:
        """Try once more what is due (unless held or never started), then close sinks and outbox.

        Returns whether that was done in time; may be called twice. What could not be delivered stays in the
        outbox for the next start.
        """
        self._closing.set()
        self.wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
            return not self._thread.is_alive()
        self._release_everything()
        return True

    def round(self) -> float:
        """Serve every sink once, with one batch at most; return in how many seconds there is something to do."""
        try:
            self._gatekeeper.refresh(self._clock.now_ms())
            self._exchange()
            waits_s = [self._serve(channel) for channel in self._channels]
            waiting = self._outbox.sizes()
            sinks = [channel.outlet.route.name for channel in self._channels]
            firing, held = self._outbox.firing(), self._outbox.held()
            self._numbers.held = self._gatekeeper.now(firing, held, sinks, self._clock.now_ms())
        except Retryable as error:
            self._log.warning("outbox_unavailable", error=str(error))
            return FIRST_BACK_OFF_S
        self._numbers.outbox_size = dict.fromkeys(sinks, 0) | waiting
        return min(waits_s, default=LONGEST_IDLE_S)

    def _exchange(self) -> None:
        """Take over the outlets that are wanted; raises Retryable where one cannot go on yet from another's records."""
        wanted = self._wanted
        if wanted is self._served:
            return
        gone = [channel for channel in self._channels if all(channel.outlet is not outlet for outlet in wanted)]
        for channel in gone:
            self._serve(channel)
            channel.outlet.sink.close()
        self._channels = [channel for channel in self._channels if all(channel is not other for other in gone)]
        before = {id(channel.outlet): channel for channel in self._channels}
        for outlet in [outlet for outlet in wanted if self._served and id(outlet) not in before]:
            outlet.resume()
        self._channels = [before.get(id(outlet)) or Channel(outlet) for outlet in wanted]
        self._served = wanted
        self._numbers.follow(self._channels)

    def _run(self) -> None:
        """Work until closed; the thread's body."""
        while True:
            # cleared before `closing` is read: `close` sets them the other way round, so its wake is never lost
            self._woken.clear()
            if self._closing.is_set():
                break
            self._woken.wait(self.round())
        while self.round() == 0.0:
            pass
        self._release_everything()

    def _release_everything(self) -> None:
        """Close the sinks and the outbox, once."""
        if self._closed:
            return
        self._closed = True
        every = {id(outlet): outlet for outlet in (*self._served, *self._wanted)}
        for outlet in every.values():
            outlet.sink.close()
        self._outbox.close()
        self._gatekeeper.close()

    def _serve(self, channel: Channel) -> float:
        """Re-send what is due to a sink and deliver one batch; return the seconds until it wants more."""
        wait_s = channel.breaker.wait_s(self._clock.monotonic_s())
        if wait_s:
            return wait_s
        more = False
        waiting: list[Waiting] = []
        look = self._gatekeeper.look(channel.outlet.route, self._clock.now_ms())
        try:
            # before the queue: so a trigger that is delivered now is not sent a second time at once
            told = self._resend(channel, look)
            if not self._held:
                limit = 1 if channel.singly else BATCH
                waiting = self._outbox.due(channel.outlet.route.name, self._clock.now_ms(), limit, look)
                more = len(waiting) >= limit
                self._deliver(channel, waiting)
            rest_s = self._rest(channel, look)
        except Retryable as error:
            return self._back_off(channel, waiting, error)
        # finding nothing to send proves nothing of the sink
        if told or waiting:
            self._recovered(channel)
        return 0.0 if more or channel.singly else rest_s

    def _rest(self, channel: Channel, look: Look) -> float:
        """Return for how many seconds there is nothing to do for a sink; raises Retryable.

        What was postponed before a restart has its time in the outbox only.
        """
        now_ms = self._clock.now_ms()
        rest_s = LONGEST_IDLE_S
        due_ms = None if self._held else self._outbox.next_due_ms(channel.outlet.route.name, now_ms)
        for at_ms in (due_ms, look.until_ms):
            if at_ms is not None:
                rest_s = min(rest_s, max(0.0, (at_ms - now_ms) / 1000))
        if channel.outlet.resend_interval_ms is not None:
            rest_s = min(rest_s, max(0.0, channel.resend_at_s - self._clock.monotonic_s()))
        return rest_s

    def _deliver(self, channel: Channel, waiting: list[Waiting]) -> None:
        """Hand a batch to the sink and record what became of it; raises Retryable when nothing did."""
        channel.singly = max(0, channel.singly - 1)
        if not waiting:
            channel.singly = 0
            return
        name = channel.outlet.route.name
        refused: frozenset[int] = frozenset()
        reason = ""
        try:
            channel.outlet.sink.deliver([item.alert for item in waiting], self._clock.now_ms())
        except Undeliverable as error:
            if error.positions is None and len(waiting) > 1:
                # the sink did not say which of them it minds, so they go one by one
                channel.singly = len(waiting)
                return
            refused = frozenset(range(len(waiting))) if error.positions is None else error.positions
            reason = str(error)
        if refused:
            self._outbox.refuse([waiting[position].id for position in refused], reason)
            prints = sorted({waiting[position].alert.fingerprint for position in refused})
            self._log.error("notification_refused", sink=name, fingerprints=prints[:10], n=len(refused), error=reason)
        self._outbox.delivered([item.id for position, item in enumerate(waiting) if position not in refused])
        self._count(name, "refused", len(refused))
        self._count(name, "delivered", len(waiting) - len(refused))

    def _resend(self, channel: Channel, look: Look) -> bool:
        """Tell a sink that wants it what fires, when its interval has passed; return whether. Raises Retryable."""
        interval_ms = channel.outlet.resend_interval_ms
        now_s = self._clock.monotonic_s()
        if interval_ms is None or now_s < channel.resend_at_s:
            return False
        route = channel.outlet.route
        alerts = self._outbox.again(route, look)
        try:
            if alerts:
                channel.outlet.sink.deliver(alerts, self._clock.now_ms())
        except Undeliverable as error:
            refused = len(alerts) if error.positions is None else len(error.positions)
            self._count(route.name, "refused", refused)
            self._log.warning("resend_refused", sink=route.name, n=refused, error=str(error))
        except Retryable:
            self._count(route.name, "retried", len(alerts))
            raise
        channel.resend_at_s = now_s + interval_ms / 1000
        return bool(alerts)

    def _back_off(self, channel: Channel, waiting: list[Waiting], error: Retryable) -> float:
        """Leave the sink alone for a while and return for how many seconds."""
        name, was_open = channel.outlet.route.name, channel.breaker.open
        now_s = self._clock.monotonic_s()
        wait_s = channel.breaker.fail(now_s, self._rng, error.retry_after_s, LONGEST_WAIT_MS / 1000)
        self._numbers.sink_open[name] = int(channel.breaker.open)
        if channel.breaker.open and not was_open:
            self._log.error("sink_opened", sink=name, failures=channel.breaker.failures, error=str(error))
        done = [item for position, item in enumerate(waiting) if position in error.delivered]
        waiting = [item for position, item in enumerate(waiting) if position not in error.delivered]
        facts: dict[str, Any] = {"sink": name, "n": len(waiting), "retry_in_s": round(wait_s, 3)}
        self._log.warning("notification_postponed", error=str(error), **facts)
        self._count(name, "retried", len(waiting))
        self._count(name, "delivered", len(done))
        try:
            until_ms = self._clock.now_ms() + round(wait_s * 1000)
            self._outbox.postpone([item.id for item in waiting], until_ms, str(error))
            self._outbox.delivered([item.id for item in done])
        except Retryable as trouble:
            self._log.warning("outbox_unavailable", error=str(trouble))
        return wait_s

    def _recovered(self, channel: Channel) -> None:
        """Note that a sink works."""
        name = channel.outlet.route.name
        if channel.breaker.open:
            self._log.warning("sink_closed", sink=name, failures=channel.breaker.failures)
        channel.breaker.succeed()
        self._numbers.sink_open[name] = 0

    def _count(self, sink: str, outcome: Outcome, n: int) -> None:
        """Add to a counter; only this thread writes them."""
        self._numbers.notifications[sink, outcome] += n
