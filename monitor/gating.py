"""The gate between outbox and sinks: what is held for which sink just now, and the people who silence."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.alert_views import HeldView, MuteView
from monitor.alerting.holding import HOLD_KINDS, Gate, Hold, too_young
from monitor.alerting.inhibition import inhibitions
from monitor.alerting.matching import Matcher
from monitor.alerting.silence import SILENCE_STATES, Silence
from monitor.clock import Clock
from monitor.config.tree import Config
from monitor.store.held import Trigger
from monitor.store.outbox import SinkRoute
from monitor.store.silences import Silences
from monitor.types import Alert, AlertIdentity


def build_gate(config: Config) -> Gate:
    """Return what the configuration holds back."""
    windows = tuple(spec.build() for spec in config.maintenance)
    if not config.alerting.inhibition:
        return Gate(windows)
    no_data = [
        check.name
        for check in config.checks
        # one that is also about too many rows does not say that there are too few
        if check.kind == "volume" and check.max_per_window is None and check.max_baseline_ratio is None
    ]
    stale = [check.name for check in config.checks if check.kind == "freshness"]
    return Gate(windows, inhibitions(no_data, stale))


@dataclass(frozen=True)
class HeldNow:
    """What others may see of the gate: by sink and kind how many wait, by alert why, and what is muted until when."""

    notifications: Mapping[tuple[str, str], int] = field(default_factory=dict)
    alerts: Mapping[AlertIdentity, tuple[HeldView, ...]] = field(default_factory=dict)
    silences: Mapping[str, int] = field(default_factory=dict)
    muted: tuple[MuteView, ...] = ()


class Gatekeeper:
    """Says what is held; the dispatcher asks it, from its thread. Without silences it knows none."""

    def __init__(self, gate: Gate | None = None, silences: Silences | None = None) -> None:
        """Keep `gate`, by default one that is open."""
        self._gate = gate or Gate()
        self._silences = silences
        self._known: Sequence[Silence] = ()

    def refresh(self, now_ms: int) -> None:
        """Read the silences; raises Retryable."""
        if self._silences is not None:
            self._known = self._silences.all(now_ms)

    def follow(self, gate: Gate) -> None:
        """Hold back what another configuration says, from the next look on; for any thread."""
        self._gate = gate

    def know(self, silences: Sequence[Silence]) -> None:
        """Take these for all silences, until the next `refresh`."""
        self._known = silences

    def look(self, route: SinkRoute, now_ms: int) -> Look:
        """Return what says, for one sink at one time, what is held; silences are those of the last `refresh`."""
        return Look(self._gate, self._known, route, now_ms)

    def now(
        self,
        firing: Sequence[Alert],
        held: Mapping[tuple[str, str], Sequence[AlertIdentity]],
        sinks: Sequence[str],
        now_ms: int,
    ) -> HeldNow:
        """Return what is held now, given what fires and what the outbox says of each sink and kind."""
        waits: dict[tuple[AlertIdentity, str], list[str]] = {}
        for (sink, kind), identities in held.items():
            for each in identities:
                waits.setdefault((each, kind), []).append(sink)
        reasons = self._gate.holds(firing, firing, self._known, now_ms)
        alerts: dict[AlertIdentity, tuple[HeldView, ...]] = {}
        for alert in firing:
            key = alert.identity
            holds = [
                HeldView(h.kind, h.by, h.reason, h.until_ms, tuple(waits.get((key, h.kind), ())))
                for h in reasons.get(key, ())
            ]
            young = tuple(waits.get((key, "after"), ()))
            if young:
                holds.append(HeldView("after", young[0], "has not fired long enough for the sink", None, young))
            if holds:
                alerts[key] = tuple(holds)
        states = [silence.state(now_ms) for silence in self._known]
        return HeldNow(
            {(name, kind): len(held.get((name, kind), ())) for name in sinks for kind in HOLD_KINDS},
            alerts,
            {state: states.count(state) for state in SILENCE_STATES},
            self._muted(now_ms),
        )

    def _muted(self, now_ms: int) -> tuple[MuteView, ...]:
        """Return the silences that have not ended and the windows that are open, by their end."""
        found = [
            MuteView("maintenance", window.name, "active", _texts(window.matchers), until_ms, window.reason, "")
            for window in self._gate.windows
            if (until_ms := window.schedule.until_ms(now_ms)) is not None
        ]
        found += [
            MuteView("silence", s.id, state, _texts(s.matchers), s.ends_at_ms, s.reason, s.author)
            for s in self._known
            if (state := s.state(now_ms)) != "expired"
        ]
        return tuple(sorted(found, key=lambda mute: (mute.until_ms, mute.name)))

    def close(self) -> None:
        """Close the silences; may be called twice."""
        if self._silences is not None:
            self._silences.close()


def _texts(matchers: Sequence[Matcher]) -> tuple[str, ...]:
    return tuple(str(matcher) for matcher in matchers)


@dataclass
class Look:
    """What is held for one sink at one time; `until_ms` is when the first hold that it has found ends by itself."""

    gate: Gate
    silences: Sequence[Silence]
    route: SinkRoute
    now_ms: int
    until_ms: int | None = None

    def __call__(self, triggers: Sequence[Trigger], firing: Sequence[Alert]) -> list[str | None]:
        """Return for each trigger the kind of the first reason for which it is held."""
        reasons = self.gate.holds([trigger.alert for trigger in triggers], firing, self.silences, self.now_ms)
        return [self._kind(trigger, reasons.get(trigger.alert.identity, ())) for trigger in triggers]

    def _kind(self, trigger: Trigger, holds: Sequence[Hold]) -> str | None:
        after_ms = self.route.after_ms(trigger.alert)
        young = too_young(self.route.name, after_ms, trigger.since_ms, trigger.ended_at_ms, self.now_ms)
        every = (*holds, young) if young is not None else tuple(holds)
        for hold in every:
            if hold.until_ms is not None and (self.until_ms is None or hold.until_ms < self.until_ms):
                self.until_ms = hold.until_ms
        return every[0].kind if every else None


class Silencer:
    """What the API does with silences: keep one, end one, list them; and wake the dispatcher when that matters."""

    def __init__(self, silences: Silences, clock: Clock, wake: Callable[[], None]) -> None:
        """Remember where they are kept."""
        self._silences = silences
        self._clock = clock
        self._wake = wake

    def now_ms(self) -> int:
        """Return the wall clock."""
        return self._clock.now_ms()

    def all(self) -> list[Silence]:
        """Return the silences that are kept, the latest end first; raises Retryable."""
        return self._silences.all(self.now_ms())

    def add(
        self, matchers: tuple[Matcher, ...], starts_at_ms: int, ends_at_ms: int, *, reason: str, author: str
    ) -> Silence:
        """Keep a silence and return it; raises TooManySilences, or Retryable when it cannot be kept."""
        now_ms = self.now_ms()
        silence = Silence(secrets.token_hex(8), matchers, starts_at_ms, ends_at_ms, reason, author, now_ms)
        self._silences.add(silence, now_ms)
        self._wake()
        return silence

    def expire(self, silence_id: str) -> Silence | None:
        """End a silence and let go what it held; None when there is none of this id. Raises Retryable."""
        ended = self._silences.expire(silence_id, self.now_ms())
        self._wake()
        return ended
