"""Producers that abort, repeat themselves and lose the order."""

from __future__ import annotations

from collections import deque
from typing import Any

from confluent_kafka import KafkaError, Message

from tests.faults.suite.fault import BOTH, Fault, register
from tests.faults.suite.load import Load
from tests.faults.suite.scene import Scene


class Transactions(Load):
    """A transactional producer that aborts every fourth of its transactions; `written` counts what was committed."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments, **{"transactional.id": f"writer-{arguments[1]}", "message.timeout.ms": 60_000})
        self.producer.init_transactions(60)
        self.aborted = 0
        self._in_flight = 0

    def write(self, n: int) -> None:
        """Write so many records in one transaction."""
        self.producer.begin_transaction()
        self._in_flight = 0
        super().write(n)
        self.producer.flush(60)  # the broker has them now, and must not show them
        if self.rng.random() < 0.25:
            self.producer.abort_transaction(60)
            self.aborted += self._in_flight
        else:
            self.producer.commit_transaction(60)
            self.written += self._in_flight

    def heard(self, error: KafkaError | None, _message: Message) -> None:
        """Count what the broker has taken for this transaction."""
        self._in_flight += error is None

    def close_windows(self) -> None:
        """Write the last records, and commit them."""
        self.producer.begin_transaction()
        self._in_flight = 0
        super().close_windows()
        self.producer.commit_transaction(60)
        self.written += self._in_flight


class Disorder(Load):
    """Every tenth record comes twice, and every record changes places with others of the last 200 ms."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._waiting: deque[tuple[bytes, int]] = deque()

    def send(self, value: bytes, partition: int) -> None:
        """Hold a record back, and write one that was."""
        self._waiting.append((value, partition))
        if len(self._waiting) > 200:
            self._waiting.rotate(self.rng.randrange(200))
            chosen = self._waiting.popleft()
            for _ in range(2 if self.rng.random() < 0.1 else 1):
                super().send(*chosen)

    def close_windows(self) -> None:
        """Write what is still held back, then the end."""
        for value, partition in self._waiting:
            super().send(value, partition)
        self._waiting.clear()
        super().close_windows()
        for value, partition in self._waiting:
            super().send(value, partition)
        assert self.producer.flush(120) == 0


def transactional(scene: Scene) -> None:
    """Let transactions come from here on."""
    scene.load = Transactions(scene.broker, scene.topic, scene.load.at_ms)


def disorderly(scene: Scene) -> None:
    """Let records come twice and out of order from here on."""
    scene.load = Disorder(scene.broker, scene.topic, scene.load.at_ms)


def kill_meanwhile(scene: Scene) -> None:
    """Read for a while, and be killed in the middle of it."""
    scene.until_reading(2_000)
    scene.running().kill()
    scene.start()
    scene.until_reading(2_000)
    if isinstance(scene.load, Transactions):
        scene.notes["aborted records"] = scene.load.aborted


register(
    Fault(
        "transactions",
        "a transactional producer aborts a quarter of its transactions; `read_committed`; SIGKILL in between",
        kill_meanwhile,
        repeats=2,
        clients=BOTH,
        prepare=transactional,
        short="librdkafka",
    )
)
register(
    Fault(
        "disorder",
        "a tenth of the records twice, all out of order within 200 ms; SIGKILL in between",
        kill_meanwhile,
        repeats=2,
        clients=BOTH,
        prepare=disorderly,
    )
)
