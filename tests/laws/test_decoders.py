"""Whatever the bytes, a decoder does not raise, and no record is lost or counted twice."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.decoders import AvroSpec, DecodePlan, DelimitedSpec, EventTimePlan, JsonSpec, MsgpackSpec
from monitor.decoders.json import JsonDecoder
from monitor.decoders.unwrapping import EnvelopeSpec, unwrapped
from tests.support.formats import (
    AVRO,
    BYTES_AVRO,
    COLUMNS,
    FIELDS,
    LOOSE_AVRO,
    as_csv,
    as_json,
    as_msgpack,
    avro,
    balanced,
    fetch_of,
    framed,
    record,
)
from tests.support.registry import RegistryServer

PLAN = DecodePlan(FIELDS, EventTimePlan("at", "ms"))


@pytest.fixture(scope="module")
def decoders(tmp_path_factory):
    """Every decoder with the bytes of a good record, so that damage is near what is good."""
    with RegistryServer() as server:
        server.register("a", AVRO)
        server.register("b", LOOSE_AVRO)
        path = tmp_path_factory.mktemp("avro") / "b.avsc"
        path.write_text(json.dumps(BYTES_AVRO))
        registry = AvroSpec(schema_registry={"url": server.url}).build(PLAN)
        yield {
            "json": (JsonSpec().build(PLAN), as_json(record(1))),
            "msgpack": (MsgpackSpec().build(PLAN), as_msgpack(record(1))),
            "avro": (registry, framed(1, avro(AVRO)(record(1)))),
            "avro loose": (registry, framed(2, avro(LOOSE_AVRO)(record(1)))),
            "avro bytes": (AvroSpec(schema_file=path).build(PLAN), b"\x80\x88\x9a\xfa\xd4\x66\x04\x01\x02\x00abc"),
            "delimited": (DelimitedSpec(columns=COLUMNS).build(PLAN), as_csv(record(1))),
            "gzip": (unwrapped(JsonDecoder, PLAN, compression="gzip"), b"\x1f\x8b\x08\0\0\0\0\0\0\3"),
            "envelope": (
                unwrapped(JsonDecoder, PLAN, envelope=EnvelopeSpec(path="after", operation="op")),
                as_json({"op": "c", "after": record(1)}),
            ),
        }


@st.composite
def damage(draw):
    """How to damage bytes: cut, change, insert, or take others altogether."""
    kind = draw(st.sampled_from(["cut", "change", "insert", "other", "none"]))
    return kind, draw(st.integers(0, 10_000)), draw(st.binary(min_size=1, max_size=12))


def damaged(good: bytes, how) -> bytes | None:
    kind, where, other = how
    at = where % (len(good) + 1)
    if kind == "cut":
        return good[:at]
    if kind == "change":
        return good[:at] + other[:1] + good[at + 1 :]
    if kind == "insert":
        return good[:at] + other + good[at:]
    return other if kind == "other" else None if where % 2 else good


@pytest.mark.parametrize(
    "name", ["json", "msgpack", "avro", "avro loose", "avro bytes", "delimited", "gzip", "envelope"]
)
@settings(max_examples=60, deadline=None)
@given(hows=st.lists(damage(), max_size=12))
def test_damaged_records_never_raise_and_are_all_accounted_for(decoders, name, hows):
    decoder, good = decoders[name]
    fetch = fetch_of([damaged(good, how) for how in hows])
    decoded = decoder.decode(fetch)
    assert balanced(fetch, decoded)
    for column in decoded.batch.columns.values():
        if not hasattr(column.values, "dtype"):
            column.values.validate(full=True)


@pytest.mark.parametrize("name", ["msgpack", "avro", "avro loose", "delimited", "gzip", "envelope"])
@settings(max_examples=20, deadline=None)
@given(hows=st.lists(damage(), min_size=1, max_size=12), cut=st.integers(0, 12))
def test_how_records_are_batched_does_not_matter(decoders, name, hows, cut):
    decoder, good = decoders[name]
    values = [damaged(good, how) for how in hows]
    whole = decoder.decode(fetch_of(values))
    cut = min(cut, len(values))
    first, second = decoder.decode(fetch_of(values[:cut])), decoder.decode(fetch_of(values[cut:], first=cut))
    assert [*first.batch.offsets, *second.batch.offsets] == whole.batch.offsets.tolist()
    assert [*first.rejects.reasons, *second.rejects.reasons] == list(whole.rejects.reasons)
    for path, column in whole.batch.columns.items():
        parts = (first.batch.columns[path].presence, second.batch.columns[path].presence)
        assert [*parts[0], *parts[1]] == column.presence.tolist()
