"""Protobuf records to columns: ptars reads a batch straight into Arrow, with a message cut down to what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.message import DecodeError
from ptars import HandlerPool
from pydantic import Field, model_validator

from monitor.decoded import Decoded
from monitor.decoders.duck import Duck
from monitor.decoders.finishing import asked_fields, finish
from monitor.decoders.gzipped import Compression
from monitor.decoders.plan import DecodePlan
from monitor.decoders.protobuf_columns import proto_columns
from monitor.decoders.protobuf_cut import ProtoSchema, cut_down
from monitor.decoders.protobuf_frames import message_indexes
from monitor.decoders.protobuf_schema import (
    UnusableProtoError,
    compile_proto,
    compile_texts,
    load_descriptors,
    message_at,
    message_named,
)
from monitor.decoders.records import Sieve, sift_raw
from monitor.decoders.registry import Registered, RegistrySpec, SchemaRegistry
from monitor.decoders.runs import readable
from monitor.decoders.typed import joined
from monitor.decoders.unwrapping import Envelope, refuse_gzipped_frames, unwrapped
from monitor.decoders.wire import HEADER_BYTES, UNFRAMED, framed_ids, schema_ids
from monitor.errors import SurroundingsError
from monitor.protocols import Decoder
from monitor.spec import Spec
from monitor.types import Column, Fetch, FieldType, IntArray, MaskArray

_REASONS = ("", "not_framed", "schema_unknown", "schema_unsupported", "malformed")
_NOT_FRAMED, _UNKNOWN, _UNSUPPORTED, _MALFORMED = 1, 2, 3, 4
_LONGEST = 2**31 - 1
_DEEP_BYTES = 8 * 1024
"""A record so short cannot be nested so deeply (one byte a level) that the columnar reader overruns its stack."""


class ProtobufSpec(Spec):
    """One Protobuf message a record: framed with the id of a schema in a registry, or plain, with a file's schema."""

    kind: Literal["protobuf"] = "protobuf"
    schema_registry: RegistrySpec | None = None
    schema_file: Path | None = Field(
        None, description="A .proto file, or a descriptor set (protoc --include_imports --descriptor_set_out=FILE)."
    )
    message: str | None = Field(None, min_length=1, description="Full name; the file's first message if left out.")
    compression: Compression = "none"
    envelope: Envelope = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        """Refuse no schema and two of them, and what goes with a file only."""
        refuse_gzipped_frames(self.compression, self.schema_registry)
        if (self.schema_registry is None) == (self.schema_file is None):
            raise ValueError("either schema_registry, or schema_file for records without a schema id")
        if self.message is not None and self.schema_file is None:
            raise ValueError("message goes with schema_file: a framed record says which message it is")
        return self

    def build(self, plan: DecodePlan) -> Decoder:
        """Return a decoder for the fields of `plan`; use it from one thread.

        Raises SurroundingsError when `schema_file` or the registry's `ca_file` cannot be used.
        """
        registry = None if self.schema_registry is None else self.schema_registry.build()
        message = None if self.schema_file is None else _from_file(self.schema_file, self.message)
        build = partial(ProtobufDecoder, registry=registry, message=message)
        return unwrapped(build, plan, compression=self.compression, envelope=self.envelope)


class ProtobufDecoder:
    """Decodes Protobuf messages with the schema each was written with, to typed columns with honest types.

    Fields that are not asked for are skipped unread. Records over 8 KiB are parsed a second time, one by one, by
    Google's parser, which bounds how deeply groups nest: ptars 0.0.25 does not, and a megabyte of them ends the
    process. What a field means is said at `proto_columns`. Rejects: oversize, not_framed, schema_unknown,
    schema_unsupported, malformed, event_time_missing, event_time_invalid, event_time_ahead. Unknown fields
    are those of the schemas, without sampling.
    """

    def __init__(self, plan: DecodePlan, *, registry: SchemaRegistry | None, message: Descriptor | None) -> None:
        """Prepare for the fields of `plan`, written with the schemas of a registry or as one message."""
        self._plan = plan
        self._duck = Duck()
        self._fields = asked_fields(plan)
        self._known = {path.split(".", 1)[0] for path in self._fields}
        self._registry = registry
        self._message = None if message is None else _Reader.of(message, self._fields)
        self._files: dict[int, FileDescriptor | None] = {}
        self._readers: dict[tuple[int, ...], _Reader | None] = {}

    def prepare(self, fetch: Fetch) -> None:
        """Ask for every schema that `decode` will need, and compile the new ones; raises Retryable."""
        if self._registry is not None and len(fetch):
            for schema_id, schema in self._registry.schemas(framed_ids(fetch.values.drop_null())).items():
                if schema_id not in self._files:
                    self._files[schema_id] = _from_registry(schema)

    def decode(self, fetch: Fetch) -> Decoded:
        """Return the rows, rejects and filtered records of a fetch; never raises on bad data, and asks nobody."""
        sieve = Sieve(np.arange(len(fetch)))
        values = sift_raw(fetch.values, sieve, self._plan.max_record_bytes)
        faults = np.zeros(len(values), np.int32)
        parts: list[tuple[IntArray, Mapping[str, Column]]] = []
        unknown: set[str] = set()
        for key, rows in _groups(values) if self._registry is not None else [((), np.arange(len(values)))]:
            reader = self._reader(key) if key else self._message
            if isinstance(reader, int) or reader is None:
                faults[rows] = _UNSUPPORTED if reader is None else reader
                continue
            part = values.take(pa.array(rows)) if len(rows) < len(values) else values
            good, columns = reader.read(pc.binary_slice(part, key[1], _LONGEST) if key else part, self._fields)
            faults[rows[~good]] = _MALFORMED
            parts.append((rows[good], columns))
            unknown |= reader.schema.names - self._known
        sieve.reject_each(faults, _REASONS)
        columns = joined(parts, self._fields)
        return finish(self._duck, self._plan, fetch, sieve, columns, tuple(sorted(unknown)))

    def _reader(self, key: tuple[int, ...]) -> _Reader | int | None:
        """Return how to read the records of a group, or the fault of all of them; None: unsupported."""
        schema_id, _, *way = key
        if schema_id == UNFRAMED:
            return _NOT_FRAMED
        if schema_id not in self._files:
            return _UNKNOWN
        file = self._files[schema_id]
        if file is None:
            return None
        if way[0] < 0:
            return _MALFORMED
        name = (schema_id, *(number for number in way if number >= 0))
        if name not in self._readers:
            message = message_at(file, name[1:])
            if message is None:
                # Not remembered: garbage leads nowhere in any number of ways.
                return _MALFORMED
            self._readers[name] = _Reader.of(message, self._fields)
        return self._readers[name]


