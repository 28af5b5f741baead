"""A Kafka cluster that exists already, for a demo whose daemon runs elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from monitor.errors import SurroundingsError

_PARTITIONS = 4
_ANSWER_S = 30.0
_PAUSE_S = 0.1
_FLUSH_S = 5.0


class RemoteBroker:
    """Sends to a cluster; what it does not take for a while is waited for, so the demo goes on when it is back."""

    def __init__(self, bootstrap_servers: str) -> None:
        """Connect; raises SurroundingsError when nobody answers within half a minute."""
        settings: dict[str, str | int | float | bool] = {"bootstrap.servers": bootstrap_servers, "log_level": 3}
        self._admin = AdminClient(settings)
        self._producer = Producer(settings | {"linger.ms": 5, "acks": "all"})
        try:
            self._admin.list_topics(timeout=_ANSWER_S)
        except KafkaException as error:
            message = f"no Kafka at {bootstrap_servers}: {error.args[0].str()}"
            raise SurroundingsError(message) from error

    def create(self, topic: str) -> None:
        """Create a topic of four partitions unless it is there; raises SurroundingsError when that is refused."""
        created = self._admin.create_topics([NewTopic(topic, num_partitions=_PARTITIONS)], operation_timeout=_ANSWER_S)
        try:
            created[topic].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                message = f"topic {topic} cannot be created: {error.args[0].str()}"
                raise SurroundingsError(message) from error

    def produce(self, topic: str, records: Iterable[tuple[bytes, bytes]], timestamp_ms: int) -> None:
        """Send (key, value) records; they are on their way when this returns, which may take as long as an outage."""
        for key, value in records:
            while True:
                try:
                    self._producer.produce(topic, value, key=key, timestamp=timestamp_ms)
                    break
                except BufferError:
                    self._producer.poll(_PAUSE_S)
        self._producer.poll(0)

    def close(self) -> None:
        """Wait for what is on its way, for five seconds at most."""
        self._producer.flush(_FLUSH_S)
