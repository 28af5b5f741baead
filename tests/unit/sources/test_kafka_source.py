"""What `KafkaSource` makes of a client's events, with a client that says what the test wants."""

from __future__ import annotations

from collections import deque

import numpy as np
import pyarrow as pa
import pytest

from monitor.clock import ManualClock
from monitor.errors import Retryable, SurroundingsError
from monitor.sources import KafkaSpec
from monitor.sources.kafka_client import EARLIEST, LATEST, OutOfRange, Trouble
from monitor.sources.kafka_source import KafkaSource
from monitor.types import Assigned, Fetch, Revoked, TopicPartition

P0, P1 = TopicPartition("t", 0), TopicPartition("t", 1)
NOBODY: frozenset[TopicPartition] = frozenset()


def records(partition, first, n):
    offsets = np.arange(first, first + n)
    keys = pa.nulls(n, pa.binary())
    return Fetch(partition, offsets, np.full(n, -1), keys, pa.array([b"x"] * n, pa.binary()), None, first + n)


class ScriptedClient:
    """Returns from `read` what the test put in `script`, and notes what it is told."""

    def __init__(self, partitions=(P0, P1)):
        self.there = {"t": frozenset(p.partition for p in partitions)}
        self.script = deque()
        self.first, self.end = dict.fromkeys(partitions, 0), dict.fromkeys(partitions, 100)
        self.positions: dict[TopicPartition, int] = {}
        self.told = []
        self.answers = True
        self.identity = "id"

    def partitions(self, timeout_s):
        if not self.answers:
            raise Retryable("nobody answers")
        return self.there

    def offsets(self, partitions, at, timeout_s):
        if not self.answers:
            return {}
        marks = {EARLIEST: self.first, LATEST: self.end}
        return {p: marks[at][p] if at < 0 else 42 for p in partitions}

    def read(self, timeout_s):
        found = self.script.popleft() if self.script else []
        if isinstance(found, Exception):
            raise found
        return found

    def read_from(self, partition, offset):
        self.told.append(("read_from", partition, offset))

    def pause(self, partitions):
        self.told += [("pause", p) for p in partitions]

    def resume(self, partitions):
        self.told += [("resume", p) for p in partitions]

    def position(self, partition):
        return self.positions.get(partition)

    def commit(self, offsets):
        self.told.append(("commit", dict(offsets)))

    def topic_ids(self, topics, timeout_s):
        return dict.fromkeys(topics, self.identity)

    def close(self):
        self.told.append(("close",))


@pytest.fixture
def client():
    return ScriptedClient()


@pytest.fixture
def clock():
    return ManualClock()


def build(client, clock, **settings):
    spec = KafkaSpec.model_validate({"topics": ["t"], "group_id": "g", "start": "earliest", **settings})
    return KafkaSource(spec, clock, client)


def plain(events):
    """Return the events without ends, which come when they are due."""
    return [event for event in events if not isinstance(event, Fetch) or len(event)]


def test_records_of_a_partition_that_was_not_sought_are_dropped(client, clock):
    source = build(client, clock)
    source.poll(NOBODY, 0)
    source.seek(P0, 5)
    client.script.append([records(P0, 5, 2), records(P1, 0, 2)])
    assert [event.partition for event in plain(source.poll(NOBODY, 0))] == [P0]


def test_a_revocation_is_handed_out_and_nothing_of_the_partition_after_it(client, clock):
    source = build(client, clock, assignment="group")
    client.script.append([Assigned((P0, P1))])
    assert source.poll(NOBODY, 0) == [Assigned((P0, P1))]
    source.seek(P0, 0)
    source.seek(P1, 0)
    client.script.append([Revoked((P0,)), records(P0, 0, 3), records(P1, 0, 3)])
    first, second = plain(source.poll(NOBODY, 0))
    assert first == Revoked((P0,))
    assert second.partition == P1
    client.script.append([Assigned((P0,)), records(P0, 3, 3)])
    assert plain(source.poll(NOBODY, 0)) == [Assigned((P0,))]


def test_a_group_assigns_only_what_it_gives(client, clock):
    source = build(client, clock, assignment="group")
    assert plain(source.poll(NOBODY, 0)) == []
    assert source.partition_count() == 2


