"""Builds fetches from what clients return, a few messages at a time: one pass over them for each array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from monitor.gathering import binary_array
from monitor.types import Fetch, Headers, IntArray, TopicPartition

MESSAGES_AT_ONCE = 1_000
"""So many are asked of a client at once and made columns before the next ones are: they are still in the processor's
cache then, and their memory is used again. Taken by the 50,000 they cost both clients twice as much and more."""


def build_fetch(
    partition: TopicPartition,
    offsets: Sequence[int] | IntArray,
    timestamps_ms: Sequence[int] | IntArray,
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
    return Fetch(
        partition=partition,
        offsets=np.array(offsets, np.int64),
        timestamps_ms=np.maximum(np.array(timestamps_ms, np.int64), -1),
        keys=pa.array(keys, pa.binary()),
        values=binary_array(values),
        headers=[own or () for own in headers] if any(headers) else None,
        next_offset=max(int(offsets[-1]) + 1, position or 0),
        append_time=append_time,
    )


def joined(pieces: Sequence[Fetch]) -> Fetch:
    """Return successive fetches of one partition, at least one, as a single one; it goes on where the last one does."""
    if len(pieces) == 1:
        return pieces[0]
    headers = [own for piece in pieces for own in piece.headers or [()] * len(piece)]
    return replace(
        pieces[-1],
        offsets=np.concatenate([piece.offsets for piece in pieces]),
        timestamps_ms=np.concatenate([piece.timestamps_ms for piece in pieces]),
        keys=pa.concat_arrays([piece.keys for piece in pieces]),
        values=pa.concat_arrays([piece.values for piece in pieces]),
        headers=headers if any(piece.headers for piece in pieces) else None,
    )


def empty_fetch(partition: TopicPartition, next_offset: int, end_offset: int | None = None) -> Fetch:
    """Return a fetch without records, which only says where the partition stands and ends."""
    nothing: IntArray = np.empty(0, np.int64)
    none = pa.array([], pa.binary())
    return Fetch(partition, nothing, nothing, none, none, None, next_offset, end_offset)
