"""What clients return, put together a few messages at a time."""

from __future__ import annotations

from types import SimpleNamespace

import kafka.errors
import pytest
from kafka.structs import TopicPartition as KafkaTopicPartition

from monitor.errors import Retryable
from monitor.sources.kafka_client import OutOfRange, Trouble
from monitor.sources.kafka_python import KafkaPythonClient
from monitor.sources.records import MESSAGES_AT_ONCE, build_fetch, joined
from monitor.types import Fetch, TopicPartition

P0 = TopicPartition("payments", 0)


def piece(first, n, *, headers=None):
    return build_fetch(
        P0,
        range(first, first + n),
        [first] * n,
        [None] * n,
        [b"%d" % at for at in range(first, first + n)],
        [headers] * n,
        append_time=False,
        position=first + n + 1,
    )


def test_pieces_are_one_fetch_that_goes_on_where_the_last_does():
    whole = joined([piece(0, 3), piece(5, 2, headers=[("trace", b"1")]), piece(9, 1)])
    assert whole.offsets.tolist() == [0, 1, 2, 5, 6, 9]
    assert whole.timestamps_ms.tolist() == [0, 0, 0, 5, 5, 9]
    assert whole.values.to_pylist() == [b"0", b"1", b"2", b"5", b"6", b"9"]
    assert [list(own) for own in whole.headers] == [[], [], [], [("trace", b"1")], [("trace", b"1")], []]
    assert len(whole.keys) == 6
    assert whole.next_offset == 11


def test_pieces_without_headers_have_none():
    assert joined([piece(0, 2), piece(2, 2)]).headers is None


class Reader:
    """A consumer whose polls go as they are told: a number of records, or an error."""

    def __init__(self, *script):
        self.script = list(script)
        self.at = 0

    def poll(self, timeout_ms, max_records):
        step = self.script.pop(0)
        if not isinstance(step, int):
            raise step
        assert step <= max_records
        first, self.at = self.at, self.at + step
        fields = {"timestamp": 1, "timestamp_type": 0, "key": None, "value": b"{}", "headers": ()}
        records = [SimpleNamespace(offset=offset, **fields) for offset in range(first, self.at)]
        return {KafkaTopicPartition(*P0): records} if records else {}

    def position(self, partition, timeout_ms):
        return self.at


def client_on(*script, max_poll_records=5 * MESSAGES_AT_ONCE):
    client = KafkaPythonClient.__new__(KafkaPythonClient)
    client._spec = SimpleNamespace(max_poll_records=max_poll_records)
    client._reader, client._changes = Reader(*script), []
    return client


def test_reading_goes_on_until_the_client_has_no_more():
    (fetch,) = client_on(MESSAGES_AT_ONCE, MESSAGES_AT_ONCE, 7).read(0.0)
    assert fetch.offsets.tolist() == list(range(2 * MESSAGES_AT_ONCE + 7))


def test_reading_ends_at_the_most_that_is_wanted_at_once():
    (fetch,) = client_on(MESSAGES_AT_ONCE, 500, max_poll_records=MESSAGES_AT_ONCE + 500).read(0.0)
    assert len(fetch) == MESSAGES_AT_ONCE + 500


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (kafka.errors.OffsetOutOfRangeError({KafkaTopicPartition(*P0): 3}), OutOfRange),
        (kafka.errors.CorruptRecordError("damaged"), Trouble),
    ],
)
def test_an_error_behind_the_first_records_does_not_lose_them(error, kind):
    fetch, event = client_on(MESSAGES_AT_ONCE, error).read(0.0)
    assert isinstance(fetch, Fetch)
    assert fetch.next_offset == MESSAGES_AT_ONCE
    assert isinstance(event, kind)


def test_an_error_without_records_is_raised_as_it_was():
    with pytest.raises(Retryable, match="damaged"):
        client_on(kafka.errors.CorruptRecordError("damaged")).read(0.0)
