"""The same logical records in every format, and fetches of them."""

from __future__ import annotations

import csv
import io
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import fastavro
import msgspec
import numpy as np
import pyarrow as pa
from google.protobuf import message_factory
from google.protobuf.descriptor import FileDescriptor

from monitor.decoded import Decoded
from monitor.decoders.preparing import prepare
from monitor.protocols import Decoder
from monitor.types import Column, Fetch, TopicPartition

NOW_MS = 1_763_700_000_000
FIELDS = {
    "id": "text",
    "at": "number",
    "amount": "number",
    "count": "integer",
    "country": "category",
    "merchant.mcc": "category",
    "merchant.risk": "number",
    "refund": "boolean",
}
COLUMNS = tuple(FIELDS)

Record = dict[str, Any]


def decoded_by(decoder: Decoder, fetch: Fetch) -> Decoded:
    """Return what a decoder makes of a fetch that it was prepared for."""
    prepare(decoder, fetch)
    return decoder.decode(fetch)


def fetch_of(values: Sequence[bytes | None], *, timestamps_ms: int = NOW_MS, first: int = 0) -> Fetch:
    """Return values as a fetch of consecutive offsets."""
    n = len(values)
    return Fetch(
        TopicPartition("t", 0),
        np.arange(first, first + n),
        np.full(n, timestamps_ms),
        pa.array([f"k{i}".encode() for i in range(n)], pa.binary()),
        pa.array(values, pa.binary()),
        [(("h", f"v{i}".encode()),) for i in range(n)],
        first + n,
    )


def record(i: int, **changes: Any) -> Record:
    """Return a good record."""
    base: Record = {
        "id": f"tx-{i}-é",
        "at": NOW_MS + i,
        "amount": i * 1.25 - 3,
        "count": i,
        "country": ("DE", "FR", "US")[i % 3],
        "merchant": {"mcc": str(5000 + i), "risk": i / 100},
        "refund": i % 2 == 0,
    }
    return {**base, **changes}


def framed(schema_id: int, body: bytes) -> bytes:
    """Return a record in Confluent's framing."""
    return b"\0" + struct.pack(">I", schema_id) + body


_ANY = ["null", "string", "double", "boolean", "long", {"type": "array", "items": "long"}]


def nullable(kind: Any) -> list[Any]:
    """Return the Avro type of values that may be null."""
    return ["null", kind]


AVRO = {
    "type": "record",
    "name": "Payment",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": nullable("string")},
        {"name": "at", "type": nullable({"type": "long", "logicalType": "timestamp-millis"})},
        {"name": "amount", "type": nullable("double")},
        {"name": "count", "type": nullable("long")},
        {"name": "country", "type": nullable({"type": "enum", "name": "Country", "symbols": ["DE", "FR", "US"]})},
        {
            "name": "merchant",
            "type": nullable(
                {
                    "type": "record",
                    "name": "Merchant",
                    "fields": [
                        {"name": "mcc", "type": nullable("string")},
                        {"name": "risk", "type": nullable("double")},
                    ],
                }
            ),
        },
        {"name": "refund", "type": nullable("boolean")},
    ],
}
"""A schema that the columnar reader can read."""

LOOSE_AVRO = {
    "type": "record",
    "name": "Payment",
    "fields": [{"name": name, "type": _ANY} for name in ("id", "at", "amount", "count", "country", "refund")]
    + [{"name": "merchant", "type": [*_ANY, AVRO["fields"][5]["type"][1]]}],
}
"""A schema with general unions, for which the other reader is used and any value may have any type."""
BYTES_AVRO = {
    "type": "record",
    "name": "B",
    "fields": [
        {"name": "at", "type": "long"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "id", "type": {"type": "map", "values": {"type": "array", "items": "string"}}},
        {"name": "count", "type": {"type": "fixed", "name": "F", "size": 3}},
    ],
}
"""What only the reader of single records takes: decimals, maps of lists, fixed bytes."""


def avro(schema: Any) -> Callable[[Mapping[str, Any]], bytes]:
    """Return the writer of a schema; fields that a record does not have are null."""
    parsed = fastavro.parse_schema(json.loads(json.dumps(schema)))
    for field in parsed["fields"]:
        if isinstance(field["type"], list):
            field["default"] = None

    def write(item: Mapping[str, Any]) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, dict(item))
        return out.getvalue()

    return write


PROTO = """
syntax = "proto3";
package shop;
enum Country { DE = 0; FR = 1; US = 2; }
message Other { int32 x = 1; }
message Payment {
  message Merchant { optional string mcc = 1; optional double risk = 2; }
  optional string id = 1;
  optional int64 at = 2;
  optional double amount = 3;
  optional int64 count = 4;
  optional Country country = 5;
  Merchant merchant = 6;
  optional bool refund = 7;
}
"""


def proto_class(file: FileDescriptor, name: str) -> Any:
    """Return the class of a file's message."""
    return message_factory.GetMessageClass(file.message_types_by_name[name])


def proto(file: FileDescriptor, name: str = "Payment") -> Callable[[Mapping[str, Any]], bytes]:
    """Return the writer of a message; what is None is not set."""
    made = proto_class(file, name)

    def write(item: Mapping[str, Any]) -> bytes:
        return bytes(made(**{key: value for key, value in item.items() if value is not None}).SerializeToString())

    return write


def as_json(item: Any) -> bytes:
    """Return a record as JSON, NaN and Infinity included."""
    return json.dumps(item, ensure_ascii=False).encode()


def as_msgpack(item: Any) -> bytes:
    """Return a record as MessagePack."""
    return msgspec.msgpack.encode(item)


def as_csv(item: Mapping[str, Any]) -> bytes:
    """Return a record as one line; null and absent are both empty."""
    flat = {**{k: v for k, v in item.items() if k != "merchant"}}
    for name, value in (item.get("merchant") or {}).items():
        flat[f"merchant.{name}"] = value
    cells = [flat.get(name) for name in COLUMNS]
    texts = ["" if c is None else str(c).lower() if isinstance(c, bool) else str(c) for c in cells]
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(texts)
    return out.getvalue().encode()


def usable(column: Column) -> list[Any]:
    """Return the usable values as Python objects."""
    return column.valid.tolist() if isinstance(column.valid, np.ndarray) else column.valid.to_pylist()


def told(decoded: Decoded) -> dict[str, Any]:
    """Return everything a decoder says about a fetch except the unknown fields, comparable."""
    batch = decoded.batch
    return {
        "offsets": batch.offsets.tolist(),
        "times": batch.event_times_ms.tolist(),
        "presence": {path: column.presence.tolist() for path, column in batch.columns.items()},
        "values": {path: usable(column) for path, column in batch.columns.items()},
        "rejects": list(zip(decoded.rejects.index.tolist(), decoded.rejects.reasons, strict=True)),
        "filtered": decoded.filtered,
    }


def balanced(fetch: Fetch, decoded: Decoded) -> bool:
    """Return whether every record is exactly one of row, reject and filtered, and all columns are as long."""
    rows = len(decoded.batch)
    lengths = {len(c.presence) for c in decoded.batch.columns.values()} | {
        len(c.values) for c in decoded.batch.columns.values()
    }
    apart = not set(fetch.offsets[decoded.rejects.index]) & set(decoded.batch.offsets)
    return lengths <= {rows} and apart and len(fetch) == rows + len(decoded.rejects) + decoded.filtered
