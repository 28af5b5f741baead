"""Avro records to columns: pyruhvro reads a batch straight into Arrow, fastavro what that cannot read."""

from __future__ import annotations

from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, Self

import fastavro
import numpy as np
import pyarrow as pa
import pyruhvro
from pydantic import Field, model_validator

from monitor.decoded import Decoded
from monitor.decoders.arrow_fields import arrow_columns
from monitor.decoders.avro_schema import AvroSchema, UnusableSchemaError, parse_schema
from monitor.decoders.duck import Duck
from monitor.decoders.finishing import asked_fields, finish
from monitor.decoders.gzipped import Compression
from monitor.decoders.object_fields import object_column, picked
from monitor.decoders.plan import DecodePlan
from monitor.decoders.records import Sieve, sift_raw
from monitor.decoders.registry import Registered, RegistrySpec, SchemaRegistry
from monitor.decoders.runs import readable
from monitor.decoders.typed import joined
from monitor.decoders.unwrapping import Envelope, refuse_gzipped_frames, unwrapped
from monitor.decoders.wire import UNFRAMED, bodies, framed_ids, schema_ids
from monitor.errors import SurroundingsError
from monitor.protocols import Decoder
from monitor.spec import Spec
from monitor.types import Column, Fetch, IntArray

_REASONS = ("", "not_framed", "schema_unknown", "schema_unsupported", "not_object", "malformed")
_NOT_FRAMED, _UNKNOWN, _UNSUPPORTED, _NOT_OBJECT, _MALFORMED = 1, 2, 3, 4, 5


class AvroSpec(Spec):
    """One Avro record each: framed with the id of a schema in a registry, or plain with the schema of a file."""

    kind: Literal["avro"] = "avro"
    schema_registry: RegistrySpec | None = None
    schema_file: Path | None = Field(None, description="JSON file (.avsc) of the one schema of unframed records.")
    compression: Compression = "none"
    envelope: Envelope = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        """Refuse no schema and two of them, and compression with a registry."""
        refuse_gzipped_frames(self.compression, self.schema_registry)
        if (self.schema_registry is None) == (self.schema_file is None):
            raise ValueError("either schema_registry, or schema_file for records without a schema id")
        return self

    def build(self, plan: DecodePlan) -> Decoder:
        """Return a decoder for the fields of `plan`; use it from one thread.

        Raises SurroundingsError when `schema_file` or the registry's `ca_file` cannot be used.
        """
        registry = None if self.schema_registry is None else self.schema_registry.build()
        schema = None if self.schema_file is None else _from_file(self.schema_file)
        build = partial(AvroDecoder, registry=registry, schema=schema)
        return unwrapped(build, plan, compression=self.compression, envelope=self.envelope)


