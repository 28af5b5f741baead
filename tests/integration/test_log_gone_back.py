"""A topic that is deleted and created anew, or cut off, on a real broker while the daemon runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient

from monitor.clock import SystemClock
from monitor.daemon import Daemon
from monitor.engine import Engine
from monitor.meters import Meters
from monitor.store.sqlite import Store
from monitor.types import TopicPartition
from tests.support.kafka import unique
from tests.support.monitors import FIRST_MS, FixedDecoder, make_plan, record
from tests.support.sources import KafkaKind

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.xdist_group("kafka"),
    # kafka-python leaves the sockets of failed connections to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def records(n: int) -> list[bytes]:
    return [record(FIRST_MS + i) for i in range(n)]


def recreate(broker, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.delete_topics([topic])[topic].result()
    deadline_s = time.monotonic() + 90
    while topic in admin.list_topics(timeout=60).topics:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    broker.create_topic(topic, 1)


@contextmanager
def running(kind: KafkaKind, directory: Path, stall_after_s: float = 60.0) -> Iterator[tuple[Daemon, Any, Any]]:
    """Yield a daemon, its source, and what goes round until a condition holds."""
    source = kind.open(topics=[kind.topic], refresh="500ms")
    store, clock = Store(directory), SystemClock()
    meters = Meters(clock.monotonic_s, stall_after_s)
    daemon = Daemon(Engine(make_plan(), FixedDecoder()), source, store, clock, meters, lambda _snapshot: None)

    def until(condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 120
        while not condition():
            daemon._round()
            assert time.monotonic() < deadline_s, source.describe()

    try:
        yield daemon, source, until
    finally:
        source.close()
        store.close()


@pytest.mark.parametrize("client", ["kafka-python", "librdkafka"])
def test_a_topic_recreated_while_the_daemon_runs_is_read_from_its_beginning(kafka_broker, tmp_path, client):
    kind = KafkaKind(client, kafka_broker)
    topic = kind.topic = kafka_broker.create_topic(unique("recreated"), 1)
    kind.produce(0, records(50))
    tp = TopicPartition(topic, 0)
    with running(kind, tmp_path) as (daemon, _, until):
        state = daemon.engine.partitions.get
        until(lambda: state(tp) is not None and state(tp).records == 50)
        before = state(tp).topic_id
        recreate(kafka_broker, topic)
        kind.produce(0, records(20))
        until(lambda: state(tp) is not None and state(tp).records == 70)
        assert state(tp).topic_id != before
        assert (state(tp).next_offset, state(tp).rows) == (20, 70)
        assert daemon._ownership.jumps() == {(topic, "recreated"): 50}


@pytest.mark.parametrize("client", ["kafka-python", "librdkafka"])
def test_a_client_that_stalls_is_restarted_and_nothing_is_lost_or_doubled(kafka_broker, tmp_path, client, monkeypatch):
    """First it forgets to fetch, which a seek puts right; then it is deaf, and only another client helps."""
    monkeypatch.setattr("monitor.stalls.AGAIN_AFTER_S", 0.2)
    kind = KafkaKind(client, kafka_broker)
    topic = kind.topic = kafka_broker.create_topic(unique("stalled"), 1)
    kind.produce(0, records(50))
    with running(kind, tmp_path, stall_after_s=0.2) as (daemon, source, until):
        state = daemon.engine.partitions.get
        tp = TopicPartition(topic, 0)
        until(lambda: state(tp) is not None and state(tp).records == 50)
        source._client.pause([tp])
        kind.produce(0, records(20))
        until(lambda: state(tp).records == 70)
        assert daemon._stalls.actions["seek"] >= 1
        deaf = source._client
        monkeypatch.setattr(deaf, "read", lambda _timeout_s: [])
        kind.produce(0, records(20))
        until(lambda: state(tp).records == 90)
        assert daemon._stalls.actions["restart"] >= 1
        assert source._client is not deaf
        assert (state(tp).next_offset, state(tp).rows, daemon.engine.repeated.total()) == (90, 90, 0)
