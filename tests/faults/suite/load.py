"""Writes records while the daemon suffers, in event-time order; some stretches drift so that alerts come and go."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, Message, Producer

from tests.support.disturbed import PARTITIONS, record
from tests.support.kafka import Cluster

_TICK_S = 0.02
_CALM_MS, _DRIFT_MS = 9_000, 6_000
"""So long of event time is as the baseline, then so long is not, and so on."""


class Load:
    """A producer in a thread; counts what the broker acknowledged, once each.

    A record is a millisecond of event time; `per_s` records a second of the clock. `values` are made in advance but for
    their time, so that writing costs little.
    """

    def __init__(self, broker: Cluster, topic: str, first_ms: int, per_s: int = 1_250, **settings: object) -> None:
        keep_trying = {
            "enable.idempotence": True,
            "message.timeout.ms": 600_000,
            "reconnect.backoff.max.ms": 500,
            "log_level": 0,
        }
        self._settings = {"bootstrap.servers": broker.bootstrap, "linger.ms": 5, **keep_trying, **settings}
        self.producer = Producer(self._settings)
        self.topic = topic
        self.at_ms = first_ms
        self.rng = random.Random(4)
        self.written = 0
        self.refused = 0
        self.partitions = PARTITIONS
        self._per_s = per_s
        self._began_ms = first_ms
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.hold = threading.Lock()
        """Whoever holds it has the producer for itself."""

    def _run(self) -> None:
        due, before_s = 0.0, time.monotonic()
        while not self._stop.wait(_TICK_S):
            now_s = time.monotonic()
            due, before_s = due + min(1.0, now_s - before_s) * self._per_s, now_s
            with self.hold:
                self.write(int(due))
                self.producer.poll(0)
            due -= int(due)

    def renew(self) -> None:
        """Go on with another producer, which knows nothing of the topic."""
        self.producer = Producer(self._settings)

    def write(self, n: int) -> None:
        """Write so many records."""
        for _ in range(n):
            self.at_ms += 1
            self.send(self.value(), self.rng.randrange(self.partitions))

    def value(self) -> bytes:
        """Return the next record."""
        if (self.at_ms - self._began_ms) % (_CALM_MS + _DRIFT_MS) < _CALM_MS:
            return record(self.rng, self.at_ms)
        amount = round(self.rng.lognormvariate(5, 1), 2)
        return json.dumps({"at": self.at_ms, "amount": amount, "country": "US"}).encode()

    def send(self, value: bytes, partition: int) -> None:
        """Write a record of the present time."""
        while True:
            try:
                self.producer.produce(
                    self.topic,
                    value,
                    self.key(),
                    partition=partition,
                    timestamp=self.at_ms,
                    on_delivery=self.heard,
                )
            except BufferError:
                self.producer.poll(0.1)
            else:
                return

    def key(self) -> bytes | None:
        """Return the next record's key."""
        return None

    def heard(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.written += 1
        else:
            self.refused += 1

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write while inside; then close every window with a record far ahead on each partition."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()
        self.close_windows()

    def close_windows(self) -> None:
        """Write a record far ahead on each partition, and wait until the broker has everything."""
        self.at_ms += 600_000
        for partition in range(self.partitions):
            self.send(json.dumps({"at": self.at_ms, "amount": 1.0, "country": "DE"}).encode(), partition)
        assert self.producer.flush(120) == 0, "the broker did not take all records"
