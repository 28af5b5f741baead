"""Confluent's framing of a record: a zero byte, the schema's id as four bytes (big-endian), then the body."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.types import IntArray

HEADER_BYTES = 5
_LONGEST = 2**31 - 1
UNFRAMED = -1


def bytes_of(values: pa.BinaryArray) -> tuple[NDArray[np.uint8], IntArray, IntArray]:
    """Return the bytes that values lie in, and where each begins and ends; without a copy."""
    _, offsets, data = values.buffers()
    bounds = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1].astype(np.int64)
    everything: NDArray[np.uint8] = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    return everything, bounds[:-1], bounds[1:]


def schema_ids(values: pa.BinaryArray) -> IntArray:
    """Return the schema id of each value, UNFRAMED where it does not begin as a framed record must."""
    everything, starts, stops = bytes_of(values)
    ids = np.full(len(values), UNFRAMED, np.int64)
    rows = np.flatnonzero(stops - starts >= HEADER_BYTES)
    rows = rows[everything[starts[rows]] == 0]
    digits = everything[starts[rows, None] + np.arange(1, HEADER_BYTES)]
    ids[rows] = np.ascontiguousarray(digits).view(">u4").reshape(-1).astype(np.int64)
    return ids


def framed_ids(values: pa.BinaryArray) -> list[int]:
    """Return the different schema ids of those values that are framed, in order of number."""
    ids = np.unique(schema_ids(values)).tolist()
    return [i for i in ids if i != UNFRAMED]


def bodies(values: pa.BinaryArray) -> pa.BinaryArray:
    """Return framed values without their headers."""
    # Without an end pyarrow 26 fails from some 30 values on ("Negative buffer resize").
    return pc.binary_slice(values, HEADER_BYTES, _LONGEST)
