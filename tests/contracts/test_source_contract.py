"""What every source promises, held against the fake, files, and both Kafka clients on a mock and a real cluster."""

from __future__ import annotations

import json

import pytest
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as KafkaTopicPartition

from monitor.types import Assigned, Fetch
from tests.support.kafka import unique
from tests.support.sources import (
    NOBODY,
    FilesKind,
    KafkaKind,
    Kind,
    MemoryKind,
    assigned,
    fetches,
    offsets,
    poll_until,
    reaches,
    values,
)

KINDS = [
    "memory",
    "files",
    "kafka-python@mock",
    "librdkafka@mock",
    pytest.param("kafka-python@real", marks=pytest.mark.kafka),
    pytest.param("librdkafka@real", marks=pytest.mark.kafka),
]
pytestmark = pytest.mark.xdist_group("kafka-contract")


@pytest.fixture(params=KINDS)
def kind(request, tmp_path) -> Kind:
    if request.param == "memory":
        return MemoryKind()
    if request.param == "files":
        return FilesKind(tmp_path)
    client, where = request.param.split("@")
    return KafkaKind(client, request.getfixturevalue("mock_kafka" if where == "mock" else "kafka_broker"))


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
    return [b'{"n": %d}' % i for i in range(first, first + n)]


def test_partitions_are_assigned_first_and_bring_nothing_until_they_are_sought(kind, open_source):
    kind.produce(0, numbered(3))
    source = open_source()
    first = source.poll(NOBODY, 1.0)
    assert len(first) == 1
    assert isinstance(first[0], Assigned)
    assert {0, 1} <= {partition.partition for partition in first[0].partitions}
    assert source.partition_count() == len(first[0].partitions)
    assert fetches(source.poll(NOBODY, 0.3)) == []


def test_records_come_completely_and_in_order(kind, open_source):
    kind.produce(0, numbered(500))
    kind.produce(1, numbered(300, first=1000))
    source = open_source(max_poll_records=64)
    p0, p1, *_ = assigned(source)
    source.seek(p0, None)
    source.seek(p1, None)
    events = poll_until(source, reaches(p0=500, p1=300))
    assert offsets(events, p0) == list(range(500))
    assert offsets(events, p1) == list(range(300))
    assert values(events, p0) == numbered(500)
    assert values(events, p1) == numbered(300, first=1000)
    assert max(len(fetch) for fetch in fetches(events)) <= 64


def test_more_records_than_a_client_is_asked_for_at_once_come_completely_and_in_order(kind, open_source):
    kind.produce(0, numbered(2300))
    kind.produce(1, numbered(1100, first=5000))
    source = open_source(max_poll_records=1500)
    p0, p1, *_ = assigned(source)
    source.seek(p0, None)
    source.seek(p1, None)
    events = poll_until(source, reaches(p0=2300, p1=1100))
    assert offsets(events, p0) == list(range(2300))
    assert values(events, p0) == numbered(2300)
    assert values(events, p1) == numbered(1100, first=5000)
    assert max(len(fetch) for fetch in fetches(events)) <= 1500


def test_next_offset_of_one_fetch_is_where_the_next_begins(kind, open_source):
    kind.produce(0, numbered(200))
    source = open_source(max_poll_records=50)
    p0, *_ = assigned(source)
    source.seek(p0, None)
    expected = 0
    for fetch in fetches(poll_until(source, reaches(p0=200)), p0):
        assert len(fetch) == 0 or fetch.offsets[0] == expected
        expected = fetch.next_offset


def test_seek_goes_where_it_is_told_forward_and_back(kind, open_source):
    kind.produce(0, numbered(100))
    source = open_source()
    p0, *_ = assigned(source)
    source.seek(p0, 90)
    assert offsets(poll_until(source, reaches(p0=100)), p0) == list(range(90, 100))
    source.seek(p0, 95)
    assert offsets(poll_until(source, reaches(p0=100)), p0) == list(range(95, 100))


def test_a_paused_partition_brings_nothing_and_later_loses_nothing(kind, open_source):
    kind.produce(0, numbered(50))
    kind.produce(1, numbered(50))
    source = open_source(max_poll_records=20)
    p0, p1, *_ = assigned(source)
    source.seek(p0, None)
    source.seek(p1, None)
    events = poll_until(source, reaches(p1=50), paused=frozenset({p0}))
    events += source.poll(frozenset({p0}), 0.3)
    assert offsets(events, p0) == []
    assert offsets(poll_until(source, reaches(p0=50)), p0) == list(range(50))


def test_a_partition_paused_in_the_middle_goes_on_where_it_stood(kind, open_source):
    kind.produce(0, numbered(60))
    source = open_source(max_poll_records=20)
    p0, *_ = assigned(source)
    source.seek(p0, None)
    events = poll_until(source, reaches(p0=20))
    events += source.poll(frozenset({p0}), 0.2)
    events += poll_until(source, lambda later: reaches(p0=60)(events + later))
    assert offsets(events, p0) == list(range(60))


def test_tombstones_are_null(kind, open_source):
    if not kind.has_nulls:
        pytest.skip("files have no tombstones")
    kind.produce(0, [b"1", None, b""])
    source = open_source()
    p0, *_ = assigned(source)
    source.seek(p0, None)
    assert values(poll_until(source, reaches(p0=3)), p0) == [b"1", None, b""]


