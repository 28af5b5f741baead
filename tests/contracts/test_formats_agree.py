"""What every decoder promises: the same logical records give what the JSON decoder gives."""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from google.protobuf import descriptor_pb2

from monitor.decoders import AvroSpec, DecodePlan, DelimitedSpec, EventTimePlan, JsonSpec, MsgpackSpec, ProtobufSpec
from monitor.decoders.json import JsonDecoder
from monitor.decoders.plan import EventTimePlan as TimePlan
from monitor.decoders.protobuf_schema import compile_texts, load_descriptors
from monitor.decoders.unwrapping import EnvelopeSpec, unwrapped
from monitor.types import Presence
from tests.support.formats import (
    AVRO,
    COLUMNS,
    FIELDS,
    LOOSE_AVRO,
    NOW_MS,
    PROTO,
    as_csv,
    as_json,
    as_msgpack,
    avro,
    balanced,
    decoded_by,
    fetch_of,
    framed,
    proto,
    record,
    told,
    usable,
)
from tests.support.registry import RegistryServer

PLAN = DecodePlan(FIELDS, EventTimePlan("at", "ms"))


@dataclass(frozen=True)
class Format:
    """A format: how to build its decoder, how to write a record, and whether it tells absent from null."""

    build: Any
    write: Any
    absent: bool = True
    null: bool = True


@pytest.fixture(scope="module")
def registry():
    with RegistryServer() as server:
        server.register("t-value", AVRO)
        server.register("u-value", LOOSE_AVRO)
        server.register("p-value", PROTO, kind="PROTOBUF")
        server.register("j-value", {"type": "object"}, kind="JSON")
        yield server


ALL = (
    *("json", "json registry", "msgpack", "avro file", "avro registry", "avro loose", "protobuf file"),
    *("protobuf registry", "delimited", "gzip", "envelope"),
)
UNTYPED = ("json", "json registry", "msgpack", "avro loose", "gzip", "envelope")
STRUCTURED = tuple(name for name in ALL if name != "delimited")


@pytest.fixture(params=ALL)
def form(request, registry, tmp_path):
    """Each format in turn."""
    return formats(registry.url, tmp_path)[request.param]


def of(names):
    """Return a mark that runs a test for some formats only: those that can express what it is about."""
    return pytest.mark.parametrize("form", names, indirect=True)


@cache
def descriptor_set():
    """Return the schema of a payment as protoc writes it."""
    file = descriptor_pb2.FileDescriptorProto()
    compile_texts(PROTO, {}).CopyToProto(file)
    return descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString()


def formats(url, directory):
    path = directory / "schema.avsc"
    path.write_text(json.dumps(AVRO))
    descriptors = directory / "payment.bin"
    descriptors.write_bytes(descriptor_set())
    payment = proto(load_descriptors(descriptor_set()))
    origin = {"schema_registry": {"url": url}}
    return {
        "json": Format(JsonSpec().build, as_json),
        "msgpack": Format(MsgpackSpec().build, as_msgpack),
        "avro file": Format(AvroSpec(schema_file=path).build, avro(AVRO), absent=False),
        "avro registry": Format(AvroSpec(**origin).build, lambda r: framed(1, avro(AVRO)(r)), absent=False),
        "avro loose": Format(AvroSpec(**origin).build, lambda r: framed(2, avro(LOOSE_AVRO)(r)), absent=False),
        "json registry": Format(JsonSpec(**origin).build, lambda r: framed(4, as_json(r))),
        "protobuf file": Format(
            ProtobufSpec(schema_file=descriptors, message="shop.Payment").build, payment, null=False
        ),
        "protobuf registry": Format(
            ProtobufSpec(**origin).build, lambda r: framed(3, b"\x02\x02" + payment(r)), null=False
        ),
        "delimited": Format(DelimitedSpec(columns=COLUMNS).build, as_csv, absent=False),
        "gzip": Format(partial(unwrapped, JsonDecoder, compression="gzip"), lambda r: gzip.compress(as_json(r))),
        "envelope": Format(
            partial(unwrapped, JsonDecoder, envelope=EnvelopeSpec(path="payload.after")),
            lambda r: as_json({"payload": {"after": r}}),
        ),
    }


def decode(form, records, plan=PLAN):
    fetch = fetch_of([None if r is None else form.write(r) for r in records])
    decoded = decoded_by(form.build(plan), fetch)
    assert balanced(fetch, decoded)
    return decoded


def in_json(records, plan=PLAN):
    return JsonSpec().build(plan).decode(fetch_of([None if r is None else as_json(r) for r in records]))


def test_good_records_give_what_json_gives(form):
    records = [record(i) for i in range(300)]
    assert told(decode(form, records)) == told(in_json(records))


def test_no_records_give_no_rows(form):
    assert told(decode(form, [])) == told(in_json([]))


def test_tombstones_are_filtered_in_their_place(form):
    records = [None, record(1), None, None, record(4), None]
    assert told(decode(form, records)) == told(in_json(records))


def test_only_tombstones_are_all_filtered(form):
    assert told(decode(form, [None, None])) == told(in_json([None, None]))


def test_null_values_are_null(form):
    records = [record(i, **{name: None}) for i, name in enumerate(["id", "amount", "count", "country", "refund"])]
    if form.null:
        assert told(decode(form, records)) == told(in_json(records))
    else:
        # Absent is all that the format can say.
        assert decode(form, records).batch.columns["id"].presence.tolist() == [Presence.ABSENT, 0, 0, 0, 0]


def test_values_that_are_not_there_are_absent(form):
    records = [{k: v for k, v in record(1).items() if k != name} for name in ("id", "amount", "refund", "merchant")]
    if form.absent:
        assert told(decode(form, records)) == told(in_json(records))
    else:
        # Null is all that the format can say.
        columns = decode(form, records).batch.columns
        assert columns["amount"].presence.tolist() == [Presence.OK, Presence.NULL, Presence.OK, Presence.OK]


