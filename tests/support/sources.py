"""Every kind of source behind one face, so that one suite of contracts can hold them all to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from monitor.clock import SystemClock
from monitor.sources import FilesSpec, KafkaSpec, PartitionedSource
from monitor.sources.memory import MemorySource
from monitor.types import Assigned, Fetch, SourceEvent, TopicPartition
from tests.support.kafka import Cluster, unique

NOBODY: frozenset[TopicPartition] = frozenset()
DEADLINE_S = 90.0


def poll_until(
    source: PartitionedSource,
    enough: Callable[[list[SourceEvent]], bool],
    *,
    paused: frozenset[TopicPartition] = NOBODY,
    deadline_s: float = DEADLINE_S,
) -> list[SourceEvent]:
    """Return all events up to and with the poll after which it is enough; fails when that never comes."""
    events: list[SourceEvent] = []
    end_s = time.monotonic() + deadline_s
    while not enough(events):
        assert time.monotonic() < end_s, f"it never came; there was {events}"
        events += source.poll(paused, 0.2)
    return events


def fetches(events: Iterable[SourceEvent], partition: TopicPartition | None = None) -> list[Fetch]:
    """Return the fetches, or those of one partition."""
    return [e for e in events if isinstance(e, Fetch) and partition in (None, e.partition)]


def offsets(events: Iterable[SourceEvent], partition: TopicPartition) -> list[int]:
    """Return the offsets of a partition in the order in which they came."""
    return [int(offset) for fetch in fetches(events, partition) for offset in fetch.offsets]


def values(events: Iterable[SourceEvent], partition: TopicPartition) -> list[bytes | None]:
    """Return the values of a partition in the order in which they came."""
    return [value.as_py() for fetch in fetches(events, partition) for value in fetch.values]


def reaches(**next_offsets: int) -> Callable[[list[SourceEvent]], bool]:
    """Return whether the partitions p0, p1, … have been read up to these offsets."""
    wanted = {int(name[1:]): offset for name, offset in next_offsets.items()}

    def enough(events: list[SourceEvent]) -> bool:
        last = {fetch.partition.partition: fetch.next_offset for fetch in fetches(events)}
        return all(last.get(number, -1) >= offset for number, offset in wanted.items())

    return enough


def assigned(source: PartitionedSource) -> tuple[TopicPartition, ...]:
    """Return the partitions of the first assignment."""
    events = poll_until(source, lambda events: any(isinstance(event, Assigned) for event in events))
    return next(event.partitions for event in events if isinstance(event, Assigned))


class MemoryKind:
    """The fake."""

    name = "memory"
    has_nulls = has_keys = has_end = True
    has_cluster = False

    def __init__(self) -> None:
        self._partitions = [TopicPartition("t", 0), TopicPartition("t", 1)]
        self._source = MemorySource(self._partitions)

    def produce(self, partition: int, values: Sequence[bytes | None], **more: Any) -> None:
        """Write records."""
        self._source.append(self._partitions[partition], values, **more)

    def open(self, **settings: Any) -> PartitionedSource:
        """Return a source on all that was written."""
        settings.setdefault("start", "earliest")
        self._source = MemorySource(self._partitions, log=self._source.log, **settings)
        return self._source


class FilesKind:
    """A JSON lines file for each partition."""

    name = "files"
    has_nulls = has_keys = has_end = has_cluster = False

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._source: PartitionedSource | None = None
        for number in (0, 1):
            (directory / f"part-{number}.jsonl").touch()

    def produce(self, partition: int, values: Sequence[bytes | None], **more: Any) -> None:
        """Write lines."""
        with (self._directory / f"part-{partition}.jsonl").open("ab") as file:
            file.writelines((value or b"null") + b"\n" for value in values)

    def open(self, **settings: Any) -> PartitionedSource:
        """Return a source on all that was written."""
        settings.pop("start", None)
        self._source = FilesSpec(paths=(str(self._directory / "*.jsonl"),), **settings).build(SystemClock())
        return self._source


class KafkaKind:
    """A topic of a mock or real cluster, through one of the clients."""

    has_nulls = has_keys = has_end = has_cluster = True

    def __init__(self, client: str, cluster: Cluster) -> None:
        self.client = client
        self.cluster = cluster
        self.name = f"{client}@{'mock' if cluster.embedded else 'real'}"
        self.topic = cluster.create_topic(unique("contract"), 2)

    def produce(self, partition: int, values: Sequence[bytes | None], **more: Any) -> None:
        """Write records."""
        self.cluster.produce(self.topic, values, partition=partition, **more)

    def open(self, **settings: Any) -> PartitionedSource:
        """Return a source on the topic."""
        return self.spec(**settings).build(SystemClock())

    def spec(self, **settings: Any) -> KafkaSpec:
        """Return the configuration of a source on the topic, from its beginning, quick to give up."""
        defaults = {
            "client": self.client,
            "bootstrap_servers": self.cluster.bootstrap,
            "topics": [self.topic],
            "start": "earliest",
            "connect_timeout": "15s",
            "fetch_max_wait": "50ms",
            "embedded": self.cluster.embedded,
        }
        return KafkaSpec.model_validate(defaults | settings)


Kind = MemoryKind | FilesKind | KafkaKind
