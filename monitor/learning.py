"""Learning the ruler: cuts, values and segments from the records themselves, where no version was built yet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import structlog

from monitor.baseline import Baseline, BaselineBuilder, BaselineFiles, Lineage
from monitor.compile import build_decoder, model_plan, number_groups, segment_plan
from monitor.config.tree import Config
from monitor.errors import Retryable, SurroundingsError
from monitor.protocols import Decoder
from monitor.sources import KafkaSpec, PartitionedSource
from monitor.sources.files import FilesSource
from monitor.types import Assigned, Fetch, TopicPartition
from monitor.waiting import prepare_patiently

_POLL_S = 0.5


@dataclass
class RulerLearner:
    """Reads the newest `learn_rows` rows of a topic, or the first of files, and builds a baseline of them.

    Each partition gives an equal share, as far as it has it: of a topic from that far below the end that is seen at
    the start, of files from their beginning. While a topic has fewer than `min_learn_rows` rows in all, it goes on
    with what is written after. Rows are taken in the order of their partitions and offsets, so equal records give an
    equal ruler. It has no rows by hour, since nobody knows how many rows there were besides.

    `tell` is told how many rows there are and are wanted; `stop` is asked whether to give up; `wait` waits so many
    seconds.
    """

    config: Config
    source: PartitionedSource
    tell: Callable[[int, int], None] = lambda _rows, _wanted: None
    stop: Callable[[], bool] = lambda: False
    wait: Callable[[float], object] = threading.Event().wait
    _assigned: tuple[TopicPartition, ...] = ()
    _left: dict[TopicPartition, int] = field(default_factory=dict)
    """Rows that each partition still has to give; nothing before it was sought."""
    _ends: dict[TopicPartition, int] = field(default_factory=dict)
    _rejects: int = 0

    def learn(self, name: str, now_ms: int) -> tuple[Baseline, Lineage]:
        """Return the baseline and where it came from; raises SurroundingsError without a row, or on `stop`."""
        spec: Any = self.config.baseline
        limits, decoder = self.config.limits, build_decoder(self.config, files=self._files)
        builder = BaselineBuilder(
            {path: item.kept_type for path, item in self.config.watched.items()},
            segment_plan(self.config),
            max_categories=limits.max_categories,
            max_rows=limits.max_baseline_rows,
            groups=number_groups(self.config),
            model=model_plan(self.config),
            window_ms=self.config.window.size,
        )
        while not self._enough(builder.rows, spec.min_learn_rows):
            if self.stop():
                raise SurroundingsError(f"stopped while learning the ruler, after {builder.rows} rows")
            try:
                self._take(builder, decoder, spec.learn_rows)
            except Retryable as error:
                structlog.get_logger(__name__).warning("surroundings_unavailable", error=str(error))
                self.wait(error.retry_after_s or _POLL_S)
            self.tell(builder.rows, spec.min_learn_rows)
        if not builder.rows:
            raise SurroundingsError(f"no rows to learn the ruler from in {name}: {self._rejects or 'no'} rejects")
        lineage = Lineage(now_ms, f"learnt from {name}", builder.rows, builder.first_ms, builder.last_ms, self._rejects)
        return replace(builder.build(), volumes=None), lineage

    @property
    def _files(self) -> bool:
        return isinstance(self.source, FilesSource)

    def _enough(self, rows: int, least: int) -> bool:
        """Return whether every partition has given its share or all it has, and a topic enough of them."""
        given = bool(self._left) and not any(self._left.values())
        return given and (self._files or rows >= least)

    def _take(self, builder: BaselineBuilder, decoder: Decoder, wanted: int) -> None:
        """Take what comes next; raises Retryable when the surroundings fail."""
        if self._assigned and not self._left:
            self._seek(-(-wanted // len(self._assigned)))
        for event in self.source.poll(frozenset(), _POLL_S):
            if isinstance(event, Assigned):
                self._assigned, self._left = event.partitions, {}
            elif isinstance(event, Fetch) and event.partition in self._left:
                self._fold(event, builder, decoder)

    def _seek(self, share: int) -> None:
        """Begin to read each partition `share` records below its end, files at their beginning."""
        beginnings = self.source.beginnings()
        ends = {} if self._files else self.source.ends()
        for partition in self._assigned:
            begin, end = beginnings.get(partition), ends.get(partition)
            if begin is None or (end is None and not self._files):
                self._left = {}
                raise Retryable(f"nobody says where {partition.topic}-{partition.partition} begins and ends")
            self._ends[partition] = -1 if end is None else end
            self._left[partition] = share if end is None else min(share, end - begin)
            self.source.seek(partition, begin if end is None else max(begin, end - share))

    def _fold(self, fetch: Fetch, builder: BaselineBuilder, decoder: Decoder) -> None:
        """Take the rows of a fetch that are wanted, and note what its partition still has to give."""
        partition = fetch.partition
        if len(fetch):
            prepare_patiently(decoder, fetch, wait=self.wait)
            decoded = decoder.decode(fetch)
            self._rejects += len(decoded.rejects)
            waiting = not any(self._left.values())
            n = len(decoded.batch) if waiting else min(len(decoded.batch), self._left[partition])
            builder.add(decoded.batch.take(np.arange(n)), decoded.unknown_fields)
            self._left[partition] = max(0, self._left[partition] - n)
        end = self._ends[partition] if self._ends[partition] >= 0 else fetch.end_offset
        if end is not None and fetch.next_offset >= end:
            self._left[partition] = 0


def saved_ruler(config: Config, baseline: Baseline, lineage: Lineage) -> None:
    """Save what was learnt as the first version, and say so."""
    assert config.baseline is not None
    version = BaselineFiles(config.baseline.path).save(baseline, lineage, by="run", reason=lineage.source)
    structlog.get_logger(__name__).info("ruler_learnt", version=version, rows=lineage.rows, source=lineage.source)


def source_name(config: Config) -> str:
    """Return where the records of a configuration come from, in words."""
    source = config.source
    return ", ".join(source.topics) if isinstance(source, KafkaSpec) else ", ".join(source.paths)
