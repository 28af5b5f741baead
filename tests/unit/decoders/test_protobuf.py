"""Protobuf: schemas from files and registries, what each kind of field means, and records that want to do harm."""

from __future__ import annotations

import random

import pytest
from pydantic import ValidationError

from monitor.decoders import DecodePlan, EventTimePlan, ProtobufSpec
from monitor.decoders.preparing import prepare
from monitor.decoders.protobuf_schema import UnusableProtoError, compile_texts, load_descriptors, message_named
from monitor.errors import Retryable, SurroundingsError
from monitor.types import Presence
from tests.support.formats import (
    FIELDS,
    NOW_MS,
    PROTO,
    balanced,
    decoded_by,
    fetch_of,
    framed,
    proto,
    proto_class,
    record,
    told,
    usable,
)
from tests.support.registry import RegistryServer

PLAN = DecodePlan(FIELDS, EventTimePlan("at", "ms"))
PAYMENT = compile_texts(PROTO, {})
EVERYTHING = """
syntax = "proto3";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Color { option allow_alias = true; NONE = 0; RED = 1; ROT = 1; MINUS = -2; }
message Tree { Tree left = 1; int32 leaf = 2; repeated Tree more = 3; }
message All {
  google.protobuf.Timestamp at = 1;
  google.protobuf.DoubleValue wrapped = 2;
  google.protobuf.StringValue text = 3;
  Color color = 4;
  optional Color maybe = 5;
  map<string, double> sizes = 6;
  map<string, Color> colors = 7;
  map<string, Tree> trees = 8;
  repeated int64 many = 9;
  repeated Tree forest = 10;
  Tree tree = 11;
  bytes raw = 12;
  oneof one { string word = 13; double number = 14; }
  uint64 big = 15;
  sint32 zigzag = 16;
  fixed64 fixed = 17;
  float single = 18;
  bool flag = 19;
  string plain = 20;
}
"""
FILE = compile_texts(EVERYTHING, {})
All = proto_class(FILE, "All")


@pytest.fixture
def server():
    with RegistryServer() as running:
        yield running


def decoder(server, plan=PLAN, **settings):
    return ProtobufSpec(schema_registry={"url": server.url}, **settings).build(plan)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """Return a function that decodes messages of All and returns their columns."""
    path = tmp_path_factory.mktemp("proto") / "all.proto"
    path.write_text(EVERYTHING)

    def columns(fields, *messages, **time):
        plan = DecodePlan(fields, EventTimePlan(**time))
        values = [m if isinstance(m, bytes) else m.SerializeToString() for m in messages]
        decoded = ProtobufSpec(schema_file=path, message="All").build(plan).decode(fetch_of(values))
        assert not len(decoded.rejects)
        return decoded.batch.columns

    return columns


def told_of(columns):
    return {path: (column.presence.tolist(), usable(column)) for path, column in columns.items()}


def test_a_field_that_is_not_set_is_absent_or_its_default(everything):
    fields = {"big": "integer", "plain": "text", "flag": "boolean", "color": "category", "maybe": "category"}
    fields |= {"wrapped": "number", "word": "text", "tree.leaf": "integer", "at": "text", "nope": "text", "raw": "text"}
    found = told_of(everything(fields, All()))
    defaults = {"big": 0.0, "plain": "", "flag": "false", "color": "NONE"}
    assert {path: values for path, (_, values) in found.items() if values} == {p: [v] for p, v in defaults.items()}
    assert found["raw"] == ([Presence.WRONG_TYPE], [])
    gone = set(found) - set(defaults) - {"raw"}
    assert {path: found[path][0] for path in gone} == {key: [Presence.ABSENT] for key in gone}


def test_scalars_are_what_they_are(everything):
    fields = {"big": "number", "zigzag": "integer", "fixed": "integer", "single": "number", "number": "number"}
    message = All(big=2**60, zigzag=-5, fixed=7, single=0.5, number=-1e300)
    assert told_of(everything(fields, message)) == {
        "big": ([0], [2.0**60]),
        "zigzag": ([0], [-5.0]),
        "fixed": ([0], [7.0]),
        "single": ([0], [0.5]),
        "number": ([0], [-1e300]),
    }


