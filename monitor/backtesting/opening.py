"""Where the history of a backtest comes from: files, or a stretch of the configured topics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from monitor.building import apart
from monitor.clock import Clock
from monitor.config.tree import Config
from monitor.engine import Engine
from monitor.errors import Retryable
from monitor.learning import source_name
from monitor.partition import PartitionState
from monitor.replaying import files_of
from monitor.sources import PartitionedSource
from monitor.sources.files import FilesSource
from monitor.types import SourceEvent, TopicPartition
from monitor.windows import NEVER_MS


@dataclass(frozen=True)
class Stretch:
    """The event times whose windows count, `[from_ms, to_ms)`; an end that is None is open."""

    from_ms: int | None = None
    to_ms: int | None = None

    def over(self, start_ms: int) -> bool:
        """Return whether a window that begins then, and so all after it, lies behind its end."""
        return self.to_ms is not None and start_ms >= self.to_ms


EVERYTHING = Stretch()
"""All that there is."""


class Input:
    """A bounded source: what is read, from where in each partition, and nothing more once all that is wanted was."""

    def __init__(
        self,
        opened: Callable[[], PartitionedSource],
        name: str,
        *,
        stretch: Stretch,
        lateness_ms: int,
    ) -> None:
        """Read what `opened` opens, up to where event time is complete at the end of `stretch`, or to its end.

        Of a topic the end is the one that is seen when reading begins. `opened` may be asked again, to learn cuts.
        """
        self.name = name
        self.opened = opened
        self._inner = opened()
        self.files = isinstance(self._inner, FilesSource)
        self._to_ms, self._lateness_ms = stretch.to_ms, lateness_ms
        self._engine: Engine | None = None
        self._ends: Mapping[TopicPartition, int] = {}

    def follow(self, engine: Engine) -> None:
        """Ask this engine how far it has read."""
        self._engine = engine

    def poll(self, paused: frozenset[TopicPartition], timeout_s: float) -> list[SourceEvent]:
        """Return what comes next, nothing once all that is wanted was folded; raises Retryable."""
        if self._engine is not None and self.ended():
            return []
        return self._inner.poll(paused, timeout_s)

    def start(self, partition: TopicPartition) -> int:
        """Return the offset from which on a partition is read; the ends of all are taken down before the first.

        Raises Retryable where nobody says where it ends: it would be read for ever.
        """
        if self.files:
            return 0
        if partition not in self._ends:
            self._ends = self._inner.ends() | dict(self._ends)
        if partition not in self._ends:
            raise Retryable(f"nobody says where {partition.topic}-{partition.partition} ends")
        return self._inner.resolve_start(partition)

    def seek(self, partition: TopicPartition, offset: int | None) -> None:
        """Read a partition from an offset on."""
        self._inner.seek(partition, offset)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Do nothing: history is looked at, not worked off."""

    def close(self) -> None:
        """Release files and connections; may be called twice."""
        self._inner.close()

    def ended(self) -> bool:
        """Return whether all that is wanted was read and folded."""
        if isinstance(self._inner, FilesSource) and self._inner.finished:
            return True
        states = {} if self._engine is None else self._engine.partitions
        return bool(states) and all(self._done(state) for state in states.values())

    def _done(self, state: PartitionState) -> bool:
        mark_ms = state.watermark_ms(self._lateness_ms)
        if self._to_ms is not None and mark_ms > NEVER_MS and mark_ms >= self._to_ms:
            return True
        end = self._ends.get(state.partition)
        return end is not None and state.next_offset >= end


def open_files(
    config: Config,
    paths: Sequence[str],
    stretch: Stretch,
    *,
    partition_column: str | None = None,
    timestamp_column: str | None = None,
) -> Input:
    """Return files as the input; rows before the stretch warm up what remembers. Raises SurroundingsError."""
    opened = partial(files_of, config, paths, partition_column=partition_column, timestamp_column=timestamp_column)
    return Input(opened, ", ".join(paths), stretch=stretch, lateness_ms=config.time.lateness)


def open_topic(config: Config, stretch: Stretch, clock: Clock, warm_up_ms: int = 0) -> Input:
    """Return the configured topics as the input, read without touching the daemon's group or offsets.

    They are read from `warm_up_ms` before the stretch on, and from as much earlier as its first window needs: a record
    may be written up to `time.max_ahead` before the event time that it claims. Raises SurroundingsError.
    """
    start = "earliest"
    if stretch.from_ms is not None:
        before_ms = warm_up_ms + config.time.max_ahead + config.time.lateness
        start = datetime.fromtimestamp((stretch.from_ms - before_ms) / 1000, UTC).isoformat()
    opened = partial(apart, config, clock, start)
    return Input(opened, source_name(config), stretch=stretch, lateness_ms=config.time.lateness)
