"""Both Kafka clients on a real broker: what the mock cannot show."""

from __future__ import annotations

import gc
import threading
import time
import warnings

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from monitor.clock import SystemClock
from monitor.decoded import Rejects
from monitor.errors import Retryable, SurroundingsError
from monitor.sources import KafkaSpec
from monitor.sources.dead_letter import DeadLetterProducer, DeadLetterSpec
from monitor.types import Assigned, Revoked, TopicPartition
from tests.support.kafka import PASSWORD, USER, unique
from tests.support.ports import free_ports
from tests.support.sources import NOBODY, KafkaKind, assigned, fetches, offsets, poll_until, reaches, values

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.xdist_group("kafka"),
    # kafka-python leaves the sockets of failed connections to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CLIENTS = ["kafka-python", "librdkafka"]


@pytest.fixture(autouse=True, scope="module")
def _no_sockets_for_others():
    """Collect what kafka-python left, so that no later test is blamed for it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(params=CLIENTS)
def kind(request, kafka_broker) -> KafkaKind:
    return KafkaKind(request.param, kafka_broker)


@pytest.fixture
def open_source(kind):
    opened = []

    def open_one(**settings):
        opened.append(kind.open(**settings))
        return opened[-1]

    yield open_one
    for source in opened:
        source.close()


def numbered(n, first=0):
    return [b"%d" % i for i in range(first, first + n)]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_records_are_read(kind, open_source, codec):
    kind.produce(0, [b"x" * 500 + b"%d" % i for i in range(200)], **{"compression.type": codec})
    source = open_source()
    p0, _ = assigned(source)
    source.seek(p0, 50)
    events = poll_until(source, reaches(p0=200))
    assert offsets(events, p0) == list(range(50, 200))
    assert values(events, p0)[0] == b"x" * 500 + b"50"


def test_aborted_transactions_are_left_out_and_reading_goes_on_past_their_markers(kind, open_source):
    producer = Producer({"bootstrap.servers": kind.cluster.bootstrap, "transactional.id": unique("tx")})
    producer.init_transactions(30)
    for name, end in (("kept", "commit_transaction"), ("dropped", "abort_transaction"), ("last", "commit_transaction")):
        producer.begin_transaction()
        for i in range(3):
            producer.produce(kind.topic, f"{name}-{i}".encode(), partition=0)
        producer.flush()
        getattr(producer, end)(30)
    source = open_source()
    p0, _ = assigned(source)
    source.seek(p0, None)
    end = source.ends()[p0]
    events = poll_until(source, reaches(p0=end))
    assert end == 12
    assert values(events, p0) == [b"kept-0", b"kept-1", b"kept-2", b"last-0", b"last-1", b"last-2"]
    assert offsets(events, p0) == [0, 1, 2, 8, 9, 10]


def test_an_open_transaction_keeps_its_records_back_and_is_not_lag(kind, open_source):
    kind.produce(0, numbered(2))
    producer = Producer({"bootstrap.servers": kind.cluster.bootstrap, "transactional.id": unique("tx")})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(kind.topic, b"open", partition=0)
    producer.flush()
    source = open_source()
    p0, _ = assigned(source)
    source.seek(p0, None)
    events = poll_until(source, lambda events: any(f.end_offset == f.next_offset == 2 for f in fetches(events, p0)))
    assert offsets(events, p0) == [0, 1]
    producer.abort_transaction(30)


def test_records_that_retention_took_are_counted_as_a_gap(kind, open_source):
    kind.produce(0, numbered(10))
    source = open_source()
    p0, _ = assigned(source)
    admin = AdminClient({"bootstrap.servers": kind.cluster.bootstrap})
    [deleted] = admin.delete_records([KafkaTopicPartition(kind.topic, 0, 6)]).values()
    deleted.result()
    source.seek(p0, 2)
    events = poll_until(source, reaches(p0=10))
    assert offsets(events, p0) == [6, 7, 8, 9]
    assert source.gaps == {(p0, "retention"): 4}
    assert source.beginnings()[p0] == 6


def test_out_of_range_can_go_to_the_end_or_fail(kind, open_source):
    kind.produce(0, numbered(10))
    admin = AdminClient({"bootstrap.servers": kind.cluster.bootstrap})
    [deleted] = admin.delete_records([KafkaTopicPartition(kind.topic, 0, 6)]).values()
    deleted.result()
    to_end = open_source(on_out_of_range="latest")
    p0, _ = assigned(to_end)
    to_end.seek(p0, 2)
    poll_until(to_end, reaches(p0=10))
    assert to_end.gaps == {(p0, "retention"): 8}
    failing = open_source(on_out_of_range="fail")
    assigned(failing)
    failing.seek(p0, 2)
    with pytest.raises(SurroundingsError, match=r"offset 2 of .* the broker has 6 to 10; set source\.on_out_of_range"):
        poll_until(failing, lambda events: False)


def test_partitions_that_appear_later_are_assigned_and_start_at_their_beginning(kind, open_source):
    kind.produce(0, numbered(3))
    source = open_source(start="latest", refresh="200ms")
    p0, p1 = assigned(source)
    assert (source.resolve_start(p0), source.resolve_start(p1)) == (3, 0)
    source.seek(p0, None)
    admin = AdminClient({"bootstrap.servers": kind.cluster.bootstrap})
    admin.create_partitions([NewPartitions(kind.topic, 3)])[kind.topic].result()
    kind.produce(2, numbered(4))
    p2 = TopicPartition(kind.topic, 2)
    poll_until(source, lambda events: Assigned((p2,)) in events)
    source.seek(p2, None)
    assert offsets(poll_until(source, reaches(p2=4)), p2) == [0, 1, 2, 3]


def test_a_pattern_finds_topics_and_those_that_come_later(kind, open_source):
    prefix = unique("pattern")
    first = kind.cluster.create_topic(f"{prefix}.a")
    kind.cluster.create_topic(f"other-{prefix}")
    source = open_source(topics=[f"^{prefix}[.]", kind.topic], refresh="200ms")
    assert {p.topic for p in assigned(source)} == {first, kind.topic}
    second = kind.cluster.create_topic(f"{prefix}.b")
    poll_until(source, lambda events: Assigned((TopicPartition(second, 0),)) in events)


def test_the_start_may_be_a_time(kind, open_source):
    kind.produce(0, numbered(4), timestamps_ms=[1_700_000_000_000 + i * 1000 for i in range(4)])
    source = open_source(start="2023-11-14T22:13:22Z")
    p0, p1 = assigned(source)
    assert (source.resolve_start(p0), source.resolve_start(p1)) == (2, 0)


def test_append_time_is_told_from_create_time(kind, kafka_broker):
    topic = kafka_broker.create_topic(unique("append"), 1, {"message.timestamp.type": "LogAppendTime"})
    kafka_broker.produce(topic, numbered(1), timestamps_ms=[1_000])
    source = kind.open(topics=[topic])
    [p0] = assigned(source)
    source.seek(p0, None)
    [fetch] = [fetch for fetch in fetches(poll_until(source, reaches(p0=1))) if len(fetch)]
    source.close()
    assert fetch.append_time
    assert fetch.timestamps_ms[0] > 1_700_000_000_000


def test_a_recreated_topic_has_another_identity_and_both_clients_agree_on_it(kafka_broker):
    kinds = [KafkaKind(client, kafka_broker) for client in CLIENTS]
    topic = kinds[0].topic

    def identities():
        found = []
        for kind in kinds:
            source = kind.open(topics=[topic])
            assigned(source)
            found.append(source.topic_ids()[topic])
            source.close()
        return found

    before = identities()
    admin = AdminClient({"bootstrap.servers": kafka_broker.bootstrap})
    admin.delete_topics([topic])[topic].result()
    deadline_s = time.monotonic() + 90
    while topic in admin.list_topics(timeout=60).topics:
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    kafka_broker.create_topic(topic, 2)
    after = identities()
    assert before[0] == before[1]
    assert after[0] == after[1]
    assert before[0] != after[0]


def test_a_missing_topic_is_said_with_what_to_check(kind):
    with pytest.raises(SurroundingsError, match=r"no topic no-such-topic .*check source\.bootstrap_servers"):
        kind.open(topics=[kind.topic, "no-such-topic"], connect_timeout="500ms")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_broker_that_is_not_there_is_said_in_time(client):
    [port] = free_ports(1)
    spec = KafkaSpec(client=client, bootstrap_servers=f"127.0.0.1:{port}", topics=["t"], connect_timeout="1s")
    before_s = time.monotonic()
    with pytest.raises(SurroundingsError, match=f"127.0.0.1:{port}"):
        spec.build(SystemClock())
    assert time.monotonic() - before_s < 30


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_password_is_accepted_or_its_refusal_said(kind, mechanism):
    if kind.cluster.sasl_bootstrap is None:
        pytest.skip("the given broker has no SASL listener that is known")
    kind.produce(0, numbered(3))
    servers = kind.cluster.sasl_bootstrap
    login = {"protocol": "SASL_PLAINTEXT", "mechanism": mechanism, "username": USER, "password": PASSWORD}
    source = kind.open(bootstrap_servers=servers, security=login)
    p0, _ = assigned(source)
    source.seek(p0, None)
    assert offsets(poll_until(source, reaches(p0=3)), p0) == [0, 1, 2]
    source.close()
    with pytest.raises(SurroundingsError, match=r"(?i)authenticat.*check source") as caught:
        kind.open(bootstrap_servers=servers, security=login | {"password": "wrong"}, connect_timeout="3s")
    assert PASSWORD not in str(caught.value)


class Member:
    """A member of a group on its own thread, which owns what it is given and notes what it read while it did."""

    def __init__(self, kind, group):
        settings = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 500}
        if kind.client == "librdkafka":
            settings = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500}
        self.source = kind.open(assignment="group", group_id=group, options=settings)
        self.owned: set[TopicPartition] = set()
        self.events = []
        self.read: list[tuple[TopicPartition, int]] = []
        self.mistakes: list[str] = []
        self._next: dict[TopicPartition, int] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._end.is_set():
            for event in self.source.poll(NOBODY, 0.2):
                self._take(event)

    def _take(self, event):
        if isinstance(event, Assigned):
            self.events.append(event)
            self.owned |= set(event.partitions)
            for partition in event.partitions:
                self.source.seek(partition, self._next.get(partition, 0))
        elif isinstance(event, Revoked):
            self.events.append(event)
            self.owned -= set(event.partitions)
        else:
            if event.partition not in self.owned:
                self.mistakes.append(f"{event.partition} is not owned")
            self.read += [(event.partition, int(offset)) for offset in event.offsets]
            self._next[event.partition] = event.next_offset

    def stop(self):
        self._end.set()
        self._thread.join(90)
        self.source.close()


def wait_for(condition, what, deadline_s=90):
    end_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end_s, f"{what} did not happen"
        time.sleep(0.05)


def test_a_second_member_takes_over_half_and_gives_it_back(kind):
    group = unique("group")
    kind.produce(0, numbered(10))
    kind.produce(1, numbered(10))
    first = Member(kind, group)
    members = [first]
    try:
        wait_for(lambda: len(first.owned) == 2 and len(first.read) == 20, "the first member's reading of both")
        second = Member(kind, group)
        members.append(second)
        wait_for(lambda: len(first.owned) == len(second.owned) == 1, "the sharing out")
        assert not first.owned & second.owned
        assert Revoked(tuple(second.owned)) in first.events
        before = len(first.read)
        kind.produce(0, numbered(5, first=10))
        kind.produce(1, numbered(5, first=10))
        wait_for(lambda: len(second.read) == 15 and len(first.read) == before + 5, "the reading of new records")
        assert {partition for partition, _ in first.read[before:]} == first.owned
        assert {partition for partition, _ in second.read} == second.owned
        members.remove(second)
        second.stop()
        wait_for(lambda: len(first.owned) == 2, "the return")
    finally:
        for member in members:
            member.stop()
    assert [member.mistakes for member in (first, second)] == [[], []]


def test_a_group_commits_under_its_membership(kind):
    group = unique("group")
    kind.produce(0, numbered(3))
    member = Member(kind, group)
    p0 = TopicPartition(kind.topic, 0)
    observer = Consumer({"bootstrap.servers": kind.cluster.bootstrap, "group.id": group})
    try:
        wait_for(lambda: len(member.read) == 3, "reading")
        member._end.set()
        member._thread.join()
        member.source.commit({p0: 3})
        wait_for(lambda: observer.committed([KafkaTopicPartition(*p0)], timeout=60)[0].offset == 3, "the commit")
    finally:
        member.stop()
        observer.close()
    assert member.source.commit_failures == 0


@pytest.mark.parametrize("client", CLIENTS)
def test_dead_letters_carry_the_record_and_its_origin(client, kafka_broker):
    kind = KafkaKind(client, kafka_broker)
    dead = kafka_broker.create_topic(unique("dead"))
    kind.produce(0, [b"fine", b"\xff bad", b"worse"], keys=[None, b"k", None], headers=[None, [("h", b"v")], None])
    source = kind.open()
    p0, _ = assigned(source)
    source.seek(p0, None)
    [fetch] = [fetch for fetch in fetches(poll_until(source, reaches(p0=3))) if len(fetch) == 3]
    source.close()
    letters = DeadLetterProducer(DeadLetterSpec(topic=dead), kind.spec(), SystemClock())
    letters.send(fetch, Rejects(fetch.offsets[1:], ("not json", "too odd")))
    assert letters.flush(10)
    assert not letters.full
    assert letters.counts == {(dead, "delivered"): 2, (dead, "failed"): 0, (dead, "suppressed"): 0}
    letters.close()
    reader = kind.open(topics=[dead])
    [d0] = assigned(reader)
    reader.seek(d0, None)
    [got] = [fetch for fetch in fetches(poll_until(reader, reaches(p0=2))) if len(fetch)]
    reader.close()
    assert [value.as_py() for value in got.values] == [b"\xff bad", b"worse"]
    assert got.keys[0].as_py() == b"k"
    assert dict(got.headers[0]) == {
        "h": b"v",
        "driftline.reason": b"not json",
        "driftline.topic": kind.topic.encode(),
        "driftline.partition": b"0",
        "driftline.offset": b"1",
    }


@pytest.mark.parametrize("client", CLIENTS)
def test_a_broker_that_goes_away_is_no_error_and_nothing_is_lost_when_it_returns(client, own_kafka_broker):
    kind = KafkaKind(client, own_kafka_broker)
    kind.produce(0, numbered(5))
    source = kind.open(options={} if client == "kafka-python" else {"reconnect.backoff.max.ms": 500})
    dead = DeadLetterProducer(
        DeadLetterSpec(topic=kind.topic + "-dead", max_buffered_bytes=500), kind.spec(), SystemClock()
    )
    try:
        p0, _ = assigned(source)
        source.seek(p0, None)
        events = poll_until(source, reaches(p0=5))
        own_kafka_broker.kill()
        [fetch] = [fetch for fetch in fetches(events, p0) if len(fetch) == 5]
        while_gone = [event for _ in range(20) for event in source.poll(NOBODY, 0.1)]
        assert [fetch.end_offset for fetch in fetches(while_gone)] == []
        with pytest.raises(Retryable):
            source.resolve_start(p0)
        dead.send(fetch, Rejects(fetch.offsets[:3], ("a", "b", "c")))
        assert dead.full
        assert not dead.flush(0.2)
        own_kafka_broker.start()
        own_kafka_broker.create_topic(kind.topic + "-dead")
        kind.produce(0, numbered(5, first=5))
        assert offsets(poll_until(source, reaches(p0=10), deadline_s=90), p0) == [5, 6, 7, 8, 9]
        assert dead.flush(30)
        assert dead.counts[kind.topic + "-dead", "delivered"] == 3
        assert not dead.full
    finally:
        source.close()
        dead.close(0)
        if own_kafka_broker._process is None:
            own_kafka_broker.start()
