"""What is particular to Avro: schemas by id, logical types, and a registry that does not answer."""

from __future__ import annotations

import datetime as dt
import decimal
import json

import pytest
from pydantic import ValidationError

from monitor.decoders import AvroSpec, DecodePlan, EventTimePlan
from monitor.decoders.preparing import prepare
from monitor.errors import Retryable, SurroundingsError
from monitor.types import Presence
from tests.support.formats import AVRO, FIELDS, avro, balanced, decoded_by, fetch_of, framed, record, told, usable
from tests.support.registry import RegistryServer

PLAN = DecodePlan(FIELDS, EventTimePlan("at", "ms"))
V2 = {**AVRO, "fields": [*AVRO["fields"], {"name": "channel", "type": ["null", "string"]}]}


@pytest.fixture
def server():
    with RegistryServer() as running:
        yield running


def decoder(server, plan=PLAN, **settings):
    return AvroSpec(schema_registry={"url": server.url}, **settings).build(plan)


def schema(*fields, name="R"):
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields]}


def decoded_with(tmp_path, definition, records, fields, **plan):
    path = tmp_path / "s.avsc"
    path.write_text(json.dumps(definition))
    return AvroSpec(schema_file=path).build(DecodePlan(fields, **plan)).decode(fetch_of(records))


def test_records_of_several_schemas_in_one_fetch_keep_their_order(server):
    server.register("s", AVRO)
    server.register("s", V2)
    write = {1: avro(AVRO), 2: avro(V2)}
    values = [framed(1 + i % 2, write[1 + i % 2](record(i))) for i in range(20)]
    decoded = decoded_by(decoder(server), fetch_of(values))
    assert usable(decoded.batch.columns["id"]) == [record(i)["id"] for i in range(20)]
    assert decoded.batch.event_times_ms.tolist() == [record(i)["at"] for i in range(20)]
    assert decoded.unknown_fields == ("channel",)


def test_a_field_that_only_some_schemas_have_is_absent_in_the_others(server):
    server.register("s", AVRO)
    server.register("s", V2)
    values = [framed(1, avro(AVRO)(record(1))), framed(2, avro(V2)(record(2, channel="web")))]
    plan = DecodePlan({"channel": "category"}, EventTimePlan("at", "ms"))
    column = decoded_by(decoder(server, plan), fetch_of(values)).batch.columns["channel"]
    assert column.presence.tolist() == [Presence.ABSENT, Presence.OK]
    assert usable(column) == ["web"]


def test_each_way_of_not_being_readable_has_its_reason(server):
    server.register("s", AVRO)
    server.register("s", "message A {}", kind="PROTOBUF")
    server.register("s", "{ no schema")
    server.register("s", '"string"')
    server.register("s", schema(("a", {"type": "array", "items": "null"})))
    good = avro(AVRO)(record(1))
    cases = [
        (framed(1, good), None),
        (b"", "not_framed"),
        (b"\0\0\0", "not_framed"),
        (b"\x01" + framed(1, good)[1:], "not_framed"),
        (good, "not_framed"),
        (framed(99, good), "schema_unknown"),
        (framed(2**32 - 1, good), "schema_unknown"),
        (framed(2, good), "schema_unsupported"),
        (framed(3, good), "schema_unsupported"),
        (framed(5, good), "schema_unsupported"),
        (framed(4, good), "not_object"),
        (framed(1, good[:-2]), "malformed"),
        (framed(1, b""), "malformed"),
    ]
    fetch = fetch_of([value for value, _ in cases])
    decoded = decoded_by(decoder(server), fetch)
    assert balanced(fetch, decoded)
    assert told(decoded)["rejects"] == [(i, reason) for i, (_, reason) in enumerate(cases) if reason]


def test_a_registry_that_does_not_answer_is_no_reject_and_nothing_is_lost(server):
    server.register("s", AVRO)
    fetch = fetch_of([framed(1, avro(AVRO)(record(i))) for i in range(3)])
    reader = decoder(server)
    server.failing = 503
    with pytest.raises(Retryable):
        prepare(reader, fetch)
    server.failing = None
    prepare(reader, fetch)
    server.failing = 503
    assert len(reader.decode(fetch).batch) == 3


def test_what_was_prepared_is_decoded_without_asking(server):
    server.register("s", AVRO)
    reader = decoder(server)
    fetch = fetch_of([framed(1, avro(AVRO)(record(1))), framed(9, b""), b"", None])
    prepare(reader, fetch)
    asked = len(server.asked)
    reader.decode(fetch)
    prepare(reader, fetch_of([None]))
    prepare(reader, fetch_of([]))
    assert len(server.asked) == asked == 2


def test_a_schema_may_use_types_of_another(server):
    server.register("m", {"type": "record", "name": "M", "namespace": "a", "fields": [{"name": "n", "type": "int"}]})
    refers = [{"name": "a.M", "subject": "m", "version": 1}]
    server.register("s", schema(("at", "long"), ("m", "a.M"), ("again", ["null", "a.M"])), references=refers)
    plan = DecodePlan({"m.n": "integer", "again.n": "integer"}, EventTimePlan("at", "ms"))
    body = avro(schema(("at", "long"), ("x", "int"), ("u", ["null", "int"])))({"at": 1_763_700_000_000, "x": 5, "u": 6})
    columns = decoded_by(decoder(server, plan), fetch_of([framed(2, body)])).batch.columns
    assert [usable(columns[path]) for path in plan.fields] == [[5.0], [6.0]]