def test_wrappers_are_their_values(everything):
    found = told_of(everything({"wrapped": "number", "text": "text"}, All(wrapped={"value": 0.0}, text={"value": "x"})))
    assert found == {"wrapped": ([0], [0.0]), "text": ([0], ["x"])}


def test_an_enumeration_is_its_name_or_its_number(everything):
    messages = [All(color=1), All(color=-2), All(color=77), All(maybe=0)]
    found = told_of(everything({"color": "category", "maybe": "category"}, *messages))
    assert found["color"][1] == ["ROT", "MINUS", "77", "NONE"] or found["color"][1] == ["RED", "MINUS", "77", "NONE"]
    assert found["maybe"] == ([Presence.ABSENT] * 3 + [0], ["NONE"])
    assert told_of(everything({"color": "integer"}, *messages))["color"][1] == [1.0, -2.0, 77.0, 0.0]


def test_a_timestamp_is_a_text_or_milliseconds(everything):
    messages = [All(at={"seconds": 1_763_700_000, "nanos": 123_456_789}), All(at={"seconds": 2**40}), All()]
    presence = [0, Presence.WRONG_TYPE, Presence.ABSENT]
    assert told_of(everything({"at": "text"}, *messages))["at"] == (presence, ["2025-11-21T04:40:00.123456Z"])
    assert told_of(everything({"at": "number"}, *messages))["at"] == (presence, [1_763_700_000_123.456789])
    assert told_of(everything({"at": "integer"}, *messages))["at"] == (presence, [1_763_700_000_123.0])
    assert told_of(everything({"at": "boolean"}, *messages))["at"][1] == []


@pytest.mark.parametrize("unit", ["ms", "iso8601"])
def test_a_timestamp_can_be_the_event_time(unit, everything, tmp_path):
    path = tmp_path / "all.proto"
    path.write_text(EVERYTHING)
    plan = DecodePlan({"flag": "boolean"}, EventTimePlan("at", unit))
    value = All(at={"seconds": 1_763_700_000, "nanos": 5_000_000}).SerializeToString()
    decoded = ProtobufSpec(schema_file=path, message="All").build(plan).decode(fetch_of([value]))
    assert decoded.batch.event_times_ms.tolist() == [1_763_700_000_005]


def test_values_of_maps_are_found_by_key(everything):
    message = All(sizes={"a": 1.5, "b": 2.5}, colors={"a": 1}, trees={"a": {"leaf": 1}})
    fields = {"sizes.a": "number", "sizes.c": "number", "colors.a": "integer", "trees.a": "text"}
    found = told_of(everything(fields, message))
    assert found["sizes.a"] == ([0], [1.5])
    assert found["sizes.c"][0] == [Presence.ABSENT]
    assert found["colors.a"] == ([0], [1.0])
    assert found["trees.a"][0] == [Presence.WRONG_TYPE]
    assert told_of(everything({"colors.a": "category"}, message))["colors.a"][1] in (["RED"], ["ROT"])


def test_lists_and_messages_are_no_values(everything):
    fields = {"many": "number", "forest": "text", "tree": "text", "sizes": "text"}
    found = told_of(everything(fields, All(many=[1, 2], forest=[{"leaf": 1}], tree={"leaf": 1}, sizes={"a": 1})))
    assert {path: presence for path, (presence, _) in found.items()} == {path: [Presence.WRONG_TYPE] for path in fields}
    found = told_of(everything({"forest.leaf": "number"}, All(forest=[{"leaf": 1}])))
    assert found["forest.leaf"][0] == [Presence.ABSENT]


def test_a_message_inside_itself_is_read_as_deeply_as_is_asked(everything):
    message = All(tree={"leaf": 1, "left": {"leaf": 2, "left": {"left": {"leaf": 4}}}})
    found = told_of(everything({"tree.left.leaf": "integer", "tree.left.left.left.leaf": "integer"}, message))
    assert [values for _, values in found.values()] == [[2.0], [4.0]]


