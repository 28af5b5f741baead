"""The whole of a bounded input, kept so that stretches of it can be read again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from monitor.protocols import Decoder, Source
from monitor.types import Assigned, Fetch, IntArray, TopicPartition
from monitor.waiting import prepare_patiently
from monitor.windows import NEVER_MS

_POLL_S = 0.1


@dataclass(frozen=True, eq=False)
class Log:
    """All records of one partition with their event times; a record without one has that of the record before."""

    partition: TopicPartition
    offsets: IntArray
    timestamps_ms: IntArray
    times_ms: IntArray
    values: pa.ChunkedArray

    @cached_property
    def reached_ms(self) -> IntArray:
        """The largest event time up to each record."""
        reached: IntArray = np.maximum.accumulate(self.times_ms) if self.times_ms.size else self.times_ms
        return reached

    def position(self, time_ms: int) -> int:
        """Return how many records come before the first that is not before this time."""
        return int(np.searchsorted(self.reached_ms, time_ms))

    def next_offset(self, position: int) -> int:
        """Return the offset from which reading goes on at a position."""
        if position < self.offsets.size:
            return int(self.offsets[position])
        return int(self.offsets[-1]) + 1 if self.offsets.size else 0

    def fetch(self, first: int, last: int) -> Fetch:
        """Return the records from one position up to another as if they were read at once."""
        return fetch_of(
            self.partition,
            self.offsets[first:last],
            self.timestamps_ms[first:last],
            as_one(self.values.slice(first, last - first)),
            self.next_offset(last),
        )


def fetch_of(
    partition: TopicPartition, offsets: IntArray, timestamps_ms: IntArray, values: pa.BinaryArray, next_offset: int
) -> Fetch:
    """Return records of a file, which have neither keys nor headers, as a fetch."""
    return Fetch(partition, offsets, timestamps_ms, pa.nulls(len(offsets), pa.binary()), values, None, next_offset)


def as_one(values: pa.ChunkedArray) -> pa.BinaryArray:
    """Return values in one piece."""
    return pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], pa.binary())


def read_logs(source: Source, decoder: Decoder, ended: Callable[[], bool]) -> tuple[Log, ...]:
    """Return all that a source has, by partition; raises SurroundingsError where it cannot be read."""
    found: dict[TopicPartition, list[tuple[Fetch, IntArray]]] = defaultdict(list)
    while True:
        events = source.poll(frozenset(), _POLL_S)
        for event in events:
            if isinstance(event, Assigned):
                for partition in event.partitions:
                    source.seek(partition, 0)
            elif isinstance(event, Fetch) and len(event):
                prepare_patiently(decoder, event)
                found[event.partition].append((event, _times(event, decoder)))
        if not events and ended():
            return tuple(_joined(partition, found[partition]) for partition in sorted(found))


def _times(fetch: Fetch, decoder: Decoder) -> IntArray:
    batch = decoder.decode(fetch).batch
    times: IntArray = np.full(len(fetch), NEVER_MS, np.int64)
    times[np.searchsorted(fetch.offsets, batch.offsets)] = batch.event_times_ms
    return times


def _joined(partition: TopicPartition, parts: Sequence[tuple[Fetch, IntArray]]) -> Log:
    times = np.concatenate([times for _, times in parts])
    rows = np.flatnonzero(times > NEVER_MS)
    if rows.size:
        before = np.maximum(np.searchsorted(rows, np.arange(times.size), side="right") - 1, 0)
        times = times[rows[before]]
    return Log(
        partition,
        np.concatenate([fetch.offsets for fetch, _ in parts]),
        np.concatenate([fetch.timestamps_ms for fetch, _ in parts]),
        times,
        pa.chunked_array([fetch.values for fetch, _ in parts], pa.binary()),
    )
