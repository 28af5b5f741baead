"""The same payments in every format, from bytes to columns, beside `orjson.loads` alone on the JSON."""

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

from monitor.decoders import AvroSpec, DecodePlan, DelimitedSpec, EventTimePlan, JsonSpec, MsgpackSpec
from monitor.decoders.json import JsonDecoder
from monitor.decoders.unwrapping import unwrapped
from monitor.protocols import Decoder
from monitor.types import Fetch, FieldType, TopicPartition
from tests.bench.records import FIRST_MS, payments
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
    lines = DelimitedSpec(columns=COLUMNS).build(PLAN)
    return {
        "json": (JsonSpec().build(PLAN), list(values)),
        "json, gzip": (unwrapped(JsonDecoder, PLAN, compression="gzip"), [gzip.compress(v, 6) for v in values]),
        "avro": (AvroSpec(schema_file=files[0]).build(PLAN), list(_avro(plain, items))),
        "avro with bytes, record by record": (
            AvroSpec(schema_file=files[1]).build(PLAN),
            list(_avro(with_bytes, items)),
        ),
        "msgpack": (MsgpackSpec().build(PLAN), [msgspec.msgpack.encode(item) for item in items]),
        "delimited": (lines, list(_lines(items, csv.QUOTE_MINIMAL))),
        "delimited, all quoted": (lines, list(_lines(items, csv.QUOTE_ALL))),
    }


def measure(directory: Path, records: int, repetitions: int) -> list[dict[str, Any]]:
    """Return records/s of each format, and as a ratio of `orjson.loads` of the same records as JSON."""
    values = payments(records)
    yardstick_s = best_cpu_s(lambda: [orjson.loads(value) and None for value in values], repetitions)
    rows = [{"format": "orjson.loads alone", "bytes": len(values[0]), "records/s": records / yardstick_s, "ratio": 1.0}]
    for name, (decoder, encoded) in cases(directory, values).items():
        fetches = _fetches(encoded)
        assert sum(len(decoder.decode(fetch).batch) for fetch in fetches) == records

        def work(decoder: Decoder = decoder, fetches: list[Fetch] = fetches) -> None:
            for fetch in fetches:
                decoder.decode(fetch)

        spent_s = best_cpu_s(work, repetitions)
        rows.append(
            {
                "format": name,
                "bytes": len(encoded[0]),
                "records/s": records / spent_s,
                "ratio": yardstick_s / spent_s,
            }
        )
    return rows
