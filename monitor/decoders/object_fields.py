"""Fields of Python objects as columns with honest presences: the way for formats that no library reads into Arrow.

A value's type is taken from the object, column by column and in C (`map(type, values)`); only a column that
holds something other than its own type is gone through value by value.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.decoders.tokens import token_family
from monitor.decoders.typed import number_column
from monitor.decoders.vectors import object_vectors
from monitor.inner_types import vector_dimension
from monitor.types import Column, FieldType, Presence


class Missing:
    """The type of what is not there, told apart from None, which is."""

    __slots__ = ()


MISSING = Missing()
_FITTING: dict[str, frozenset[type]] = {
    "number": frozenset({int, float, Decimal}),
    "boolean": frozenset({bool}),
    "text": frozenset({str, datetime}),
    "vector": frozenset({list}),
}
_FILLER: dict[str, Any] = {"number": 0.0, "boolean": False, "text": "", "vector": []}
_NOTHING = {type(None): Presence.NULL, Missing: Presence.ABSENT}


def picked(objects: list[Any], name: str) -> list[Any]:
    """Return the value under `name` of each object; MISSING where there is none or it is no object."""
    return [item.get(name, MISSING) if type(item) is dict else MISSING for item in objects]


def object_column(values: list[Any], kind: FieldType) -> Column:
    """Return a column of `values`: None is null, MISSING absent, a value of another type a wrong type.

    Numbers are int, float and Decimal, kept as float64; a bool is not a number. A vector is a list of them. A time is
    the text that ISO 8601 makes of it.
    """
    family = token_family(kind)
    fitting = _FITTING[family]
    types = set(map(type, values))
    presence = np.zeros(len(values), np.uint8)
    if not types <= fitting:
        meaning = {t: Presence.OK if t in fitting else _NOTHING.get(t, Presence.WRONG_TYPE) for t in types}
        presence = np.fromiter(map(meaning.__getitem__, map(type, values)), np.uint8, len(values))
        filler = _FILLER[family]
        values = [value if type(value) in fitting else filler for value in values]
    dimension = vector_dimension(kind)
    if dimension is not None:
        return object_vectors(values, presence, dimension, _FITTING["number"])
    if family == "number":
        return number_column(np.array(values, np.float64), presence, kind)
    if family == "boolean":
        return Column(pa.array(values, pa.bool_()).cast(pa.string()), presence)
    if datetime in types:
        values = [value.isoformat() if type(value) is datetime else value for value in values]
    return Column(pa.array(values, pa.string()), presence)
