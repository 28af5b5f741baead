"""When the fault begins and ends, what that means, and the producer that acts it out."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from monitor.clock import Clock
from monitor.demo.shop import TOPIC, Shop

RATE = 1_000
"""Payments per second."""
_TICK_S = 0.1
_NO_JSON = b"<html>502 Bad Gateway</html>"


@dataclass(frozen=True)
class Story:
    """Seconds after the start: the fault lasts from `fault_s` to `healed_s`, and comes again every `cycle_s`."""

    fault_s: float = 8.0
    healed_s: float = 16.0
    cycle_s: float = 60.0
    grace_s: float = 120.0

    def over(self, elapsed_s: float, duration_s: float | None, *, resolved: bool) -> bool:
        """Return whether to end: after `duration_s`, but on a slow machine not before the first alerts are resolved."""
        if duration_s is None or elapsed_s < duration_s:
            return False
        return resolved or elapsed_s >= duration_s + self.grace_s

    def faulty(self, elapsed_s: float) -> bool:
        """Return whether the fault is on."""
        return self.fault_s <= elapsed_s % self.cycle_s < self.healed_s

    def told(self, elapsed_s: float, firing: int, duration_s: float | None) -> str:
        """Return what goes on now and what comes next, in a sentence or two; `firing` alerts are firing."""
        if self.faulty(elapsed_s):
            if firing:
                return "Wrong data comes in, and the alerts fire. Soon somebody repairs the shop."
            return "Wrong data comes in. Two bad windows in a row make an alert fire."
        if firing:
            return "The shop is repaired. Two good windows in a row resolve the alerts."
        next_s = self.fault_s - elapsed_s % self.cycle_s
        next_s += self.cycle_s if next_s <= 0 else 0.0
        if duration_s is not None and elapsed_s + next_s >= duration_s:
            return f"All is well again. The demo ends in {max(0.0, duration_s - elapsed_s):.0f} s."
        return f"All is well: scores stay near 0. In {next_s:.0f} s a bad release will send wrong data."


class Broker(Protocol):
    """Where the payments go."""

    def produce(self, topic: str, records: Iterable[tuple[bytes, bytes]], timestamp_ms: int) -> None:
        """Send (key, value) records."""
        ...


class Producer:
    """Produces payments at RATE until stopped; one record in a thousand is not JSON. `sent` counts them."""

    def __init__(self, broker: Broker, shop: Shop, story: Story, clock: Clock) -> None:
        """Prepare; `run` begins the story."""
        self.story = story
        self.sent = 0
        self._broker = broker
        self._shop = shop
        self._clock = clock
        self._stop = threading.Event()
        self._began_s = clock.monotonic_s()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the story began."""
        return self._clock.monotonic_s() - self._began_s

    @property
    def faulty(self) -> bool:
        """Whether the fault is on."""
        return self.story.faulty(self.elapsed_s)

    def stop(self) -> None:
        """End the production; `run` returns soon after."""
        self._stop.set()

    def run(self) -> None:
        """Produce what is due, ten times a second."""
        self._began_s = self._clock.monotonic_s()
        while not self._stop.wait(_TICK_S):
            due = int(self.elapsed_s * RATE) - self.sent
            now_ms = self._clock.now_ms()
            records = self._shop.payments(due, now_ms, faulty=self.faulty)
            if self.sent // RATE != (self.sent + due) // RATE and records:
                records[0] = (b"", _NO_JSON)
            self._broker.produce(TOPIC, records, now_ms)
            self.sent += due
