"""What is particular to MessagePack: its types beyond JSON's, and its ways of being broken."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from monitor.decoders import DecodePlan, EventTimePlan, MsgpackSpec
from monitor.types import Presence
from tests.support.formats import balanced, fetch_of, told, usable

PLAN = DecodePlan({"a": "number", "class.x y": "text"})
encode = msgspec.msgpack.encode


def decode(values, plan=PLAN, **settings):
    fetch = fetch_of(values)
    decoded = MsgpackSpec(**settings).build(plan).decode(fetch)
    assert balanced(fetch, decoded)
    return decoded


def test_names_that_are_no_identifiers_are_read():
    decoded = decode([encode({"a": 1, "class": {"x y": "z"}, "1": [], "": 2})])
    assert told(decoded)["values"] == {"a": [1.0], "class.x y": ["z"]}
    assert decoded.unknown_fields == ("", "1")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "malformed"),
        (b"\xc1", "malformed"),
        (encode({"a": 1})[:-1], "malformed"),
        (encode({"a": 1}) + b"\x01", "malformed"),
        (b"\xdf\xff\xff\xff\xff", "malformed"),
        (b"\x81\xa1a\xc6\xff\xff\xff\xff", "malformed"),
        (b"\x81\xa1a\xd7\xff" + b"\xff" * 8, "malformed"),
        (b"\x81\x80\x01", "malformed"),
        (b"\x01\x02", "malformed"),
        (encode([1]), "not_object"),
        (encode("a"), "not_object"),
        (encode(None), "not_object"),
        (encode({1: 2}), "not_object"),
        (encode({b"a": 2}), "not_object"),
        (b"\x81\xa1a\xa1\xff", "encoding"),
        (b"\x81\xa1a" + b"\x91" * 100_000 + b"\x01", "nesting"),
        (b"\x81\xa1z" + b"\x91" * 100_000 + b"\x01", "nesting"),
        (b"\x91" * 100_000 + b"\x01", "nesting"),
    ],
)
def test_what_is_no_map_of_texts_has_its_reason(value, reason):
    good = encode({"a": 1})
    assert told(decode([good, value, good]))["rejects"] == [(1, reason)]


def test_bytes_and_extensions_are_a_wrong_type():
    ext = msgspec.msgpack.Ext(5, b"x")
    decoded = decode([encode({"a": b"1", "class": {"x y": ext}}), encode({"a": ext, "class": b"x"})])
    assert told(decoded)["presence"] == {
        "a": [Presence.WRONG_TYPE] * 2,
        "class.x y": [Presence.WRONG_TYPE, Presence.ABSENT],
    }


def test_a_timestamp_is_a_text_that_an_event_time_can_be_read_from():
    when = dt.datetime(2025, 1, 2, 3, 4, 5, 678_000, tzinfo=dt.UTC)
    plan = DecodePlan({"t": "text"}, EventTimePlan("t", "iso8601"))
    decoded = decode([encode({"t": when}), encode({"t": "2025-01-02T03:04:05.678Z"})], plan)
    assert decoded.batch.event_times_ms.tolist() == [int(when.timestamp() * 1000)] * 2


def test_of_repeated_keys_the_last_counts():
    assert usable(decode([b"\x82\xa1a\x01\xa1a\x02"]).batch.columns["a"]) == [2.0]


def test_integers_of_all_widths_and_short_floats_are_numbers():
    values = [b"\x7f", b"\xff", b"\xcc\xff", b"\xcf" + b"\xff" * 8, b"\xd3\x80" + b"\0" * 7, b"\xca\x3f\x00\0\0"]
    decoded = decode([b"\x81\xa1a" + value for value in values])
    assert usable(decoded.batch.columns["a"]) == [127.0, -1.0, 255.0, 2.0**64, -(2.0**63), 0.5]


def test_a_field_that_is_skipped_may_hold_anything():
    decoded = decode([b"\x82\xa1a\x01\xa1z\x81\x80\x01", b"\x82\xa1a\x01\xa1\xff\x01"])
    assert (len(decoded.batch), decoded.unknown_fields) == (2, ())
