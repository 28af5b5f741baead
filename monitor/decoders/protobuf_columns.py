"""What a cut-down Protobuf message holds, as columns: timestamps and enumerations as what they mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.decoders.arrow_fields import arrow_columns, values_at
from monitor.decoders.protobuf_cut import ProtoSchema
from monitor.decoders.tokens import token_family
from monitor.decoders.typed import blank_column
from monitor.types import Column, FieldType, MaskArray, Presence

_EARLIEST_S, _LATEST_S = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999, which are all that a timestamp may be in."""


def proto_columns(rows: pa.StructArray, schema: ProtoSchema, fields: Mapping[str, FieldType]) -> dict[str, Column]:
    """Return the column of each asked path.

    A field that is not set is absent, as Protobuf has no null; one without presence (proto3) has its default
    then, and a repeated field that is empty, which is the same, is absent. An enumeration is its name, or the number
    of a value without one; in a number field always its number. A timestamp is a text of ISO 8601, in a number field
    milliseconds.
    """
    columns = {}
    for path, kind in fields.items():
        if path in schema.times:
            column = _times(rows, path, kind)
        elif path in schema.enums:
            column = _enum(rows, path, schema.enums[path])
        elif path in schema.paths:
            column = arrow_columns(rows, {schema.paths[path]: kind})[schema.paths[path]]
            if token_family(kind) == "vector":
                column.presence[_empty(rows, schema.paths[path])] = Presence.ABSENT
        else:
            column = blank_column(np.full(len(rows), Presence.ABSENT, np.uint8), kind)
        if (column.presence == Presence.NULL).any():
            presence = np.where(column.presence == Presence.NULL, Presence.ABSENT, column.presence).astype(np.uint8)
            column = Column(column.values, presence)
        columns[path] = column
    return columns


def _empty(rows: pa.StructArray, path: str) -> MaskArray:
    """Return the rows in which the repeated field at a path has no element; none where it is not repeated."""
    found = values_at(rows, path)
    if found is None or not pa.types.is_list(found[0].type):
        return np.zeros(len(rows), bool)
    return np.asarray(pc.equal(pc.list_value_length(found[0]), 0).fill_null(False))  # noqa: FBT003 - Arrow's signature


def _enum(rows: pa.StructArray, path: str, names: Mapping[int, str]) -> Column:
    """Return an enumeration's numbers as names."""
    numbers = arrow_columns(rows, {path: "number"})[path]
    codes = pa.array(np.asarray(numbers.values).astype(np.int64))
    index = pc.index_in(codes, value_set=pa.array(list(names), pa.int64()))
    texts = pa.array(list(names.values()), pa.string()).take(index)
    if texts.null_count:
        texts = pc.coalesce(texts, codes.cast(pa.string()))
    return Column(texts, numbers.presence)


def _times(rows: pa.StructArray, path: str, kind: FieldType) -> Column:
    """Return timestamps as milliseconds or as text."""
    names = f"{path}.seconds", f"{path}.nanos"
    columns = arrow_columns(rows, dict.fromkeys(names, "number"))
    seconds, nanos = (np.asarray(columns[name].values).astype(np.int64) for name in names)
    presence = columns[names[0]].presence.copy()
    plausible = (seconds >= _EARLIEST_S) & (seconds <= _LATEST_S) & (nanos >= 0) & (nanos < 10**9)
    presence[(presence == Presence.OK) & ~plausible] = Presence.WRONG_TYPE
    seconds, nanos = np.where(plausible, seconds, 0), np.where(plausible, nanos, 0)
    family = token_family(kind)
    if family == "number":
        if kind == "integer":
            return Column((seconds * 1000 + nanos // 10**6).astype(np.float64), presence)
        return Column(seconds * 1e3 + nanos / 1e6, presence)
    if family in ("boolean", "vector"):
        return blank_column(np.where(presence == Presence.OK, Presence.WRONG_TYPE, presence).astype(np.uint8), kind)
    moments = pa.array(seconds * 10**6 + nanos // 1000, pa.timestamp("us"))
    return Column(pc.strftime(moments, format="%Y-%m-%dT%H:%M:%SZ"), presence)
