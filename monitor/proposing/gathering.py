"""The first records of a source, fairly from all of its partitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from monitor.errors import SurroundingsError
from monitor.sources import PartitionedSource
from monitor.types import Assigned, Fetch, TopicPartition

_POLL_S = 0.5
_PATIENCE = 60
"""So many polls in a row may bring nothing before the source is taken to be stuck: half a minute."""


@dataclass(frozen=True, eq=False)
class Gathered:
    """Fetches by partition, in offset order; `complete` when the source holds no more than these."""

    fetches: Mapping[TopicPartition, list[Fetch]]
    complete: bool

    @property
    def records(self) -> int:
        """How many records there are."""
        return sum(len(fetch) for fetches in self.fetches.values() for fetch in fetches)


def gather(source: PartitionedSource, records: int) -> Gathered:
    """Return the first `records` records up to the ends seen first, as evenly from the partitions as they allow.

    Raises SurroundingsError when a source with known ends stops answering.
    """
    taken: dict[TopicPartition, list[Fetch]] = {}
    left: dict[TopicPartition, int] = {}
    ends: dict[TopicPartition, int | None] = {}
    finished: set[TopicPartition] = set()
    silent = 0
    while (left or not ends) and silent < _PATIENCE:
        silent += 1
        for event in source.poll(frozenset(), _POLL_S):
            if isinstance(event, Assigned):
                ends |= _begin(source, event.partitions, records, left)
                finished |= ends.keys() - left.keys()
                silent = 0
            elif isinstance(event, Fetch) and event.partition in left:
                silent = 0 if len(event) else silent
                if _take(event, ends[event.partition], left, taken):
                    finished.add(event.partition)
    if left and any(ends[partition] is not None for partition in left):
        raise SurroundingsError("the broker stopped sending records; try again, or ask for fewer with --records")
    return Gathered({p: taken[p] for p in sorted(taken)}, complete=finished >= ends.keys())


def quotas(sizes: Mapping[TopicPartition, int | None], records: int) -> dict[TopicPartition, int]:
    """Return how many records to take of each partition: equal shares; what one lacks goes to the others.

    A size that is None is not known and counts as plenty. Partitions without records are left out.
    """
    left, rest = dict.fromkeys(sorted(p for p, size in sizes.items() if size != 0), 0), records
    open_ = list(left)
    while open_ and rest > 0:
        share = max(rest // len(open_), 1)
        for partition in list(open_):
            size = sizes[partition]
            more = min(share, rest) if size is None else min(share, size - left[partition], rest)
            left[partition] += more
            rest -= more
            if size is not None and left[partition] >= size:
                open_.remove(partition)
        if rest < len(open_):
            break
    return {partition: n for partition, n in left.items() if n}


def _begin(
    source: PartitionedSource, partitions: tuple[TopicPartition, ...], records: int, left: dict[TopicPartition, int]
) -> dict[TopicPartition, int | None]:
    """Seek what is to be read, note each quota in `left`, and return the ends (None: not known)."""
    known, starts = source.ends(), source.beginnings()
    sizes = {p: known[p] - starts.get(p, 0) if p in known else None for p in partitions}
    for partition, n in quotas(sizes, records).items():
        left[partition] = n
        source.seek(partition, starts.get(partition, 0))
    return {p: known.get(p) for p in partitions}


def _take(
    fetch: Fetch,
    end: int | None,
    left: dict[TopicPartition, int],
    taken: dict[TopicPartition, list[Fetch]],
) -> bool:
    """Keep what a fetch brings for its partition's quota, which goes when it is met; return whether that was all."""
    partition = fetch.partition
    n = min(len(fetch), left[partition])
    if n:
        taken.setdefault(partition, []).append(_first(fetch, n))
        left[partition] -= n
    known = end if end is not None else fetch.end_offset
    ended = known is not None and fetch.next_offset >= known and n == len(fetch)
    if ended or not left[partition]:
        del left[partition]
    return ended


def _first(fetch: Fetch, n: int) -> Fetch:
    """Return the first n records of a fetch."""
    if n == len(fetch):
        return fetch
    return replace(
        fetch,
        offsets=fetch.offsets[:n],
        timestamps_ms=fetch.timestamps_ms[:n],
        keys=fetch.keys[:n],
        values=fetch.values[:n],
        headers=None if fetch.headers is None else fetch.headers[:n],
        next_offset=int(fetch.offsets[n]),
        end_offset=None,
    )
