"""When the fault begins and ends, and the thread that produces accordingly."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from monitor.clock import Clock
from monitor.demo.broker import EmbeddedBroker
from monitor.demo.shop import TOPIC, Shop

RATE = 1_000
"""Payments per second."""
_TICK_S = 0.1


@dataclass(frozen=True)
class Story:
    """Seconds after the start: the fault lasts from `fault_s` to `healed_s`, and comes again every `cycle_s`."""

    fault_s: float = 8.0
    healed_s: float = 16.0
    cycle_s: float = 60.0

    def faulty(self, elapsed_s: float) -> bool:
        """Return whether the fault is on."""
        return self.fault_s <= elapsed_s % self.cycle_s < self.healed_s


class ProducerThread:
    """Produces payments at RATE until stopped; one record in a thousand is not JSON."""

    def __init__(self, broker: EmbeddedBroker, shop: Shop, story: Story, clock: Clock) -> None:
        """Prepare; `start` begins the story."""
        self._broker = broker
        self._shop = shop
        self._story = story
        self._clock = clock
        self._stop = threading.Event()
        self._began_s = clock.monotonic_s()
        self._thread = threading.Thread(target=self._run, name="demo-producer", daemon=True)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the story began."""
        return self._clock.monotonic_s() - self._began_s

    @property
    def faulty(self) -> bool:
        """Whether the fault is on."""
        return self._story.faulty(self.elapsed_s)

    def start(self) -> None:
        """Begin the story now."""
        self._began_s = self._clock.monotonic_s()
        self._thread.start()

    def stop(self) -> None:
        """End the production and wait for it."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        sent = 0
        while not self._stop.wait(_TICK_S):
            due = int(self.elapsed_s * RATE) - sent
            now_ms = self._clock.now_ms()
            records = self._shop.payments(due, now_ms, faulty=self.faulty)
            if sent // RATE != (sent + due) // RATE and records:
                records[0] = (b"", b"<html>502 Bad Gateway</html>")
            self._broker.produce(TOPIC, records, now_ms)
            sent += due