def test_pauses_are_passed_on_as_differences(client, clock):
    source = build(client, clock)
    source.poll(NOBODY, 0)
    source.seek(P0, 0)
    client.told.clear()
    for paused in (frozenset({P0, P1}), frozenset({P0}), NOBODY, NOBODY):
        source.poll(paused, 0)
    assert client.told == [("pause", P0), ("resume", P0)]


def test_a_partition_that_is_sought_while_paused_is_paused_again(client, clock):
    source = build(client, clock)
    source.poll(NOBODY, 0)
    source.seek(P0, 0)
    source.poll(frozenset({P0}), 0)
    source.seek(P0, 7)
    client.told.clear()
    source.poll(frozenset({P0}), 0)
    assert client.told == [("pause", P0)]


def test_ends_come_with_the_last_fetch_of_a_partition_or_alone(client, clock):
    source = build(client, clock)
    source.poll(NOBODY, 0)
    source.seek(P0, 0)
    source.seek(P1, 0)
    client.script.append([records(P0, 0, 2)])
    with_records, alone = source.poll(NOBODY, 0)
    assert (with_records.partition, len(with_records), with_records.end_offset) == (P0, 2, 100)
    assert (alone.partition, len(alone), alone.next_offset, alone.end_offset) == (P1, 0, 0, 100)
    assert source.poll(NOBODY, 0) == []


def test_without_an_answer_the_end_is_unknown_and_poll_does_not_raise(client, clock):
    source = build(client, clock)
    source.poll(NOBODY, 0)
    source.seek(P0, 0)
    client.answers = False
    client.script += [Retryable("gone"), [Trouble("still gone")]]
    assert source.poll(NOBODY, 0) == []
    clock.advance(60_000)
    assert source.poll(NOBODY, 0) == []
    with pytest.raises(Retryable, match="t-0"):
        source.resolve_start(P0)


def test_markers_at_the_end_are_passed(client, clock):
    source = build(client, clock)
    source.poll(NOBODY, 0)
    source.seek(P0, 0)
    client.end[P0] = 3
    client.script.append([records(P0, 0, 2)])
    client.positions[P0] = 3
    [fetch] = source.poll(NOBODY, 0)
    assert (fetch.next_offset, fetch.end_offset) == (3, 3)


@pytest.mark.parametrize(("policy", "goes_to", "gap"), [("earliest", 60, 50), ("latest", 100, 90)])
def test_an_offset_that_retention_took_is_left_by_the_configured_way(client, clock, policy, goes_to, gap):
    source = build(client, clock, on_out_of_range=policy)
    source.poll(NOBODY, 0)
    source.seek(P0, 10)
    client.first[P0] = 60
    client.script.append([OutOfRange(P0)])
    source.poll(NOBODY, 0)
    fetch = source.poll(NOBODY, 0)[0]
    assert (len(fetch), fetch.next_offset) == (0, goes_to)
    assert ("read_from", P0, goes_to) in client.told
    assert source.gaps == {(P0, "retention"): gap}


def test_a_log_that_became_shorter_is_read_on_from_its_end(client, clock):
    source = build(client, clock)
    source.poll(NOBODY, 0)
    source.seek(P0, 150)
    client.script.append([OutOfRange(P0)])
    source.poll(NOBODY, 0)
    assert source.poll(NOBODY, 0)[0].next_offset == 100
    assert source.gaps == {(P0, "truncation"): 50}


@pytest.mark.parametrize("assignment", ["all", "group"])
def test_a_topic_that_was_created_anew_is_given_up_and_assigned_again(client, clock, assignment):
    source = build(client, clock, assignment=assignment)
    client.script.extend([[Assigned((P0, P1))]] if assignment == "group" else [])
    source.poll(NOBODY, 0)
    source.topic_ids()
    source.seek(P0, 50)
    source.seek(P1, 50)
    client.identity = "other"
    client.script.append([OutOfRange(P0)])
    events = [event for _ in range(3) for event in plain(source.poll(NOBODY, 0))]
    assert events[0] == Revoked((P0, P1))
    if assignment == "group":
        client.script.append([Assigned((P0, P1))])
        events += plain(source.poll(NOBODY, 0))
    assert events[1:] == [Assigned((P0, P1))]
    client.script.append([records(P0, 50, 1)])
    assert plain(source.poll(NOBODY, 0)) == []
    source.topic_ids()
    source.seek(P0, 0)
    client.script.append([records(P0, 0, 1)])
    assert [len(event) for event in plain(source.poll(NOBODY, 0))] == [1]
    assert source.gaps == {}


