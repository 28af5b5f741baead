"""Values that are gzipped and rows inside envelopes."""

from __future__ import annotations

import gzip
import zlib

import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.decoders import DecodePlan, EventTimePlan, MsgpackSpec
from monitor.decoders.gzipped import Gunzipped
from monitor.decoders.json import JsonDecoder
from monitor.decoders.unwrapping import Envelope, EnvelopeSpec, unwrapped
from tests.support.formats import NOW_MS, as_json, as_msgpack, balanced, fetch_of, told

PLAN = DecodePlan({"a": "number"}, EventTimePlan("at", "ms"))


def decode(values, plan=PLAN, build=JsonDecoder, **settings):
    fetch = fetch_of(values)
    decoded = unwrapped(build, plan, **settings).decode(fetch)
    assert balanced(fetch, decoded)
    return told(decoded)


def row(**values):
    return {"at": NOW_MS, **values}


def test_what_is_no_whole_gzip_stream_is_a_reject_in_its_place():
    good = gzip.compress(as_json(row(a=1)))
    values = [good, b"", as_json(row(a=1)), good[:-4], good + b"x", good + good, zlib.compress(b"{}"), None, good]
    found = decode([*values, gzip.compress(b"{")], compression="gzip")
    assert found["rejects"] == [(i, "compression") for i in range(1, 7)] + [(9, "malformed")]
    assert (found["offsets"], found["filtered"]) == ([0, 8], 1)


def test_a_value_is_decompressed_no_further_than_the_limit():
    bomb = gzip.compress(b" " * 50_000_000)
    plan = DecodePlan({"a": "number"}, EventTimePlan("at", "ms"), max_record_bytes=60_000)
    assert len(bomb) < 60_000
    found = decode([bomb, b"\x1f\x8b" + b"x" * 60_000, gzip.compress(as_json(row(a=1)))], plan, compression="gzip")
    assert found["rejects"] == [(0, "oversize"), (1, "oversize")]
    assert found["values"] == {"a": [1.0]}


def test_key_and_headers_stay_with_their_record():
    plan = DecodePlan({"a": "number", "$key": "text", "$header.h": "text"}, EventTimePlan("at", "ms"))
    values = [b"bad", gzip.compress(as_json(row(a=1))), b"bad", gzip.compress(as_json(row(a=2)))]
    found = decode(values, plan, compression="gzip")
    assert found["values"] == {"a": [1.0, 2.0], "$key": ["k1", "k3"], "$header.h": ["v1", "v3"]}


def test_gzip_and_envelope_go_together():
    spec = MsgpackSpec(compression="gzip", envelope={"path": "payload"})
    values = [gzip.compress(as_msgpack({"payload": row(a=3), "schema": {}}))]
    assert told(spec.build(PLAN).decode(fetch_of(values)))["values"] == {"a": [3.0]}


DEBEZIUM = TypeAdapter(Envelope).validate_python("debezium_with_schema")


def event(op, after, **beside):
    return as_json({"schema": {}, "payload": {"op": op, "before": None, "after": after, "ts_ms": NOW_MS, **beside}})


def test_debezium_events_without_a_row_are_filtered():
    values = [
        event("c", row(a=1)),
        event("d", None),
        event("r", row(a=2)),
        event("t", None),
        event("m", None),
        None,
        event("u", row(a=3)),
    ]
    found = decode(values, envelope=DEBEZIUM)
    assert found["values"] == {"a": [1.0, 2.0, 3.0]}
    assert (found["filtered"], found["rejects"]) == (4, [])


def test_the_same_with_a_time_beside_the_row():
    plan = DecodePlan({"a": "number", "envelope.op": "category"}, EventTimePlan("envelope.ts_ms", "ms"))
    found = decode([event("c", row(a=1)), event("d", None), event("u", row(a=2), ts_ms=0)], plan, envelope=DEBEZIUM)
    assert found["values"] == {"a": [1.0], "envelope.op": ["c"]}
    assert found["rejects"] == [(2, "event_time_invalid")]
    assert found["filtered"] == 1


def test_a_record_that_is_no_event_is_not_hidden():
    plan = DecodePlan({"a": "number"})
    found = decode([as_json({"a": 1}), as_json({"payload": {"op": 3, "after": row(a=1)}})], plan, envelope=DEBEZIUM)
    assert found["presence"] == {"a": [1, 0]}
    assert decode([as_json({"a": 1})], envelope=DEBEZIUM)["rejects"] == [(0, "event_time_missing")]


def test_deletes_are_filtered_without_a_timestamp_too():
    fetch = fetch_of([event("d", None)], timestamps_ms=-1)
    decoded = unwrapped(JsonDecoder, PLAN, envelope=DEBEZIUM).decode(fetch)
    assert (decoded.filtered, len(decoded.rejects)) == (1, 0)


def test_an_envelope_has_a_name_or_paths():
    adapter = TypeAdapter(Envelope)
    assert adapter.validate_python("debezium") == EnvelopeSpec(path="after", operation="op")
    assert adapter.validate_python({"path": "payload"}) == EnvelopeSpec(path="payload")
    assert adapter.validate_python(None) is None
    for wrong in ("nope", {"path": ""}, {"operation": "op"}, 3):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


def test_what_is_decompressed_in_pieces_is_what_is_decompressed_at_once():
    values = [gzip.compress(as_json(row(a=i))) for i in range(50)]
    values[7:7] = [b"bad", None, gzip.compress(b"{")]
    fetch = fetch_of(values)
    once = Gunzipped(JsonDecoder(PLAN), 1_000).decode(fetch)
    pieces = Gunzipped(JsonDecoder(PLAN), 1_000, max_plain_bytes=100).decode(fetch)
    assert told(pieces) == told(once)
    assert balanced(fetch, pieces)
    assert told(once)["rejects"] == [(7, "compression"), (9, "malformed")]