def test_framed_records_name_their_message_by_numbers(server):
    nested = 'syntax = "proto3"; message A { message B { int32 x = 1; } message C { int32 x = 1; } int32 x = 1; }'
    server.register("s", nested + " message D { int32 x = 1; }", kind="PROTOBUF")
    plan = DecodePlan({"x": "integer"})
    ways = [b"\0", b"\x02\0", b"\x04\0\0", b"\x04\0\x02", b"\x02\x02", b"\x02\x80\0"]
    values = [framed(1, way + b"\x08" + bytes([i])) for i, way in enumerate(ways)]
    decoded = decoded_by(decoder(server, plan), fetch_of(values))
    assert usable(decoded.batch.columns["x"]) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    wrong = [
        b"",
        b"\x02",
        b"\x01",
        b"\x02\x01",
        b"\x02\x04",
        b"\x06\0\0\0",
        b"\x80\x80\x80\x80\x01",
        b"\x7e" + b"\0" * 63,
    ]
    assert told(decoded_by(decoder(server, plan), fetch_of([framed(1, way) for way in wrong])))["rejects"] == [
        (i, "malformed") for i in range(len(wrong))
    ]


def test_each_way_of_not_being_readable_has_its_reason(server):
    server.register("s", PROTO, kind="PROTOBUF")
    server.register("s", {"type": "record", "name": "R", "fields": []})
    server.register("s", "message {", kind="PROTOBUF")
    good = b"\x02\x02" + proto(PAYMENT)(record(1))
    cases = [
        (framed(1, good), None),
        (b"", "not_framed"),
        (b"\x01" + framed(1, good)[1:], "not_framed"),
        (framed(99, good), "schema_unknown"),
        (framed(2, good), "schema_unsupported"),
        (framed(3, good), "schema_unsupported"),
        (framed(1, good[:-1]), "malformed"),
        (framed(1, b"\x02\x02"), "event_time_missing"),
        (framed(1, good), None),
    ]
    fetch = fetch_of([value for value, _ in cases])
    decoded = decoded_by(decoder(server), fetch)
    assert balanced(fetch, decoded)
    assert told(decoded)["rejects"] == [(i, reason) for i, (_, reason) in enumerate(cases) if reason]


def test_a_registered_schema_may_import_others(server):
    other = 'syntax = "proto3"; package m; message M { int32 n = 1; }'
    server.register("m", other, kind="PROTOBUF")
    text = 'syntax = "proto3"; import "m/m.proto"; message S { m.M m = 1; int64 at = 2; }'
    refers = [{"name": "m/m.proto", "subject": "m", "version": 1}]
    server.register("s", text, kind="PROTOBUF", references=refers)
    server.register("e", text, kind="PROTOBUF", references=[{"name": "../m.proto", "subject": "m", "version": 1}])
    plan = DecodePlan({"m.n": "integer"}, EventTimePlan("at", "ms"))
    body = b"\0" + proto(compile_texts(text, {"m/m.proto": other}), "S")({"m": {"n": 5}, "at": NOW_MS})
    decoded = decoded_by(decoder(server, plan), fetch_of([framed(2, body), framed(3, body)]))
    assert usable(decoded.batch.columns["m.n"]) == [5.0]
    assert told(decoded)["rejects"] == [(1, "schema_unsupported")]


def test_a_registry_that_does_not_answer_is_no_reject(server):
    server.register("s", PROTO, kind="PROTOBUF")
    fetch = fetch_of([framed(1, b"\x02\x02" + proto(PAYMENT)(record(i))) for i in range(3)])
    reader = decoder(server)
    server.failing = 503
    with pytest.raises(Retryable):
        prepare(reader, fetch)
    server.failing = None
    prepare(reader, fetch)
    server.failing = 503
    assert len(reader.decode(fetch).batch) == 3


