"""A sink with its place in the outbox, and what the dispatcher remembers of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from monitor.gating import HeldNow
from monitor.protocols import Sink
from monitor.sinks import SinkSpec
from monitor.sinks.breaker import Breaker
from monitor.store.outbox import SinkRoute

Outcome = Literal["delivered", "retried", "refused"]
OUTCOMES: tuple[Outcome, ...] = ("delivered", "retried", "refused")


def route_of(spec: SinkSpec) -> SinkRoute:
    """Return which alerts a sink is told, and when, by its configuration."""
    return SinkRoute(spec.name, spec.min_severity, spec.after.warning, spec.after.critical)


@dataclass(frozen=True)
class Outlet:
    """A sink with the route that fills its place in the outbox."""

    sink: Sink
    route: SinkRoute

    @property
    def resend_interval_ms(self) -> int | None:
        """How often the sink wants to be told again what fires; None when once is enough."""
        interval_ms = getattr(self.sink, "resend_interval_ms", None)
        return interval_ms if isinstance(interval_ms, int) else None

    def resume(self) -> None:
        """Have a sink that keeps records go on from them: another one of its name was closed. Raises Retryable."""
        resume = getattr(self.sink, "resume", None)
        if resume is not None:
            resume()


@dataclass(slots=True)
class Channel:
    """What the dispatcher remembers of one sink: whether and when it may be tried (s, monotonic)."""

    outlet: Outlet
    breaker: Breaker = field(default_factory=Breaker)
    resend_at_s: float = 0.0
    singly: int = 0


@dataclass(slots=True)
class Numbers:
    """What other threads read; a dict gets no new keys, but another one takes its place, so reading needs no lock."""

    notifications: dict[tuple[str, str], int] = field(default_factory=dict)
    outbox_size: Mapping[str, int] = field(default_factory=dict)
    sink_open: dict[str, int] = field(default_factory=dict)
    held: HeldNow = field(default_factory=HeldNow)

    def follow(self, channels: Sequence[Channel]) -> None:
        """Have numbers of the sinks of these channels, and of no others; those that there are go on."""
        names = [channel.outlet.route.name for channel in channels]
        self.notifications = {
            (name, outcome): self.notifications.get((name, outcome), 0) for name in names for outcome in OUTCOMES
        }
        self.outbox_size = {name: self.outbox_size.get(name, 0) for name in names}
        self.sink_open = {channel.outlet.route.name: int(channel.breaker.open) for channel in channels}