def test_keys_headers_and_timestamps_arrive(kind, open_source):
    if not kind.has_keys:
        pytest.skip("files have neither keys nor headers")
    kind.produce(
        0,
        [b"1", b"2", b"3"],
        keys=[b"k", None, b"\xff\x00"],
        timestamps_ms=[1_700_000_000_001, 1_700_000_000_002, 1_700_000_000_003],
        headers=[None, [("h", b"\x00v"), ("h", b"again")], []],
    )
    source = open_source(max_poll_records=10)
    p0, *_ = assigned(source)
    source.seek(p0, None)
    got = [fetch for fetch in fetches(poll_until(source, reaches(p0=3)), p0) if len(fetch)]
    assert [key.as_py() for fetch in got for key in fetch.keys] == [b"k", None, b"\xff\x00"]
    times = [int(time) for fetch in got for time in fetch.timestamps_ms]
    assert times == [1_700_000_000_001, 1_700_000_000_002, 1_700_000_000_003]
    headers = [list(own) for fetch in got for own in (fetch.headers or [()] * len(fetch))]
    assert headers == [[], [("h", b"\x00v"), ("h", b"again")], []]
    assert not any(fetch.append_time for fetch in got)


def test_without_headers_there_is_no_list_of_them(kind, open_source):
    kind.produce(0, numbered(3))
    source = open_source()
    p0, *_ = assigned(source)
    source.seek(p0, None)
    assert all(fetch.headers is None for fetch in fetches(poll_until(source, reaches(p0=3)), p0))


def test_an_empty_fetch_tells_the_end_that_was_reached(kind, open_source):
    kind.produce(0, numbered(5))
    source = open_source()
    p0, *_ = assigned(source)
    source.seek(p0, None)

    def at(end):
        return lambda events: any(fetch.end_offset == fetch.next_offset == end for fetch in fetches(events, p0))

    poll_until(source, at(5))
    if kind.has_end:
        kind.produce(0, numbered(2))
        poll_until(source, at(7))


def test_a_partition_without_records_has_its_end_confirmed_too(kind, open_source):
    source = open_source()
    _, p1, *_ = assigned(source)
    source.seek(p1, None)
    poll_until(source, lambda events: any(fetch.end_offset == 0 for fetch in fetches(events, p1)))


def test_ends_and_beginnings_can_be_asked_for(kind, open_source):
    if not kind.has_end:
        pytest.skip("a file's end is known only when it is reached")
    kind.produce(0, numbered(4))
    source = open_source()
    p0, p1, *_ = assigned(source)
    assert source.ends()[p0] == 4
    assert source.ends()[p1] == 0
    assert source.beginnings()[p0] == 0


def test_the_start_is_an_absolute_offset(kind, open_source):
    kind.produce(0, numbered(4))
    source = open_source(start="earliest")
    p0, p1, *_ = assigned(source)
    assert source.resolve_start(p0) == 0
    if kind.has_end:
        source = open_source(start="latest")
        assert {p0, p1} <= set(assigned(source))
        assert (source.resolve_start(p0), source.resolve_start(p1)) == (4, 0)
        source.seek(p0, None)
        kind.produce(0, numbered(1))
        assert offsets(poll_until(source, reaches(p0=5)), p0) == [4]


def test_committed_offsets_are_visible_to_the_group(kind, open_source):
    if not kind.has_cluster:
        pytest.skip("there is no broker to commit to")
    kind.produce(0, numbered(4))
    group = unique("commits")
    source = open_source(group_id=group)
    p0, *_ = assigned(source)
    source.seek(p0, None)
    poll_until(source, reaches(p0=4))
    source.commit({p0: 3})
    observer = Consumer({"bootstrap.servers": kind.cluster.bootstrap, "group.id": group, "log_level": 2})

    def visible(_events):
        [answer] = observer.committed([KafkaTopicPartition(*p0)], timeout=60)
        return answer.offset == 3

    poll_until(source, visible)
    observer.close()
    assert source.commit_failures == 0


def test_an_offset_past_the_end_is_counted_and_reading_goes_on_at_the_end(kind, open_source):
    if not kind.has_cluster:
        pytest.skip("only a broker has a range")
    kind.produce(0, numbered(4))
    source = open_source()
    p0, *_ = assigned(source)
    source.seek(p0, 1000)
    poll_until(source, lambda _: bool(source.gaps))
    assert source.gaps == {(p0, "truncation"): 996}
    kind.produce(0, numbered(1))
    assert offsets(poll_until(source, reaches(p0=5)), p0) == [4]


def test_a_source_describes_itself_in_json_and_may_be_closed_twice(kind, open_source):
    kind.produce(0, numbered(1))
    source = open_source()
    assigned(source)
    assert json.loads(json.dumps(source.describe()))["kind"] in ("memory", "files", "kafka")
    source.close()
    source.close()


def test_fetches_keep_to_the_types_that_they_promise(kind, open_source):
    kind.produce(0, numbered(3))
    source = open_source()
    p0, *_ = assigned(source)
    source.seek(p0, None)
    for fetch in fetches(poll_until(source, reaches(p0=3))):
        assert isinstance(fetch, Fetch)
        assert str(fetch.offsets.dtype) == str(fetch.timestamps_ms.dtype) == "int64"
        assert str(fetch.values.type) == str(fetch.keys.type) == "binary"
        assert len(fetch.values) == len(fetch.keys) == len(fetch.timestamps_ms) == len(fetch.offsets)
