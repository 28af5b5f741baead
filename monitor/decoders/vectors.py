"""Columns of vectors, from Arrow lists and from Python lists, with honest presences and no loop over rows."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.types import Column, FloatArray, IntArray, Presence, PresenceArray


def vector_column(vectors: FloatArray, rows: IntArray, presence: PresenceArray) -> Column:
    """Return a column in which row `rows[i]` is `vectors[i]`; one with a NaN or an infinity is marked as such.

    Other rows are zeros; `presence` says why, and is changed. Of a NaN and an infinity in one vector the NaN
    counts, of two infinities the positive one.
    """
    finite = np.isfinite(vectors)
    if not finite.all():
        odd = np.flatnonzero(~finite.all(axis=1))
        found = vectors[odd]
        kinds = (Presence.NAN, Presence.POSITIVE_INFINITY)
        why = np.select([np.isnan(found).any(axis=1), (found == np.inf).any(axis=1)], kinds, Presence.NEGATIVE_INFINITY)
        presence[rows[odd]] = why
    if len(rows) == len(presence):
        return Column(vectors, presence)
    values = np.zeros((len(presence), vectors.shape[1]))
    values[rows] = vectors
    return Column(values, presence)


def blank_vectors(presence: PresenceArray, dimension: int) -> Column:
    """Return a column without usable vectors, of which `presence` says why; it takes no memory a row."""
    return Column(np.broadcast_to(np.zeros(1), (len(presence), dimension)), presence)


def is_list_of_numbers(kind: pa.DataType) -> bool:
    """Return whether an Arrow type is a list, of any or of a fixed length, of numbers."""
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return False
    inner = kind.value_type
    return bool(pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_decimal(inner))


def list_column(lists: pa.Array, presence: PresenceArray, dimension: int) -> Column:
    """Return the column of Arrow lists of numbers, of which `presence` says already which are not usable.

    A list of another length, or with a null in it, is a wrong type. Integers are exact to 2^53.
    """
    usable = presence == Presence.OK
    if lists.null_count:
        presence[usable & np.asarray(lists.is_null())] = Presence.NULL
    fits = np.asarray(pc.equal(pc.list_value_length(lists), dimension).fill_null(False))  # noqa: FBT003 - Arrow's
    presence[(presence == Presence.OK) & ~fits] = Presence.WRONG_TYPE
    rows = np.flatnonzero(presence == Presence.OK)
    kept = lists if len(rows) == len(lists) else lists.take(pa.array(rows))
    numbers = kept.flatten().cast(pa.float64(), safe=False)
    if numbers.null_count:
        whole = np.asarray(np.asarray(numbers.is_valid()).reshape(-1, dimension).all(axis=1))
        presence[rows[~whole]] = Presence.WRONG_TYPE
        rows = rows[whole]
        numbers = numbers.filter(pa.array(np.repeat(whole, dimension)))
    return vector_column(np.asarray(numbers).reshape(-1, dimension), rows, presence)


def object_vectors(values: list[Any], presence: PresenceArray, dimension: int, numbers: frozenset[type]) -> Column:
    """Return the column of Python values, of which `presence` says already which are no lists.

    A list of another length, or with an element of a type that is not among `numbers`, is a wrong type.
    """
    rows = np.flatnonzero(presence == Presence.OK)
    lists = [values[row] for row in rows.tolist()] if len(rows) < len(values) else values
    lengths = np.fromiter(map(len, lists), np.int64, len(lists))
    if (lengths != dimension).any():
        presence[rows[lengths != dimension]] = Presence.WRONG_TYPE
        kept = np.flatnonzero(lengths == dimension)
        rows, lists = rows[kept], [lists[i] for i in kept.tolist()]
    types = set(map(type, chain.from_iterable(lists)))
    if not types <= numbers:
        meaning = {kind: kind in numbers for kind in types}
        told = map(meaning.__getitem__, map(type, chain.from_iterable(lists)))
        whole = np.fromiter(told, np.bool_, len(rows) * dimension).reshape(-1, dimension).all(axis=1)
        presence[rows[~whole]] = Presence.WRONG_TYPE
        rows, lists = rows[whole], [lists[i] for i in np.flatnonzero(whole).tolist()]
    flat = np.fromiter(chain.from_iterable(lists), np.float64, len(rows) * dimension)
    return vector_column(flat.reshape(-1, dimension), rows, presence)
