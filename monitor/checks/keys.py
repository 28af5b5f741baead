"""What makes a row's key: one stable hash for the values of one or more fields, and whether they are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.hashing import HashArray, hash_numbers, hash_strings, mix
from monitor.types import PRESENCES, Column, MaskArray, Presence

EXACT = 2.0**53
"""From here on float64 does not tell neighbouring integers apart."""
# What a field without a usable value counts as in a key: the kind of its absence, and null is as good as absent.
_MISSING: HashArray = mix(np.arange(PRESENCES, dtype=np.uint64) ^ np.uint64(0x5DEECE66D0000000))
_MISSING[Presence.ABSENT] = _MISSING[Presence.NULL]


def key_hashes(columns: Sequence[Column]) -> HashArray:
    """Return one hash a row for the values of all columns; it depends on their order."""
    hashes: HashArray = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        values = column.values
        part = hash_numbers(values) if isinstance(values, np.ndarray) else hash_strings(values)
        if not column.all_ok:
            part = np.where(column.ok, part, _MISSING[column.presence])
        hashes = mix(hashes ^ part)
    return hashes


def known_keys(columns: Sequence[Column]) -> MaskArray:
    """Return the rows with at least one usable key field and none of unknown value."""
    some = np.zeros(len(columns[0]), np.bool_)
    unknown = np.zeros(len(columns[0]), np.bool_)
    for column in columns:
        some |= column.ok
        unknown |= column.presence == Presence.WRONG_TYPE
        if isinstance(column.values, np.ndarray):
            unknown |= column.ok & (np.abs(column.values) >= EXACT)
    known: MaskArray = some & ~unknown
    return known
