"""The shapes in which a snapshot's values become rows; every one gives its rows in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monitor.export.declaration import Row
from monitor.snapshot import DelayView, Snapshot


def one(value: float | DelayView | None) -> Iterable[Row]:
    """Return the row of a metric that has no labels of its own."""
    return [((), value)]


def seconds(ms: int | None) -> float | None:
    """Return milliseconds as seconds."""
    return None if ms is None else ms / 1000


def by_topic(s: Snapshot, counts: Mapping[str, int]) -> Iterable[Row]:
    """Return a count per topic, with 0 for every owned topic that has none: a counter starts at 0."""
    topics = {view.topic for view in s.partitions} | set(counts)
    return [((topic,), counts.get(topic, 0)) for topic in sorted(topics)]


def keyed(values: Mapping[str, int] | Mapping[str, float] | Mapping[str, DelayView]) -> Iterable[Row]:
    """Return the rows of a mapping with one label."""
    return [((key,), values[key]) for key in sorted(values)]


def paired(counts: Mapping[tuple[str, str], int]) -> Iterable[Row]:
    """Return the rows of a mapping with two labels."""
    return sorted(counts.items())