class _Reader:
    """Reads the records of one message."""

    def __init__(self, schema: ProtoSchema) -> None:
        self.schema = schema
        self._rows = HandlerPool([schema.descriptor.file]).get_for_message(schema.descriptor)
        self._parse = message_factory.GetMessageClass(schema.descriptor).FromString

    @classmethod
    def of(cls, message: Descriptor, fields: Mapping[str, FieldType]) -> Self | None:
        """Return the reader of a message, None when it cannot be cut down."""
        try:
            return cls(cut_down(message, fields))
        except UnusableProtoError:
            return None

    def read(self, values: pa.BinaryArray, fields: Mapping[str, FieldType]) -> tuple[MaskArray, dict[str, Column]]:
        """Return which values are messages, and their columns."""

        def read_batch(start: int, stop: int) -> pa.StructArray:
            return self._rows.array_to_record_batch(kept.slice(start, stop - start)).to_struct_array()

        deep = self._too_deep(values)
        kept = values.filter(pa.array(~deep)) if deep.any() else values
        good, rows = readable(len(kept), read_batch)
        if rows is None:
            rows = read_batch(0, 0)
        whole = ~deep
        whole[whole] = good
        return whole, proto_columns(rows, self.schema, fields)

    def _too_deep(self, values: pa.BinaryArray) -> MaskArray:
        """Return which values could bring the columnar reader down, and others that cannot be read either."""
        bad = np.zeros(len(values), bool)
        for row in np.flatnonzero(np.asarray(pc.binary_length(values)) > _DEEP_BYTES).tolist():
            bad[row] = not self._parses(values[row].as_py())
        return bad

    def _parses(self, value: bytes) -> Any:
        try:
            self._parse(value)
        except DecodeError:
            return False
        return True


def _groups(values: pa.BinaryArray) -> list[tuple[tuple[int, ...], IntArray]]:
    """Return the rows by schema id, length of what is before the body, and way to the message."""
    ids = schema_ids(values)
    ways, begins = message_indexes(values, HEADER_BYTES)
    # What is not framed has no way, and no two of its records need be alike.
    framed = ids != UNFRAMED
    begins[~framed], ways[~framed] = 0, -1
    keys = np.column_stack((ids, begins, ways))
    if not len(keys):
        return []
    if (keys == keys[0]).all():
        return [(tuple(keys[0].tolist()), np.arange(len(keys)))]
    distinct, group = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(group.reshape(-1), kind="stable")
    cuts = np.cumsum(np.bincount(group.reshape(-1), minlength=len(distinct)))[:-1]
    return list(zip(map(tuple, distinct.tolist()), np.split(order, cuts), strict=True))


def _from_file(path: Path, name: str | None) -> Descriptor:
    """Return the message in a file; raises SurroundingsError."""
    try:
        if path.suffix != ".proto":
            return message_named(load_descriptors(path.read_bytes()), name)
        return message_named(compile_proto(path), name)
    except (OSError, ValueError) as error:
        raise SurroundingsError(f"schema_file {path} cannot be used: {error}") from error


def _from_registry(schema: Registered) -> FileDescriptor | None:
    """Return a registered schema, None when it is not one to decode Protobuf with."""
    if schema.type != "PROTOBUF":
        return None
    try:
        return compile_texts(schema.documents[-1], dict(zip(schema.names, schema.documents[:-1], strict=True)))
    except UnusableProtoError:
        return None