def test_logical_types_are_what_they_are_on_the_wire(tmp_path):
    definition = schema(
        ("ms", {"type": "long", "logicalType": "timestamp-millis"}),
        ("us", ["null", {"type": "long", "logicalType": "timestamp-micros"}]),
        ("local", {"type": "long", "logicalType": "local-timestamp-millis"}),
        ("day", {"type": "int", "logicalType": "date"}),
        ("odd", {"type": "string", "logicalType": "no-such-thing"}),
        ("f", "float"),
        ("one", ["int"]),
    )
    when = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    item = {"ms": when, "us": when, "local": when.replace(tzinfo=None), "day": when.date()}
    item |= {"odd": "x", "f": 0.5, "one": 3}
    fields = dict.fromkeys(("ms", "us", "local", "day"), "number") | {"odd": "text", "f": "number", "one": "integer"}
    columns = decoded_with(tmp_path, definition, [avro(definition)(item)], fields).batch.columns
    ms = when.timestamp() * 1000
    assert [usable(columns[name])[0] for name in fields] == [ms, ms * 1000, ms, 20089.0, "x", 0.5, 3.0]


def test_an_event_time_in_microseconds_is_read_by_its_unit(tmp_path):
    definition = schema(("us", {"type": "long", "logicalType": "timestamp-micros"}))
    when = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    time = EventTimePlan("us", "us")
    decoded = decoded_with(tmp_path, definition, [avro(definition)({"us": when})], {}, event_time=time)
    assert decoded.batch.event_times_ms.tolist() == [int(when.timestamp() * 1000)]


def test_decimals_are_numbers_and_other_bytes_a_wrong_type(tmp_path):
    money = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
    fixed = {"type": "fixed", "name": "F", "size": 2, "logicalType": "decimal", "precision": 4, "scale": 1}
    definition = schema(("a", money), ("b", ["null", fixed]), ("raw", "bytes"))
    item = {"a": decimal.Decimal("-12.34"), "b": decimal.Decimal("1.5"), "raw": b"\xff"}
    fields = {"a": "number", "b": "number", "raw": "text"}
    columns = decoded_with(tmp_path, definition, [avro(definition)(item)], fields).batch.columns
    assert [usable(columns[name]) for name in fields] == [[-12.34], [1.5], []]
    assert columns["raw"].presence.tolist() == [Presence.WRONG_TYPE]


def test_a_map_is_an_object(tmp_path):
    definition = schema(("tags", {"type": "map", "values": ["null", "string"]}))
    records = [avro(definition)({"tags": tags}) for tags in ({"a": "x"}, {"a": None, "b": "y"}, {}, {"b": "z"})]
    columns = decoded_with(tmp_path, definition, records, {"tags.a": "text", "tags": "text"}).batch.columns
    assert columns["tags.a"].presence.tolist() == [Presence.OK, Presence.NULL, Presence.ABSENT, Presence.ABSENT]
    assert columns["tags"].presence.tolist() == [Presence.WRONG_TYPE] * 4


def test_a_text_that_is_not_utf8_is_a_reject_and_only_that(tmp_path):
    definition = schema(("s", "string"))
    records = [b"\x02a", b"\x02\xff", b"\x04bc"]
    decoded = decoded_with(tmp_path, definition, records, {"s": "text"})
    assert told(decoded)["rejects"] == [(1, "malformed")]
    assert usable(decoded.batch.columns["s"]) == ["a", "bc"]


@pytest.mark.parametrize("columnar", [True, False])
def test_many_bad_records_among_good_ones_are_all_found(tmp_path, columnar):
    definition = schema(("s", "string"), *([] if columnar else [("b", "bytes")]))
    good = b"\x02a" + (b"" if columnar else b"\x00")
    values = [b"\x7f" if i % 7 in (0, 3) else good for i in range(500)]
    decoded = decoded_with(tmp_path, definition, values, {"s": "text"})
    assert decoded.rejects.index.tolist() == [i for i in range(500) if i % 7 in (0, 3)]
    assert decoded.batch.offsets.tolist() == [i for i in range(500) if i % 7 not in (0, 3)]


def test_debezium_rows_are_read_and_deletes_filtered(server):
    row = schema(("id", "long"), ("at", "long"), name="Value")
    envelope = schema(
        ("before", ["null", row]), ("after", ["null", "Value"]), ("op", "string"), ("ts_ms", ["null", "long"])
    )
    server.register("s", envelope)
    write = avro(envelope)
    at = 1_763_700_000_000
    values = [
        framed(1, write({"before": None, "after": {"id": 1, "at": at}, "op": "c", "ts_ms": at})),
        framed(1, write({"before": {"id": 1, "at": at}, "after": None, "op": "d", "ts_ms": at})),
        framed(1, write({"before": None, "after": {"id": 2, "at": 0}, "op": "u", "ts_ms": at + 5})),
        None,
    ]
    plan = DecodePlan({"id": "integer", "envelope.ts_ms": "number"}, EventTimePlan("at", "ms"))
    decoded = decoded_by(decoder(server, plan, envelope="debezium"), fetch_of(values))
    assert told(decoded)["values"] == {"id": [1.0], "envelope.ts_ms": [float(at)]}
    assert told(decoded)["rejects"] == [(2, "event_time_invalid")]
    assert decoded.filtered == 2


@pytest.mark.parametrize("settings", [{}, {"schema_registry": {"url": "http://x"}, "schema_file": "y"}])
def test_there_is_one_origin_of_schemas(settings):
    with pytest.raises(ValidationError, match="schema_registry"):
        AvroSpec(**settings)


@pytest.mark.parametrize("text", [None, "", "{", '{"type": "record"}', '"nope"'])
def test_a_schema_file_that_cannot_be_used_is_said_at_start(tmp_path, text):
    path = tmp_path / "s.avsc"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SurroundingsError, match=r"s\.avsc"):
        AvroSpec(schema_file=path).build(PLAN)