class AvroDecoder:
    """Decodes Avro records with the schema each was written with, to typed columns with honest types.

    A schema that pyruhvro cannot read (bytes, fixed, decimals, general unions) goes record by
    record through fastavro, which is some forty times slower. Logical types count as what they are on the
    wire, except decimals, which are numbers; an enumeration is a text. Bytes after a record's end are not
    looked at. A field that the writer's schema does not have is absent. Rejects: oversize, not_framed,
    schema_unknown, schema_unsupported, not_object (the schema is no record), malformed, event_time_missing,
    event_time_invalid, event_time_ahead. Unknown fields are those of the schemas, without sampling.
    """

    def __init__(self, plan: DecodePlan, *, registry: SchemaRegistry | None, schema: AvroSchema | None) -> None:
        """Prepare for the fields of `plan`, written with the schemas of a registry or with one that is given."""
        self._plan = plan
        self._duck = Duck()
        self._fields = asked_fields(plan)
        self._known = {path.split(".", 1)[0] for path in self._fields}
        self._schemas: dict[int, AvroSchema | None] = {}
        self._registry = registry
        if schema is not None:
            self._schemas[UNFRAMED] = schema

    def prepare(self, fetch: Fetch) -> None:
        """Ask for every schema that `decode` will need; raises Retryable while the registry does not answer."""
        if self._registry is not None and len(fetch):
            self._registry.schemas(framed_ids(fetch.values.drop_null()))

    def decode(self, fetch: Fetch) -> Decoded:
        """Return the rows, rejects and filtered records of a fetch; never raises on bad data, and asks nobody."""
        sieve = Sieve(np.arange(len(fetch)))
        values = sift_raw(fetch.values, sieve, self._plan.max_record_bytes)
        faults = np.zeros(len(values), np.int32)
        parts: list[tuple[IntArray, dict[str, Column]]] = []
        unknown: set[str] = set()
        ids = schema_ids(values) if self._registry is not None else np.full(len(values), UNFRAMED, np.int64)
        distinct, group = np.unique(ids, return_inverse=True)
        for number, schema_id in enumerate(distinct.tolist()):
            rows = np.flatnonzero(group == number)
            fault, schema = self._schema(schema_id)
            if schema is None:
                faults[rows] = fault
                continue
            part = values.take(pa.array(rows)) if len(rows) < len(values) else values
            good, columns = self._read(schema, bodies(part) if schema_id != UNFRAMED else part)
            faults[rows[~good]] = _MALFORMED
            parts.append((rows[good], columns))
            unknown |= {field["name"] for field in schema.parsed["fields"]} - self._known
        sieve.reject_each(faults, _REASONS)
        columns = joined(parts, self._fields)
        return finish(self._duck, self._plan, fetch, sieve, columns, tuple(sorted(unknown)))

    def _schema(self, schema_id: int) -> tuple[int, AvroSchema | None]:
        """Return the schema to read with, or None and the fault of all its records."""
        if schema_id not in self._schemas:
            known = {} if self._registry is None else self._registry.known([schema_id])
            if schema_id not in known:
                return (_NOT_FRAMED if schema_id == UNFRAMED else _UNKNOWN), None
            self._schemas[schema_id] = _from_registry(known[schema_id])
        schema = self._schemas[schema_id]
        if schema is None:
            return _UNSUPPORTED, None
        return (0, schema) if schema.is_record else (_NOT_OBJECT, None)

    def _read(self, schema: AvroSchema, values: pa.BinaryArray) -> tuple[np.ndarray[Any, Any], dict[str, Column]]:
        """Return which values are records of `schema`, and their columns."""
        records = values.to_pylist()
        good = np.zeros(len(records), bool)
        if schema.columnar is None:
            read = [_read_one(schema.parsed, record) for record in records]
            good[:] = [item is not None for item in read]
            return good, self._picked([item for item in read if item is not None])
        columnar = schema.columnar

        def read_batch(start: int, stop: int) -> pa.StructArray:
            batch = pyruhvro.deserialize_array(records[start:stop], columnar)
            # Not idle: the reader takes bytes that are not UTF-8 for a text.
            batch.validate(full=True)
            return batch.to_struct_array()

        good, rows = readable(len(records), read_batch)
        return good, self._picked([]) if rows is None else arrow_columns(rows, self._fields)

    def _picked(self, read: list[Any]) -> dict[str, Column]:
        """Return the columns of records that are Python objects."""
        columns = {}
        for path, kind in self._fields.items():
            values = read
            for name in path.split("."):
                values = picked(values, name)
            columns[path] = object_column(values, kind)
        return columns


def _read_one(schema: Any, record: bytes) -> Any:
    """Return one record as a dictionary, None if it cannot be read."""
    try:
        return fastavro.schemaless_reader(BytesIO(record), schema, None)
    except (ValueError, EOFError, LookupError, ArithmeticError, TypeError, RecursionError, MemoryError):
        # fastavro checks nothing beforehand: a bad record fails as whatever it runs into.
        return None


def _from_file(path: Path) -> AvroSchema:
    """Return the schema in a file; raises SurroundingsError."""
    try:
        return parse_schema([path.read_text(encoding="utf-8")])
    except (OSError, ValueError) as error:
        raise SurroundingsError(f"schema_file {path} cannot be used: {error}") from error


def _from_registry(schema: Registered) -> AvroSchema | None:
    """Return a registered schema, None when it is not one to decode Avro with."""
    if schema.type != "AVRO":
        return None
    try:
        return parse_schema(schema.documents)
    except UnusableSchemaError:
        return None
