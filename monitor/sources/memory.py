"""A source in memory: the fake on which tests and the demo run, held to the same contract as the real ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from monitor.sources.records import build_fetch, empty_fetch
from monitor.types import Assigned, Fetch, Headers, Revoked, SourceEvent, TopicPartition


class MemorySource:
    """A log per partition, which stays when the source is closed: give `log` to the next one, and it is a restart.

    `append` writes records, `push` brings about assignments and revocations. `sought` and `committed` record
    what was asked of it. Without `partitions` nothing is assigned until it is pushed.
    """

    def __init__(
        self,
        partitions: Sequence[TopicPartition] = (),
        *,
        log: dict[TopicPartition, list[Fetch]] | None = None,
        start: str = "earliest",
        max_poll_records: int = 50_000,
    ) -> None:
        self.log = {} if log is None else log
        self.gaps: dict[tuple[TopicPartition, str], int] = {}
        self.commit_failures = 0
        self.sought: list[tuple[TopicPartition, int]] = []
        self.committed: dict[TopicPartition, int] = {}
        self.closed = False
        self.restarts = 0
        self.answers = True
        """Whether the pretended broker confirms ends; set it to False, and lag and idleness become unknown."""
        self._start = start
        self._max_poll_records = max_poll_records
        self._events: deque[Assigned | Revoked] = deque()
        self._next: dict[TopicPartition, int] = {}
        self._owned: set[TopicPartition] = set()
        self._seen = set(partitions)
        if partitions:
            self.push(Assigned(tuple(partitions)))

    def append(
        self,
        partition: TopicPartition,
        values: Sequence[bytes | None],
        *,
        timestamps_ms: Sequence[int] | None = None,
        keys: Sequence[bytes | None] | None = None,
        headers: Sequence[Headers | None] | None = None,
        at: int | None = None,
        append_time: bool = False,
    ) -> int:
        """Write records at the partition's end, or from offset `at` on (leaving a gap); return the new end."""
        n = len(values)
        end = self._end(partition)
        first = end if at is None else at
        if first < end:
            raise ValueError(f"offset {first} is taken, the partition ends at {end}")
        if not n:
            return end
        fetch = build_fetch(
            partition,
            range(first, first + n),
            timestamps_ms or [-1] * n,
            keys or [None] * n,
            values,
            headers or [None] * n,
            append_time=append_time,
        )
        self.log.setdefault(partition, []).append(fetch)
        return fetch.next_offset

    def push(self, *events: Assigned | Revoked) -> None:
        """Let partitions be assigned or revoked, in this order, one with each of the next polls."""
        self._events.extend(events)

    def poll(self, paused: frozenset[TopicPartition], timeout_s: float) -> list[SourceEvent]:
        """Return the next assignment or revocation, else a fetch of every partition that is sought and not paused."""
        if self._events:
            event = self._events.popleft()
            if isinstance(event, Assigned):
                self._owned.update(event.partitions)
                self._seen.update(event.partitions)
            else:
                self._owned.difference_update(event.partitions)
                self._next = {p: at for p, at in self._next.items() if p not in event.partitions}
            return [event]
        return [self._fetch(partition) for partition in sorted(self._next.keys() - paused)]

    def _fetch(self, partition: TopicPartition) -> Fetch:
        at = self._next[partition]
        end = self._end(partition) if self.answers else None
        piece = next((piece for piece in self.log.get(partition, ()) if piece.next_offset > at), None)
        if piece is None:
            return empty_fetch(partition, at, end)
        fetch = cut(piece, int(np.searchsorted(piece.offsets, at)), self._max_poll_records)
        self._next[partition] = fetch.next_offset
        return replace(fetch, end_offset=end)

    def seek(self, partition: TopicPartition, offset: int | None) -> None:
        """Read `partition` from `offset` on; None: from the start given at construction."""
        at = self.resolve_start(partition) if offset is None else offset
        self.sought.append((partition, at))
        self._next[partition] = at

    def restart(self) -> bool:
        """Remember that it was asked to."""
        self.restarts += 1
        return True

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Remember the offsets."""
        self.committed.update(offsets)

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def resolve_start(self, partition: TopicPartition) -> int:
        """Return the first offset for `earliest`, the end for `latest`."""
        return self._end(partition) if self._start == "latest" else self._beginning(partition)

    def beginnings(self) -> dict[TopicPartition, int]:
        """Return the first offset of every owned partition."""
        return {partition: self._beginning(partition) for partition in sorted(self._owned)}

    def ends(self) -> dict[TopicPartition, int]:
        """Return the end of every owned partition."""
        return {partition: self._end(partition) for partition in sorted(self._owned)}

    def partition_count(self) -> int:
        """Return how many partitions there are: all that were ever written to or owned."""
        return len(self.log.keys() | self._seen)

    def topic_ids(self) -> dict[str, str]:
        """Return nothing: there is no cluster that gives identities."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Return the positions."""
        return {"kind": "memory", "positions": {f"{p.topic}-{p.partition}": at for p, at in self._next.items()}}

    def _end(self, partition: TopicPartition) -> int:
        pieces = self.log.get(partition)
        return pieces[-1].next_offset if pieces else 0

    def _beginning(self, partition: TopicPartition) -> int:
        pieces = self.log.get(partition)
        return int(pieces[0].offsets[0]) if pieces else 0


def cut(fetch: Fetch, first: int, n: int) -> Fetch:
    """Return rows `first` to `first + n` of a fetch; all to its end keep its `next_offset`."""
    last = min(first + n, len(fetch))
    return replace(
        fetch,
        offsets=fetch.offsets[first:last],
        timestamps_ms=fetch.timestamps_ms[first:last],
        keys=fetch.keys[first:last],
        values=fetch.values[first:last],
        headers=None if fetch.headers is None else fetch.headers[first:last],
        next_offset=fetch.next_offset if last == len(fetch) else int(fetch.offsets[last]),
    )
