"""Builds fetches from what clients return: one comprehension over the messages for each array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from monitor.types import Fetch, Headers, IntArray, TopicPartition


def build_fetch(
    partition: TopicPartition,
    offsets: Sequence[int],
    timestamps_ms: Sequence[int],
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    headers: Sequence[Headers | None],
    *,
    append_time: bool,
    position: int | None = None,
) -> Fetch:
    """Return the fetch of at least one message, in offset order; reading goes on after the last or at `position`.

    `headers` become None when no message has any; a missing timestamp is any negative number.
    """
    n = len(offsets)
    return Fetch(
        partition=partition,
        offsets=np.fromiter(offsets, np.int64, n),
        timestamps_ms=np.maximum(np.fromiter(timestamps_ms, np.int64, n), -1),
        keys=pa.array(keys, pa.binary()),
        values=pa.array(values, pa.binary()),
        headers=[own or () for own in headers] if any(headers) else None,
        next_offset=max(offsets[-1] + 1, position or 0),
        append_time=append_time,
    )


def empty_fetch(partition: TopicPartition, next_offset: int, end_offset: int | None = None) -> Fetch:
    """Return a fetch without records, which only says where the partition stands and ends."""
    nothing: IntArray = np.empty(0, np.int64)
    none = pa.array([], pa.binary())
    return Fetch(partition, nothing, nothing, none, none, None, next_offset, end_offset)
