"""Settings that any format may have around it: values that are gzipped, rows inside an envelope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BeforeValidator, Field

from monitor.decoded import Decoded, Rejects
from monitor.decoders.gzipped import Compression, Gunzipped
from monitor.decoders.parts import part_of
from monitor.decoders.plan import DecodePlan, EventTimePlan
from monitor.decoders.preparing import prepare
from monitor.protocols import Decoder
from monitor.spec import Spec
from monitor.types import Column, Fetch, FieldType, MaskArray

_WITHOUT_ROW = pa.array(["d", "t", "m"])
"""Debezium's operations that carry no row after them: delete, truncate, message."""
_TIMELESS = "event_time_missing"
_OUTER = "envelope"


class EnvelopeSpec(Spec):
    """Where the row stands in a record; a field path `envelope.NAME` means NAME beside the row instead.

    With `operation`, the path of Debezium's `op`, records that carry no row (delete, truncate, message) are
    filtered, as tombstones are.
    """

    path: str = Field(min_length=1, examples=["payload", "payload.after"])
    operation: str | None = Field(None, min_length=1, examples=["payload.op"])


_NAMED = {
    "debezium": {"path": "after", "operation": "op"},
    "debezium_with_schema": {"path": "payload.after", "operation": "payload.op"},
}


EnvelopeName = Literal["debezium", "debezium_with_schema"]


def _named(value: Any) -> Any:
    """Return the envelope that a name stands for; anything else unchanged."""
    return _NAMED.get(value, value) if isinstance(value, str) else value


Envelope = Annotated[
    EnvelopeSpec | None, BeforeValidator(_named, json_schema_input_type=EnvelopeSpec | EnvelopeName | None)
]
"""An envelope, or the name of one: `debezium` (bare, as in Avro), `debezium_with_schema` (as in JSON with schemas)."""


def refuse_gzipped_frames(compression: Compression, registry: object) -> None:
    """Refuse what no serializer writes: a schema's id inside, or before, a compressed value; raises ValueError."""
    if compression != "none" and registry is not None:
        raise ValueError("compression goes with values without a schema id: leave out schema_registry or compression")


def unwrapped(
    build: Callable[[DecodePlan], Decoder],
    plan: DecodePlan,
    *,
    compression: Compression = "none",
    envelope: EnvelopeSpec | None = None,
) -> Decoder:
    """Return the decoder that `build` gives for `plan`, with what is around the rows taken away."""
    decoder = build(plan) if envelope is None else Enveloped(build, plan, envelope)
    return decoder if compression == "none" else Gunzipped(decoder, plan.max_record_bytes)


class Enveloped:
    """Decodes rows that stand inside an envelope, by asking another decoder for longer paths.

    Rejects are the inner decoder's. Unknown fields are not looked for: they would be the envelope's.
    """

    def __init__(self, build: Callable[[DecodePlan], Decoder], plan: DecodePlan, spec: EnvelopeSpec) -> None:
        """Build the inner decoder for the fields of `plan` where they really are."""
        self._operation = spec.operation
        self._inside = {path: _inside(spec.path, path) for path in plan.payload_fields}
        fields: dict[str, FieldType] = {self._inside[path]: kind for path, kind in plan.payload_fields.items()}
        time = plan.event_time
        if time.path is not None and not time.path.startswith("$"):
            time = replace(time, path=_inside(spec.path, time.path))
        self._record_fields = tuple(plan.record_fields)
        asked: dict[str, FieldType] = {**fields, **plan.record_fields}
        self._operations = None
        if spec.operation is not None:
            asked.setdefault(spec.operation, "category")
            only = replace(plan, fields={spec.operation: "category"}, event_time=EventTimePlan())
            self._operations = build(only)
        self._inner = build(replace(plan, fields=asked, event_time=time))

    def prepare(self, fetch: Fetch) -> None:
        """Ask for what the inner decoders need; raises Retryable."""
        prepare(self._inner, fetch)
        if self._operations is not None:
            prepare(self._operations, fetch)

    def decode(self, fetch: Fetch) -> Decoded:
        """Return the rows, rejects and filtered records of a fetch; never raises on bad data."""
        decoded = self._inner.decode(fetch)
        batch, rejects, filtered = decoded.batch, decoded.rejects, decoded.filtered
        if self._operation is not None:
            gone = _without_row(batch.columns[self._operation])
            if gone.any():
                batch, filtered = batch.take(np.flatnonzero(~gone)), filtered + int(gone.sum())
            rejects = self._with_row(fetch, rejects)
            filtered += len(decoded.rejects) - len(rejects)
        columns = {path: batch.columns[inside] for path, inside in self._inside.items()}
        columns |= {path: batch.columns[path] for path in self._record_fields}
        return Decoded(replace(batch, columns=columns), rejects, filtered)

    def _with_row(self, fetch: Fetch, rejects: Rejects) -> Rejects:
        """Return the rejects without the records that have no event time because they carry no row."""
        timeless = np.array([reason == _TIMELESS for reason in rejects.reasons], bool)
        if self._operation is None or self._operations is None or not timeless.any():
            return rejects
        rows = rejects.index[timeless]
        part = replace(
            part_of(fetch, rows, fetch.values.take(pa.array(rows))), timestamps_ms=np.ones(len(rows), np.int64)
        )
        found = self._operations.decode(part).batch
        gone = found.offsets[_without_row(found.columns[self._operation])]
        keep = ~(timeless & np.isin(fetch.offsets[rejects.index], gone))
        return Rejects(rejects.index[keep], tuple(np.array(rejects.reasons, object)[keep]))


def _inside(row: str, path: str) -> str:
    """Return where a field of the row stands in the record; `envelope.NAME` is NAME beside the row."""
    first, _, rest = path.partition(".")
    if first != _OUTER or not rest:
        return f"{row}.{path}"
    beside = row.rpartition(".")[0]
    return f"{beside}.{rest}" if beside else rest


def _without_row(operation: Column) -> MaskArray:
    """Return the rows whose operation carries no row."""
    mask: MaskArray = operation.ok & np.asarray(pc.is_in(operation.values, value_set=_WITHOUT_ROW))
    return mask
