"""What every decoder promises, over all kinds in the union."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any, get_args

import fastavro
import msgspec
import numpy as np
import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.decoded import Decoded
from monitor.decoders import DecodePlan, DecoderSpec, EventTimePlan
from monitor.decoders.protobuf_schema import compile_proto
from monitor.protocols import Decoder
from monitor.types import Fetch, Presence
from tests.support.decoding import NOW_MS, cells, fetch_of, reasons
from tests.support.formats import proto_class

ADAPTER: TypeAdapter[Any] = TypeAdapter(DecoderSpec)
PLAN = DecodePlan(
    {
        "n": "number",
        "i": "integer",
        "b": "boolean",
        "c": "category",
        "m.t": "text",
        "$key": "text",
        "$timestamp_ms": "integer",
    },
    EventTimePlan("time"),
)
AVRO_FILE = Path(__file__).parents[1] / "support" / "contract_rows.avsc"
PROTO_FILE = AVRO_FILE.with_suffix(".proto")
# What a kind cannot be built without.
SETTINGS: dict[str, dict[str, Any]] = {
    "avro": {"schema_file": AVRO_FILE},
    "delimited": {"columns": ("time", "n", "i", "b", "c", "m.t")},
    "protobuf": {"schema_file": PROTO_FILE},
}


def avro(**values: Any) -> bytes:
    out = io.BytesIO()
    empty = dict.fromkeys(("time", "n", "i", "b", "c", "m"))
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(AVRO_FILE.read_text())), {**empty, **values})
    return out.getvalue()


Row: Any = proto_class(compile_proto(PROTO_FILE), "Row")


def proto(**values: Any) -> bytes:
    return bytes(Row(**values).SerializeToString())


# One entry for every kind: rows with a time and some fields of PLAN, and records that are none.
ROWS: dict[str, list[bytes]] = {
    "json": [
        b'{"time":%d,"n":1.5,"i":2,"b":true,"c":"x","m":{"t":"y"}}' % NOW_MS,
        b'{"time":%d,"n":"1.5","i":2.5,"b":"true","c":1,"m":3}' % NOW_MS,
        b'{"time":%d,"n":null,"i":null,"b":null,"c":null,"m":null}' % NOW_MS,
        b'{"time":%d}' % NOW_MS,
        b'{"time":%d,"n":1e999}' % NOW_MS,
    ],
    "avro": [
        avro(time=NOW_MS, n=1.5, i=2.0, b=True, c="x", m={"t": "y"}),
        avro(time=NOW_MS, i=2.5, m={"t": None}),
        avro(time=NOW_MS, n=math.inf),
        avro(time=NOW_MS, n=math.nan),
    ],
    "delimited": [
        b"%d,1.5,2,true,x,y" % NOW_MS,
        b'%d,"1.5","2",true,"x,","y\n"' % NOW_MS,
        b"%d,one,2.5,yes,," % NOW_MS,
        b"%d,,,,," % NOW_MS,
        b"%d,inf,nan,TRUE,x,y" % NOW_MS,
    ],
    "protobuf": [
        proto(time=NOW_MS, n=1.5, i=2, b=True, c="x", m={"t": "y"}),
        proto(time=NOW_MS, i=2.5, m={}),
        proto(time=NOW_MS, n=math.inf),
        proto(time=NOW_MS, n=math.nan) + b"\x9a\x06\x03abc",
    ],
    "msgpack": [
        msgspec.msgpack.encode({"time": NOW_MS, "n": 1.5, "i": 2, "b": True, "c": "x", "m": {"t": "y"}}),
        msgspec.msgpack.encode({"time": NOW_MS, "n": "1.5", "i": 2.5, "b": "true", "c": 1, "m": 3}),
        msgspec.msgpack.encode({"time": NOW_MS, "n": None, "i": None, "b": None, "c": None, "m": None}),
        msgspec.msgpack.encode({"time": NOW_MS, "n": b"", "m": {"t": b"x"}}),
        msgspec.msgpack.encode({"time": NOW_MS, "n": math.inf, "i": math.nan}),
    ],
}
REJECTS: dict[str, list[bytes]] = {
    "protobuf": [
        *(b"", b"\xff", proto(time=NOW_MS)[:-1], proto(n=1), proto(time=0), proto(time=NOW_MS * 2)),
        *(proto(time=NOW_MS, c="x").replace(b"x", b"\xff"), b"x" * 1_048_577, b"{" * 1_048_000),
    ],
    "json": [b"", b"{", b"[]", b"\xff", b"{}", b'{"time":0}', b'{"time":%d}' % (NOW_MS * 2), b"x" * 1_048_577],
    "avro": [b"", b"\xff", avro(time=NOW_MS)[:-1], avro(), avro(time=0), avro(time=NOW_MS * 2), b"x" * 1_048_577],
    "delimited": [b"", b"1,2", b"\xff", b'"', b"1,2,3,4,5,6\n7", b",,,,,", b"0,,,,,", b"x" * 1_048_577],
    "msgpack": [b"", b"\xc1", b"\x80\x80", b"\x90", b"\x80", b"\x81\xa1n\xa1\xff", b"x" * 1_048_577],
}
REASONS = {
    "oversize",
    "encoding",
    "malformed",
    "not_object",
    "nesting",
    "event_time_missing",
    "event_time_invalid",
    "event_time_ahead",
    "column_count",
}


REPEATED = 12


def kinds() -> list[str]:
    members = get_args(get_args(DecoderSpec)[0]) if get_args(DecoderSpec) else (DecoderSpec,)
    return [spec.model_fields["kind"].default for spec in members]


def settings(kind: str) -> dict[str, Any]:
    return {"kind": kind, **SETTINGS.get(kind, {})}


def built(kind: str, plan: DecodePlan = PLAN) -> Decoder:
    decoder: Decoder = ADAPTER.validate_python(settings(kind)).build(plan)
    return decoder


def mixture(kind: str) -> list[bytes | None]:
    both = [*ROWS[kind], *REJECTS[kind]] * REPEATED
    records: list[bytes | None] = [both[i] for i in np.random.default_rng(3).permutation(len(both))]
    records[10:10] = [None, None]
    return records


def mixed_fetch(kind: str) -> Fetch:
    records = mixture(kind)
    keys = [None if i % 3 == 0 else b"key-%d" % i for i in range(len(records))]
    return fetch_of(records, keys=keys, first_offset=500)


def part(fetch: Fetch, start: int, stop: int) -> Fetch:
    return Fetch(
        fetch.partition,
        fetch.offsets[start:stop],
        fetch.timestamps_ms[start:stop],
        fetch.keys[start:stop],
        fetch.values[start:stop],
        None,
        int(fetch.offsets[start]) + stop - start if len(fetch) > start else fetch.next_offset,
    )


def shown(decoded: Decoded) -> Any:
    """Return a decoded fetch as plain values, rejects by offset left out."""
    columns = {path: cells(column) for path, column in decoded.batch.columns.items()}
    return decoded.batch.offsets.tolist(), decoded.batch.event_times_ms.tolist(), columns


def test_every_kind_is_under_contract() -> None:
    assert sorted(kinds()) == sorted(ROWS) == sorted(REJECTS)


@pytest.mark.parametrize("kind", kinds())
def test_records_are_rows_rejects_or_filtered_none_twice_none_lost(kind: str) -> None:
    fetch = mixed_fetch(kind)
    decoded = built(kind).decode(fetch)
    rejected = fetch.offsets[decoded.rejects.index].tolist()
    assert decoded.filtered == 2
    assert sorted([*decoded.batch.offsets.tolist(), *rejected, 510, 511]) == fetch.offsets.tolist()
    assert rejected == sorted(rejected)
    assert decoded.batch.offsets.tolist() == sorted(decoded.batch.offsets.tolist())
    assert len(decoded.batch) == REPEATED * len(ROWS[kind])
    assert set(decoded.rejects.reasons) <= REASONS
    assert decoded.batch.partition == fetch.partition


@pytest.mark.parametrize("kind", kinds())
def test_columns_have_the_promised_shape(kind: str) -> None:
    for records in (mixture(kind), REJECTS[kind], [None], []):
        decoded = built(kind).decode(fetch_of(records))
        assert list(decoded.batch.columns) == list(PLAN.fields)
        assert decoded.batch.event_times_ms.dtype == decoded.batch.timestamps_ms.dtype == np.int64
        assert decoded.rejects.index.dtype == np.int64
        for path, column in decoded.batch.columns.items():
            assert len(column) == len(column.values) == len(decoded.batch)
            assert column.presence.dtype == np.uint8
            assert column.presence.max(initial=0) <= max(Presence)
            if PLAN.fields[path] in ("number", "integer"):
                assert column.values.dtype == np.float64
                assert np.isfinite(column.valid).all()
            else:
                assert isinstance(column.values, pa.StringArray)
                assert column.values.null_count == 0
        assert set(decoded.batch.columns["b"].valid.to_pylist()) <= {"true", "false"}


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("size", [1, 7, 64, 1_000])
def test_the_result_does_not_depend_on_how_records_are_fetched(kind: str, size: int) -> None:
    fetch = mixed_fetch(kind)
    whole, decoder = built(kind).decode(fetch), built(kind)
    parts = [part(fetch, start, min(start + size, len(fetch))) for start in range(0, len(fetch), size)]
    pieces = [decoder.decode(piece) for piece in parts]
    offsets, times, columns = shown(whole)
    shown_pieces = [shown(piece) for piece in pieces]
    assert [offset for piece in shown_pieces for offset in piece[0]] == offsets
    assert [ms for piece in shown_pieces for ms in piece[1]] == times
    for path, column in columns.items():
        assert [value for piece in shown_pieces for value in piece[2][path]] == column
    rejected = {
        int(piece.offsets[index]): why
        for piece, decoded in zip(parts, pieces, strict=True)
        for index, why in reasons(decoded).items()
    }
    assert rejected == {int(fetch.offsets[index]): why for index, why in reasons(whole).items()}
    assert sum(decoded.filtered for decoded in pieces) == whole.filtered


@pytest.mark.parametrize("kind", kinds())
def test_the_fetch_is_left_as_it_was_and_the_same_again_gives_the_same(kind: str) -> None:
    fetch, decoder = mixed_fetch(kind), built(kind)
    before = (fetch.offsets.copy(), fetch.timestamps_ms.copy(), fetch.keys.to_pylist(), fetch.values.to_pylist())
    first, second = decoder.decode(fetch), decoder.decode(fetch)
    assert shown(first) == shown(second)
    assert reasons(first) == reasons(second)
    assert np.array_equal(fetch.offsets, before[0])
    assert np.array_equal(fetch.timestamps_ms, before[1])
    assert (fetch.keys.to_pylist(), fetch.values.to_pylist()) == before[2:]


@pytest.mark.parametrize("kind", kinds())
def test_decoders_do_not_disturb_each_other(kind: str) -> None:
    fetch = mixed_fetch(kind)
    one, other = built(kind), built(kind, DecodePlan({"n": "text"}))
    expected = shown(built(kind).decode(fetch))
    for _ in range(2):
        other.decode(fetch)
        assert shown(one.decode(fetch)) == expected


@pytest.mark.parametrize("kind", kinds())
def test_a_spec_is_frozen_closed_and_hashable(kind: str) -> None:
    spec = ADAPTER.validate_python(settings(kind))
    with pytest.raises(ValidationError):
        spec.kind = "other"
    with pytest.raises(ValidationError):
        ADAPTER.validate_python({**settings(kind), "no_such_option": 1})
    assert hash(spec) == hash(ADAPTER.validate_python(settings(kind)))