def test_a_topic_that_was_created_anew_and_is_as_long_again_is_noticed_at_the_next_look(client, clock):
    source = build(client, clock)
    source.poll(NOBODY, 0)
    source.topic_ids()
    source.seek(P0, 50)
    client.identity = "other"
    assert plain(source.poll(NOBODY, 0)) == []
    clock.advance(30_000)
    assert plain(source.poll(NOBODY, 0)) == [Revoked((P0,))]


def test_records_that_come_again_are_dropped_and_the_partition_is_sought_anew(client, clock):
    source = build(client, clock)
    source.poll(NOBODY, 0)
    source.seek(P0, 10)
    client.script.append([records(P0, 10, 5)])
    source.poll(NOBODY, 0)
    client.script.append([records(P0, 12, 5), records(P0, 17, 3)])
    assert plain(source.poll(NOBODY, 0)) == []
    client.script.append([records(P0, 15, 5)])
    events = source.poll(NOBODY, 0) + source.poll(NOBODY, 0)
    assert [event.next_offset for event in events if isinstance(event, Fetch) and event.partition == P0] == [15, 20]
    assert client.told[-1] == ("read_from", P0, 15)
    assert source.gaps == {(P0, "repeated"): 5}


def test_out_of_range_waits_while_the_broker_does_not_say_its_range(client, clock):
    source = build(client, clock)
    source.poll(NOBODY, 0)
    source.seek(P0, 10)
    client.first[P0] = 60
    client.script.append([OutOfRange(P0)])
    source.poll(NOBODY, 0)
    client.answers = False
    source.poll(NOBODY, 0)
    assert source.gaps == {}
    client.answers = True
    source.poll(NOBODY, 0)
    assert source.gaps == {(P0, "retention"): 50}


def test_fail_means_fail_and_names_the_remedy(client, clock):
    source = build(client, clock, on_out_of_range="fail")
    source.poll(NOBODY, 0)
    source.seek(P0, 10)
    client.first[P0] = 60
    client.script.append([OutOfRange(P0)])
    source.poll(NOBODY, 0)
    with pytest.raises(SurroundingsError, match=r"offset 10 of t-0 .* 60 to 100; set source\.on_out_of_range"):
        source.poll(NOBODY, 0)


def test_new_partitions_are_looked_for_once_in_refresh_and_start_at_their_beginning(client, clock):
    source = build(client, clock, start="latest", refresh="30s")
    source.poll(NOBODY, 0)
    p2 = TopicPartition("t", 2)
    client.there = {"t": frozenset({0, 1, 2})}
    client.first[p2], client.end[p2] = 0, 9
    clock.advance(29_000)
    assert plain(source.poll(NOBODY, 0)) == []
    clock.advance(2_000)
    assert source.poll(NOBODY, 0) == [Assigned((p2,))]
    assert (source.resolve_start(P0), source.resolve_start(p2)) == (100, 0)


def test_a_failed_look_for_partitions_changes_nothing(client, clock):
    source = build(client, clock)
    source.poll(NOBODY, 0)
    client.answers = False
    clock.advance(31_000)
    assert source.poll(NOBODY, 0) == []
    assert source.partition_count() == 2


def test_a_time_as_start_is_asked_of_the_broker(client, clock):
    source = build(client, clock, start="2026-01-31T00:00:00Z")
    assert source.resolve_start(P0) == 42


def test_commits_need_a_group(client, clock):
    build(client, clock).commit({P0: 3})
    build(client, clock, group_id=None).commit({P0: 4})
    assert client.told == [("commit", {P0: 3})]


def test_a_topic_that_does_not_come_is_an_error_after_the_time_out(client, clock):
    client.partitions = lambda timeout_s: clock.advance(1_000) or {}
    with pytest.raises(SurroundingsError, match=r"no topic t .*check source\.bootstrap_servers"):
        build(client, clock, connect_timeout="500ms")
    assert client.told == [("close",)]


def test_it_is_closed_once(client, clock):
    source = build(client, clock)
    source.close()
    source.close()
    assert client.told == [("close",)]
