"""Which message of its schema a framed Protobuf record is: Confluent writes the way to it before the body."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from monitor.decoders.wire import bytes_of
from monitor.types import IntArray

_DEEPEST = 16
"""So deep a message stands inside others at most."""
_VARINT_BYTES = 3
_NONE = -1


def message_indexes(values: pa.BinaryArray, start: int) -> tuple[IntArray, IntArray]:
    """Return each record's way to its message (rows x levels, filled up with -1) and where its body begins.

    The way is a list of numbers: of a message in the file, of a message in that, and so on; it is written as
    its length and its members, all as zigzag varints, and as one zero byte where it is [0]. A way that cannot
    be read begins with -1.
    """
    data, starts, stops = bytes_of(values)
    at = starts + start
    n = len(values)
    length, at = _varints(data, at, stops, np.ones(n, bool))
    ways = np.full((n, max(1, min(int(length.max(initial=0)), _DEEPEST))), _NONE, np.int64)
    bad = (length < 0) | (length > _DEEPEST)
    ways[length == 0, 0] = 0
    for level in range(ways.shape[1]):
        more = (length > level) & ~bad
        if more.any():
            found, at = _varints(data, at, stops, more)
            bad |= more & (found < 0)
            ways[more, level] = found[more]
    ways[bad] = _NONE
    return ways, at - starts


def _varints(
    data: np.ndarray[tuple[int], np.dtype[np.uint8]],
    at: IntArray,
    stops: IntArray,
    rows: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> tuple[IntArray, IntArray]:
    """Return the zigzag varint at each position of `rows` (-1: none, negative or absurdly large) and what follows."""
    values, at = np.zeros(len(at), np.int64), at.copy()
    left = rows.copy()
    for position in range(_VARINT_BYTES):
        here = np.flatnonzero(left & (at < stops))
        if not here.size:
            break
        digits = data[at[here]].astype(np.int64)
        values[here] |= (digits & 0x7F) << (7 * position)
        at[here] += 1
        left[here[digits < 0x80]] = False
    values = (values >> 1) ^ -(values & 1)
    values[left | (values < 0)] = _NONE
    return values, at
