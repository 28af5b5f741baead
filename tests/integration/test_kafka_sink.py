"""The Kafka sink on a real broker, with both client libraries."""

from __future__ import annotations

import gc
import json
import warnings

import pytest
from confluent_kafka import Consumer

from monitor.clock import SystemClock
from monitor.errors import Retryable
from monitor.sink_building import build_sink
from monitor.sinks import KafkaSinkSpec
from monitor.sources import KafkaSpec
from tests.support.alerts import START_MS, an_alert
from tests.support.kafka import unique
from tests.support.ports import free_ports

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.xdist_group("kafka"),
    # kafka-python leaves the sockets of failed connections to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CLIENTS = ["kafka-python", "librdkafka"]
ALERTS = [an_alert(), an_alert("country", severity="critical"), an_alert(status="resolved")]


@pytest.fixture(autouse=True, scope="module")
def _no_sockets_for_others():
    """Collect what kafka-python left, so that no later test is blamed for it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def read(bootstrap: str, topic: str, n: int) -> list[tuple[bytes, dict]]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": unique("reader"), "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        messages = [message for message in consumer.consume(n, 30.0) if not message.error()]
    finally:
        consumer.close()
    return [(message.key(), json.loads(message.value())) for message in messages]


@pytest.mark.parametrize("client", CLIENTS)
def test_alerts_arrive_in_order_keyed_by_fingerprint(client, kafka_broker):
    topic = kafka_broker.create_topic(unique("alerts"))
    source = KafkaSpec(topics=("payments",), bootstrap_servers=kafka_broker.bootstrap, client=client)
    sink = build_sink(KafkaSinkSpec(topic=topic), source, SystemClock())
    try:
        sink.deliver(ALERTS[:2], START_MS)
        sink.deliver(ALERTS[2:], START_MS)
    finally:
        sink.close()
    found = read(kafka_broker.bootstrap, topic, 3)
    assert [key for key, _ in found] == [alert.fingerprint.encode() for alert in ALERTS]
    assert [body["alerts"][0]["status"] for _, body in found] == ["firing", "firing", "resolved"]


@pytest.mark.parametrize("client", CLIENTS)
def test_without_a_broker_it_is_retryable_in_time(client):
    (port,) = free_ports(1)
    source = KafkaSpec(topics=("payments",), bootstrap_servers=f"127.0.0.1:{port}", client=client)
    sink = build_sink(KafkaSinkSpec(topic="alerts", timeout="1s"), source, SystemClock())
    try:
        with pytest.raises(Retryable):
            sink.deliver(ALERTS, START_MS)
    finally:
        sink.close()
