"""The same payments in every format, from bytes to columns, as ratios of JSON in the same run."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import numpy as np
import orjson
import pyarrow as pa
from google.protobuf import message_factory

from monitor.decoders import AvroSpec, DecodePlan, DelimitedSpec, EventTimePlan, JsonSpec, MsgpackSpec, ProtobufSpec
from monitor.decoders.protobuf_schema import compile_proto
from monitor.protocols import Decoder
from monitor.types import Fetch, FieldType, TopicPartition
from tests.bench.figures import Section, Table
from tests.bench.records import FIRST_MS, payments
from tests.bench.sizes import Sizes
from tests.bench.timing import best_cpu_s

_SIZE = 5_000
_AFTER_MS = 86_400_000
FIELDS: dict[str, FieldType] = {
    "id": "text",
    "amount": "number",
    "fee": "number",
    "lat": "number",
    "lon": "number",
    "country": "category",
    "method": "category",
    "merchant.mcc": "category",
    "merchant.risk": "number",
    "refund": "boolean",
    "note": "text",
}
PLAN = DecodePlan(FIELDS, EventTimePlan("event_time", "ms"))
COLUMNS = ("event_time", *FIELDS)
_AVRO_TYPES = {"number": "double", "boolean": "boolean"}


PROTO = """
syntax = "proto3";
message Payment {
  message Merchant { string mcc = 1; double risk = 2; }
  string id = 1;
  double amount = 2;
  double fee = 3;
  double lat = 4;
  double lon = 5;
  string country = 6;
  string method = 7;
  Merchant merchant = 8;
  bool refund = 9;
  string note = 10;
  int64 event_time = 11;
}
"""


def avro_schema(*extra: dict[str, Any]) -> dict[str, Any]:
    """Return the Avro schema of a payment, with more fields where asked."""
    simple = [(name, _AVRO_TYPES.get(kind, "string")) for name, kind in FIELDS.items() if "." not in name]
    merchant = [{"name": "mcc", "type": "string"}, {"name": "risk", "type": "double"}]
    fields: list[dict[str, Any]] = [
        {"name": "event_time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        *({"name": name, "type": kind} for name, kind in simple),
        {"name": "merchant", "type": {"type": "record", "name": "Merchant", "fields": merchant}},
        *extra,
    ]
    return {"type": "record", "name": "Payment", "fields": fields}


def _avro(schema: dict[str, Any], items: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    parsed = fastavro.parse_schema(schema)
    for item in items:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, {**item, "raw": b"x"})
        yield out.getvalue()


def _protobuf(file: Path, items: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    message = message_factory.GetMessageClass(compile_proto(file).message_types_by_name["Payment"])
    for item in items:
        yield message(**item).SerializeToString()


def _lines(items: Sequence[dict[str, Any]], quoting: Any) -> Iterator[bytes]:
    for item in items:
        flat = {**item, **{f"merchant.{name}": value for name, value in item["merchant"].items()}}
        out = io.StringIO()
        csv.writer(out, lineterminator="", quoting=quoting).writerow(
            str(flat[name]).lower() if name == "refund" else flat[name] for name in COLUMNS
        )
        yield out.getvalue().encode()


def _fetches(values: Sequence[bytes]) -> list[Fetch]:
    parts = [values[start : start + _SIZE] for start in range(0, len(values), _SIZE)]
    return [
        Fetch(
            TopicPartition("bench", 0),
            np.arange(len(part)),
            np.full(len(part), FIRST_MS + _AFTER_MS),
            pa.nulls(len(part), pa.binary()),
            pa.array(part, pa.binary()),
            None,
            len(part),
        )
        for part in parts
    ]


def cases(directory: Path, values: Sequence[bytes]) -> dict[str, tuple[Decoder, list[bytes]]]:
    """Return each format's decoder and the payments written in it."""
    items = [orjson.loads(value) for value in values]
    plain, with_bytes = avro_schema(), avro_schema({"name": "raw", "type": "bytes"})
    files = [directory / "plain.avsc", directory / "bytes.avsc"]
    for file, schema in zip(files, (plain, with_bytes), strict=True):
        file.write_text(json.dumps(schema))
    proto = directory / "payment.proto"
    proto.write_text(PROTO)
    lines = DelimitedSpec(columns=COLUMNS).build(PLAN)
    return {
        "json": (JsonSpec().build(PLAN), list(values)),
        "json, gzip, record by record": (
            JsonSpec(compression="gzip").build(PLAN),
            [gzip.compress(v, 6) for v in values],
        ),
        "avro": (AvroSpec(schema_file=files[0]).build(PLAN), list(_avro(plain, items))),
        "avro with bytes, record by record": (
            AvroSpec(schema_file=files[1]).build(PLAN),
            list(_avro(with_bytes, items)),
        ),
        "protobuf": (ProtobufSpec(schema_file=proto).build(PLAN), list(_protobuf(proto, items))),
        "msgpack, record by record": (MsgpackSpec().build(PLAN), [msgspec.msgpack.encode(item) for item in items]),
        "delimited": (lines, list(_lines(items, csv.QUOTE_MINIMAL))),
        "delimited, all quoted, record by record": (lines, list(_lines(items, csv.QUOTE_ALL))),
    }


def section(directory: Path, sizes: Sizes) -> Section:
    """Return one table: a row for each format."""
    n = sizes.records // 4
    title = "From bytes to columns, by format"
    units = {"format": "", "bytes": "B a record", "records/s": "records/s", "ratio to json": "×"}
    of = f"{n:,} records of 11 fields, CPU the least of {sizes.turns} turns, one thread"
    return Section([Table("formats", title, of, units, measure(directory, n, sizes.turns))])


def measure(directory: Path, records: int, repetitions: int) -> list[dict[str, Any]]:
    """Return records/s of each format, and as a ratio of JSON; `orjson.loads` alone, its results thrown away, too."""
    values = payments(records)
    spent_s = {
        "orjson.loads alone": best_cpu_s(lambda: [orjson.loads(value) and None for value in values], repetitions)
    }
    sizes = {"orjson.loads alone": len(values[0])}
    for name, (decoder, encoded) in cases(directory, values).items():
        fetches = _fetches(encoded)
        assert sum(len(decoder.decode(fetch).batch) for fetch in fetches) == records

        def work(decoder: Decoder = decoder, fetches: list[Fetch] = fetches) -> None:
            for fetch in fetches:
                decoder.decode(fetch)

        spent_s[name], sizes[name] = best_cpu_s(work, repetitions), len(encoded[0])
    return [
        {"format": name, "bytes": sizes[name], "records/s": records / spent, "ratio to json": spent_s["json"] / spent}
        for name, spent in spent_s.items()
    ]
