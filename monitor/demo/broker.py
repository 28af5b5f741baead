"""A Kafka broker inside this process: librdkafka's mock cluster, which speaks the real protocol."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import Producer

from monitor.errors import SurroundingsError

_ANSWER_S = 10.0


class EmbeddedBroker:
    """Lives as long as this object; its topics have four partitions."""

    def __init__(self) -> None:
        """Start it; raises SurroundingsError when it does not answer."""
        self._producer = Producer(
            {"bootstrap.servers": "embedded", "test.mock.num.brokers": 1, "linger.ms": 5, "log_level": 3}
        )
        brokers = self._producer.list_topics(timeout=_ANSWER_S).brokers.values()
        if not brokers:
            raise SurroundingsError("the embedded broker did not start")
        self.bootstrap_servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def produce(self, topic: str, records: Iterable[tuple[bytes, bytes]], timestamp_ms: int) -> None:
        """Send (key, value) records; they are on their way when this returns."""
        for key, value in records:
            self._producer.produce(topic, value, key=key, timestamp=timestamp_ms)
        self._producer.poll(0)

    def create(self, topic: str) -> None:
        """Create a topic, which the mock cluster does for whoever asks about it."""
        self._producer.list_topics(topic, timeout=_ANSWER_S)
