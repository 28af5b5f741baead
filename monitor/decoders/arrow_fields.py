"""Fields of Arrow structs, which carry their own types, as columns with honest presences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.decoders.tokens import token_family
from monitor.decoders.typed import blank_column, number_column
from monitor.decoders.vectors import is_list_of_numbers, list_column
from monitor.inner_types import vector_dimension
from monitor.types import Column, FieldType, MaskArray, Presence


def arrow_columns(rows: pa.StructArray, fields: Mapping[str, FieldType]) -> dict[str, Column]:
    """Return the column of each dotted path; a step leads into a struct or to the key of a map.

    A path that leads nowhere, and a field of a null parent, are absent. A `number` is a float64, so
    integers are exact to 2^53. Bytes and structs are a wrong type, and so are lists, but of numbers in a vector field.
    """
    return {path: _column(rows, path, kind) for path, kind in fields.items()}


def values_at(rows: pa.StructArray, path: str) -> tuple[pa.Array, MaskArray] | None:
    """Return the values at a path and which rows have none; None where no row can have one."""
    values: pa.Array = rows
    absent = np.zeros(len(rows), bool)
    for name in path.split("."):
        step = _step(values, name)
        if step is None:
            return None
        values, nowhere = step
        absent |= nowhere
    return values, absent


def _column(rows: pa.StructArray, path: str, kind: FieldType) -> Column:
    found = values_at(rows, path)
    if found is None:
        return blank_column(np.full(len(rows), Presence.ABSENT, np.uint8), kind)
    values, absent = found
    presence = np.zeros(len(rows), np.uint8)
    if values.null_count:
        presence[np.asarray(values.is_null())] = Presence.NULL
    presence[absent] = Presence.ABSENT
    if not _fits(values.type, kind):
        presence[presence == Presence.OK] = Presence.WRONG_TYPE
        return blank_column(presence, kind)
    dimension = vector_dimension(kind)
    if dimension is not None:
        return list_column(values, presence, dimension)
    if token_family(kind) == "number":
        # Not safe: integers beyond 2^53 are rounded, as they are when they are read from JSON.
        numbers = values.cast(pa.float64(), safe=False)
        return number_column(np.asarray(numbers.fill_null(0.0) if numbers.null_count else numbers), presence, kind)
    texts = values.cast(pa.string())
    return Column(texts.fill_null("") if texts.null_count else texts, presence)


def _step(values: pa.Array, name: str) -> tuple[pa.Array, MaskArray] | None:
    """Return the values one name further down and where there is none; None when there cannot be any."""
    if pa.types.is_struct(values.type):
        index = values.type.get_field_index(name)
        return None if index < 0 else (pc.struct_field(values, index), np.asarray(values.is_null()))
    if pa.types.is_map(values.type) and pa.types.is_string(values.type.key_type):
        found = pc.map_lookup(values, name, "all")
        return pc.map_lookup(values, name, "first"), np.asarray(found.is_null())
    return None


def _fits(arrow: pa.DataType, kind: FieldType) -> bool:
    """Return whether all values of an Arrow type are of a field's type."""
    family = token_family(kind)
    if family == "vector":
        return is_list_of_numbers(arrow)
    if family == "number":
        return bool(pa.types.is_integer(arrow) or pa.types.is_floating(arrow) or pa.types.is_decimal(arrow))
    return bool(pa.types.is_boolean(arrow) if family == "boolean" else pa.types.is_string(arrow))