@of(STRUCTURED)
def test_a_field_of_a_null_parent_is_absent(form):
    records = [record(1), record(2, merchant=None), record(3)]
    assert told(decode(form, records)) == told(in_json(records))


def test_numbers_that_are_not_finite_are_marked(form):
    records = [record(i, amount=x) for i, x in enumerate([math.nan, math.inf, -math.inf, 1e308, 5e-324, -0.0])]
    mine, theirs = decode(form, records), in_json(records)
    assert mine.batch.columns["amount"].presence.tolist() == [4, 5, 6, 0, 0, 0]
    assert told(mine) == told(theirs)


def test_integers_beyond_a_float_are_rounded(form):
    records = [record(i, count=x) for i, x in enumerate([2**53 + 1, -(2**63), 2**63 - 1])]
    assert usable(decode(form, records).batch.columns["count"]) == [float(2**53), -float(2**63), float(2**63)]


@of((*UNTYPED, "delimited"))
def test_a_broken_number_is_no_integer(form):
    records = [record(1, count=1.5), record(2, count=2.0)]
    assert told(decode(form, records)) == told(in_json(records))


WRONG = [
    ("amount", "12.5"),
    ("amount", True),
    ("amount", [1]),
    ("refund", 1),
    ("refund", "true"),
    ("id", 7),
    ("id", False),
    ("country", [1]),
    ("merchant", "x"),
    ("count", "3"),
]


@of(UNTYPED)
def test_a_value_of_another_type_is_a_wrong_type(form):
    records = [record(1), *(record(2, **{name: value}) for name, value in WRONG), record(3)]
    mine = told(decode(form, records))
    assert mine == told(in_json(records))
    assert sum(presence.count(Presence.WRONG_TYPE) for presence in mine["presence"].values()) >= len(WRONG) - 1


def test_an_implausible_event_time_is_a_reject(form):
    records = [record(1), *(record(2, at=at) for at in (None, 0, -5, NOW_MS + 3_600_001, 10**16)), record(3)]
    mine = told(decode(form, records))
    assert mine == told(in_json(records))
    assert [index for index, _ in mine["rejects"]] == [1, 2, 3, 4, 5]


def test_an_event_time_need_not_be_a_field(form):
    plan = DecodePlan({"amount": "number"}, EventTimePlan("at", "ms"))
    records = [record(i) for i in range(3)]
    decoded = decode(form, records, plan)
    assert list(decoded.batch.columns) == ["amount"]
    assert told(decoded) == told(in_json(records, plan))


def test_without_an_event_time_the_timestamp_counts(form):
    plan = DecodePlan({"amount": "number"}, TimePlan())
    assert told(decode(form, [record(1)], plan)) == told(in_json([record(1)], plan))


def test_key_timestamp_and_headers_come_along(form):
    plan = DecodePlan({"$key": "text", "$timestamp_ms": "number", "$header.h": "text", "amount": "number"}, TimePlan())
    records = [record(1), None, record(3)]
    decoded = decode(form, records, plan)
    assert usable(decoded.batch.columns["$key"]) == ["k0", "k2"]
    assert told(decoded) == told(in_json(records, plan))


def test_records_over_the_limit_are_rejects(form):
    plan = DecodePlan(FIELDS, EventTimePlan("at", "ms"), max_record_bytes=400)
    records = [record(1), record(2, id="x" * 500), record(3)]
    assert told(decode(form, records, plan)) == told(in_json(records, plan))


@of(STRUCTURED)
def test_a_field_of_another_type_than_the_records_have_is_all_wrong_type(form):
    plan = DecodePlan({"id": "number", "amount": "text", "refund": "number", "merchant": "text"}, TimePlan())
    columns = decode(form, [record(1), record(2)], plan).batch.columns
    assert {p for c in columns.values() for p in c.presence.tolist()} == {Presence.WRONG_TYPE}


def test_a_path_that_leads_nowhere_is_absent(form):
    plan = DecodePlan({"nope": "number", "merchant.nope": "text", "id.nope": "text", "amount": "number"}, TimePlan())
    columns = decode(form, [record(1), record(2)], plan).batch.columns
    assert [columns[path].presence.tolist() for path in ("nope", "merchant.nope", "id.nope", "amount")] == [
        [Presence.ABSENT] * 2
    ] * 3 + [[0, 0]]


def test_a_reject_among_many_is_the_only_one(form):
    good = [form.write(record(i)) for i in range(200)]
    for bad in (b"", b"\xff\xfe\xfd"):
        values = [*good[:77], bad, *good[77:]]
        fetch = fetch_of(values)
        decoded = decoded_by(form.build(PLAN), fetch)
        assert balanced(fetch, decoded)
        assert decoded.rejects.index.tolist() == [77]
        assert usable(decoded.batch.columns["id"]) == [record(i)["id"] for i in range(200)]


def test_the_arguments_are_not_changed(form):
    values = [form.write(record(i)) for i in range(5)]
    fetch = fetch_of(values)
    before = (fetch.offsets.copy(), fetch.timestamps_ms.copy())
    decoded_by(form.build(PLAN), fetch)
    assert fetch.values.to_pylist() == values
    assert np.array_equal(fetch.offsets, before[0])
    assert np.array_equal(fetch.timestamps_ms, before[1])


def test_a_decoder_may_be_used_again(form):
    decoder = form.build(PLAN)
    fetch = fetch_of([form.write(record(i)) for i in range(5)])
    assert told(decoded_by(decoder, fetch)) == told(decoded_by(decoder, fetch))
