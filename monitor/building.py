"""Building a baseline from files or from a stretch of the configured topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.baseline import Baseline, BaselineBuilder, Lineage
from monitor.clock import Clock
from monitor.compile import build_decoder, model_plan, number_groups, season_of, segment_plan
from monitor.config.tree import Config
from monitor.errors import SurroundingsError
from monitor.sources import KafkaSpec, PartitionedSource
from monitor.sources.files import FilesSource
from monitor.types import Assigned, Batch, Fetch, TopicPartition
from monitor.waiting import prepare_patiently

_POLL_S = 0.5
_MAX_VECTOR_BYTES = 2 << 30
"""A baseline's rows are kept in memory while it is built; of vectors so much of them."""


@dataclass
class Built:
    """A baseline with where it came from and what was left out."""

    baseline: Baseline
    lineage: Lineage
    rejects: Counter[str] = field(default_factory=Counter)


def build_baseline(
    config: Config,
    source: PartitionedSource,
    name: str,
    now_ms: int,
    *,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> Built:
    """Return the baseline of all records that the source holds now, or of those with event times in [from, to).

    Raises SurroundingsError when no row is left.
    """
    decoder = build_decoder(config, files=isinstance(source, FilesSource))
    limits = config.limits
    builder = BaselineBuilder(
        {path: item.kept_type for path, item in config.watched.items()},
        segment_plan(config),
        max_categories=limits.max_categories,
        max_rows=_most_rows(config),
        season=season_of(config),
        groups=number_groups(config),
        model=model_plan(config),
        window_ms=config.window.size,
    )
    rejects: Counter[str] = Counter()
    for fetch in _fetches(source):
        prepare_patiently(decoder, fetch)
        decoded = decoder.decode(fetch)
        rejects.update(decoded.rejects.reasons)
        builder.add(_between(decoded.batch, from_ms, to_ms), decoded.unknown_fields)
        if builder.truncated:
            break
    if not builder.rows:
        raise SurroundingsError(f"no rows for the baseline in {name}: {dict(rejects) or 'no records'}")
    lineage = Lineage(
        now_ms, name, builder.rows, builder.first_ms, builder.last_ms, rejects.total(), truncated=builder.truncated
    )
    return Built(builder.build(), lineage, rejects)


def apart(config: Config, clock: Clock, start: str = "earliest") -> PartitionedSource:
    """Return the configured source, read from its start on without touching the daemon's group or offsets."""
    spec = config.source
    if isinstance(spec, KafkaSpec):
        spec = spec.model_copy(update={"start": start, "assignment": "all", "group_id": None})
    return spec.build(clock)


def _most_rows(config: Config) -> int:
    """Return how many rows a baseline takes at most."""
    numbers = sum(field.dimension or 0 for field in config.watched.values())
    return min(config.limits.max_baseline_rows, _MAX_VECTOR_BYTES // (8 * max(numbers, 1)))


def _fetches(source: PartitionedSource) -> Iterator[Fetch]:
    """Yield everything from the source's start to the ends seen first."""
    left: dict[TopicPartition, int | None] | None = None
    while left is None or left:
        for event in source.poll(frozenset(), _POLL_S):
            if isinstance(event, Assigned):
                left = (left or {}) | _stretch(source, event.partitions)
            elif isinstance(event, Fetch) and left is not None and event.partition in left:
                end = left[event.partition]
                known = event.end_offset if end is None else end
                if len(event):
                    yield event
                if known is not None and event.next_offset >= known:
                    del left[event.partition]


def _stretch(source: PartitionedSource, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int | None]:
    """Begin to read the partitions that hold anything; return their ends, None where not known yet."""
    ends = source.ends()
    found: dict[TopicPartition, int | None] = {}
    for partition in partitions:
        start, end = source.resolve_start(partition), ends.get(partition)
        if end is None or start < end:
            source.seek(partition, start)
            found[partition] = end
    return found


def _between(batch: Batch, from_ms: int | None, to_ms: int | None) -> Batch:
    """Return the rows whose event time lies in [from, to); an end that is None is open."""
    times = batch.event_times_ms
    inside = np.ones(len(batch), bool)
    if from_ms is not None:
        inside &= times >= from_ms
    if to_ms is not None:
        inside &= times < to_ms
    return batch if inside.all() else batch.take(np.flatnonzero(inside))