def test_groups_within_groups_end_no_process(tmp_path):
    path = tmp_path / "p.proto"
    path.write_text(PROTO)
    reader = ProtobufSpec(schema_file=path, message="shop.Payment").build(PLAN)
    good = proto(PAYMENT)(record(1))
    long = proto(PAYMENT)(record(2, id="x" * 50_000))
    values = [good, b"{" * 1_000_000, b"{" * 8_192, good + b"{" * 500_000 + b"|" * 500_000, long, good]
    decoded = reader.decode(fetch_of(values))
    assert told(decoded)["rejects"] == [(1, "malformed"), (2, "malformed"), (3, "malformed")]
    assert len(usable(decoded.batch.columns["id"])[1]) == 50_000


def test_garbage_and_damaged_records_are_rows_or_rejects(tmp_path, server):
    server.register("s", PROTO, kind="PROTOBUF")
    path = tmp_path / "p.proto"
    path.write_text(PROTO)
    draw = random.Random(5)
    good = proto(PAYMENT)(record(1))
    values = [draw.randbytes(draw.randrange(40)) for _ in range(2_000)]
    for _ in range(2_000):
        damaged = bytearray(good)
        damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        values.append(bytes(damaged[: draw.randrange(1, len(damaged) + 1)]))
    for reader, wrap in (
        (ProtobufSpec(schema_file=path, message="shop.Payment").build(PLAN), lambda value: value),
        (decoder(server), lambda value: framed(1, value)),
    ):
        fetch = fetch_of([wrap(value) for value in values])
        assert balanced(fetch, decoded_by(reader, fetch))


def test_unknown_fields_are_those_of_the_schema(tmp_path):
    path = tmp_path / "p.proto"
    path.write_text(PROTO)
    plan = DecodePlan({"id": "text"}, EventTimePlan("at", "ms"))
    decoded = (
        ProtobufSpec(schema_file=path, message="shop.Payment").build(plan).decode(fetch_of([proto(PAYMENT)(record(1))]))
    )
    assert decoded.unknown_fields == ("amount", "count", "country", "merchant", "refund")


def test_a_file_that_cannot_be_used_is_said_at_start(tmp_path):
    broken, empty, payment = tmp_path / "b.proto", tmp_path / "e.bin", tmp_path / "p.proto"
    broken.write_text("message {")
    empty.write_bytes(b"")
    payment.write_text(PROTO)
    for settings in (
        {"schema_file": broken},
        {"schema_file": empty},
        {"schema_file": tmp_path / "none.proto"},
        {"schema_file": payment, "message": "shop.Nope"},
    ):
        with pytest.raises(SurroundingsError, match="cannot be used"):
            ProtobufSpec(**settings).build(PLAN)
    assert message_named(PAYMENT, None).name == "Other"
    with pytest.raises(UnusableProtoError):
        load_descriptors(b"\xff")


def test_settings_that_contradict_each_other_are_refused():
    url = {"url": "http://localhost:1"}
    for wrong in (
        {},
        {"schema_registry": url, "schema_file": "x.proto"},
        {"schema_registry": url, "message": "A"},
        {"schema_registry": url, "compression": "gzip"},
    ):
        with pytest.raises(ValidationError):
            ProtobufSpec(**wrong)


def test_an_envelope_is_a_message_around_the_row(tmp_path):
    path = tmp_path / "p.proto"
    path.write_text(PROTO + "message Change { Payment after = 1; string op = 2; }")
    file = compile_texts(path.read_text(), {})
    write = proto(file, "Change")
    values = [write({"after": record(1), "op": "c"}), write({"op": "d"})]
    spec = ProtobufSpec(schema_file=path, message="shop.Change", envelope="debezium")
    decoded = spec.build(PLAN).decode(fetch_of(values))
    assert (usable(decoded.batch.columns["amount"]), decoded.filtered) == ([record(1)["amount"]], 1)
    assert decoded.batch.event_times_ms.tolist() == [NOW_MS + 1]
