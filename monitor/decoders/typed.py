"""Columns from values whose type is already known to be right, and columns of nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from monitor.decoders.tokens import token_family
from monitor.decoders.vectors import blank_vectors
from monitor.inner_types import vector_dimension
from monitor.pending import concatenated
from monitor.types import Column, FieldType, FloatArray, IntArray, Presence, PresenceArray


def number_column(values: FloatArray, presence: PresenceArray, kind: FieldType) -> Column:
    """Return a column of numbers; what is not finite, or not whole in an integer field, is marked in `presence`."""
    finite = np.isfinite(values)
    if not finite.all():
        odd = ~finite & (presence == Presence.OK)
        presence[odd & np.isnan(values)] = Presence.NAN
        presence[odd & (values == np.inf)] = Presence.POSITIVE_INFINITY
        presence[odd & (values == -np.inf)] = Presence.NEGATIVE_INFINITY
    if kind == "integer":
        presence[(presence == Presence.OK) & (values != np.floor(values))] = Presence.WRONG_TYPE
    return Column(values, presence)


def blank_column(presence: PresenceArray, kind: FieldType) -> Column:
    """Return a column without usable values, of which `presence` says why."""
    n, dimension = len(presence), vector_dimension(kind)
    if dimension is not None:
        return blank_vectors(presence, dimension)
    values = np.zeros(n) if token_family(kind) == "number" else pa.repeat(pa.scalar(""), n)
    return Column(values, presence)


def empty_columns(fields: Mapping[str, FieldType]) -> dict[str, Column]:
    """Return columns without rows."""
    return {path: blank_column(np.empty(0, np.uint8), kind) for path, kind in fields.items()}


def joined(
    parts: Sequence[tuple[IntArray, Mapping[str, Column]]], fields: Mapping[str, FieldType]
) -> dict[str, Column]:
    """Return one set of columns from parts, each given with the positions of its rows, in order of position."""
    if not parts:
        return empty_columns(fields)
    if len(parts) == 1:
        return dict(parts[0][1])
    order = np.argsort(np.concatenate([rows for rows, _ in parts]), kind="stable")
    return {path: concatenated([columns[path] for _, columns in parts]).take(order) for path in fields}
