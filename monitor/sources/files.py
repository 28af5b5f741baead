"""Files as a source: each file, or each value of a column, is a partition; row numbers are offsets."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.errors import SurroundingsError
from monitor.sources.file_rows import Rows, kind_of, read_rows
from monitor.sources.file_settings import FilesSpec
from monitor.sources.records import empty_fetch
from monitor.types import Assigned, Fetch, SourceEvent, TopicPartition

MAX_PARTITIONS = 1000


class FilesSource:
    """Reads files in chunks of `max_poll_records` rows, in turn from every partition that is sought and not paused.

    With a partition column, files follow each other as if they were one, a partition's offsets are numbers in
    that whole (with gaps), and each partition reads the files for itself, so pausing one holds none up.
    An end is confirmed when it is reached, by a last fetch whose `end_offset` equals its `next_offset`; at once
    after that `finished` tells that nothing more will come.
    """

    def __init__(self, spec: FilesSpec) -> None:
        self._spec = spec
        self.gaps: dict[tuple[TopicPartition, str], int] = {}
        self.commit_failures = 0
        self._paths = _find(spec)
        self._topic = spec.topic or self._paths[0].name.split(".")[0]
        self._labels = _numbered(self._paths, spec) if spec.partition_column else {}
        numbers = sorted(self._labels.values()) if self._labels else range(len(self._paths))
        self._partitions = tuple(TopicPartition(self._topic, number) for number in numbers)
        self._assigned = False
        self._readers: dict[TopicPartition, Iterator[Fetch]] = {}
        self._ends: dict[TopicPartition, int] = {}

    @property
    def finished(self) -> bool:
        """Whether every partition was read to its end."""
        return self._assigned and self._ends.keys() == set(self._partitions) and not self._readers

    def poll(self, paused: frozenset[TopicPartition], timeout_s: float) -> list[SourceEvent]:
        """Return the assignment first, then a fetch of each partition that has more; never waits.

        Raises SurroundingsError for a file that has become unreadable.
        """
        if not self._assigned:
            self._assigned = True
            return [Assigned(self._partitions)]
        events: list[SourceEvent] = []
        for partition in sorted(self._readers.keys() - paused):
            fetch = next(self._readers[partition])
            if fetch.end_offset is not None:
                self._ends[partition] = fetch.end_offset
                del self._readers[partition]
            events.append(fetch)
        return events

    def seek(self, partition: TopicPartition, offset: int | None) -> None:
        """Read `partition` from row `offset` on; None: from the first."""
        self._readers[partition] = self._read(partition, offset or 0)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Do nothing: files have nobody to tell."""

    def restart(self) -> bool:
        """Do nothing: a file does not stall."""
        return True

    def close(self) -> None:
        """Close the files that are open; may be called twice."""
        self._readers.clear()

    def resolve_start(self, partition: TopicPartition) -> int:
        """Return 0: files are read from their first row."""
        return 0

    def beginnings(self) -> dict[TopicPartition, int]:
        """Return 0 for every partition."""
        return dict.fromkeys(self._partitions, 0)

    def ends(self) -> dict[TopicPartition, int]:
        """Return the ends of the partitions that were read to theirs; a file's end is not known before."""
        return dict(self._ends)

    def partition_count(self) -> int:
        """Return how many partitions the files make."""
        return len(self._partitions)

    def topic_ids(self) -> dict[str, str]:
        """Return nothing: files have no identity but their paths."""
        return {}

    def describe(self) -> dict[str, Any]:
        """Return paths, topic and partitions."""
        return {
            "kind": self._spec.kind,
            "paths": [str(path) for path in self._paths],
            "topic": self._topic,
            "partitions": self._labels or {str(path): number for number, path in enumerate(self._paths)},
        }

    def _read(self, partition: TopicPartition, offset: int) -> Iterator[Fetch]:
        """Yield fetches from `offset` on, the last one with the end."""
        n = self._spec.max_poll_records
        position = offset
        for rows, end in self._rows(partition):
            if len(rows) and int(rows.numbers[-1]) >= offset:
                first = int(np.searchsorted(rows.numbers, offset))
                for start in range(first, len(rows), n):
                    fetch = self._fetch(partition, rows.slice(start, min(start + n, len(rows))))
                    position = fetch.next_offset
                    yield fetch
            position = max(position, end)
        yield empty_fetch(partition, position, position)

    def _rows(self, partition: TopicPartition) -> Iterator[tuple[Rows, int]]:
        """Yield the partition's rows and, with each part, up to where the files have been read."""
        if not self._labels:
            for rows in read_rows(self._paths[partition.partition], self._spec):
                yield rows, int(rows.numbers[-1]) + 1 if len(rows) else 0
            return
        mine = pa.array([label for label, number in self._labels.items() if number == partition.partition], pa.string())
        before = 0
        for path in self._paths:
            end = before
            for rows in read_rows(path, self._spec):
                end = before + int(rows.numbers[-1]) + 1 if len(rows) else end
                own = rows.take(np.flatnonzero(pc.is_in(_labels_of(rows), mine).to_numpy(zero_copy_only=False)))
                yield Rows(own.numbers + before, own.values, own.timestamps_ms, None), end
            before = end

    @staticmethod
    def _fetch(partition: TopicPartition, rows: Rows) -> Fetch:
        keys = pa.nulls(len(rows), pa.binary())
        next_offset = int(rows.numbers[-1]) + 1
        return Fetch(partition, rows.numbers, rows.timestamps_ms, keys, rows.values, None, next_offset)


def _labels_of(rows: Rows) -> pa.StringArray:
    """Return the partition labels; a row without one counts as the label `""`."""
    return pc.fill_null(rows.labels, "")


def _find(spec: FilesSpec) -> tuple[Path, ...]:
    """Return the files in order of their paths; raises SurroundingsError for a pattern that none matches."""
    found: set[Path] = set()
    for pattern in spec.paths:
        matches = [Path(pattern)] if Path(pattern).is_file() else [Path(p) for p in glob.glob(pattern, recursive=True)]  # noqa: PTH207 - patterns may be absolute
        files = [path for path in matches if path.is_file()]
        if not files:
            raise SurroundingsError(f"no file matches {pattern}; check source.paths")
        found.update(files)
    for path in found:
        kind_of(path)
    return tuple(sorted(found))


def _numbered(paths: tuple[Path, ...], spec: FilesSpec) -> dict[str, int]:
    """Return the number of each label: the label itself where all are whole numbers, else its rank."""
    distinct: set[str] = set()
    for path in paths:
        for rows in read_rows(path, spec):
            distinct.update(pc.unique(_labels_of(rows)).to_pylist())
            if len(distinct) > MAX_PARTITIONS:
                raise SurroundingsError(
                    f"{spec.partition_column} has over {MAX_PARTITIONS} different values; each would be a partition"
                )
    labels = sorted(distinct)
    if all(label.isascii() and label.isdigit() and len(label) < 10 for label in labels):
        return {label: int(label) for label in labels}
    return {label: number for number, label in enumerate(labels)}
