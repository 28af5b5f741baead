"""Turns one snapshot into fresh metric families, in a fixed order and within a fixed number of series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from monitor.export.daemon_metrics import SERIES_DROPPED
from monitor.export.declaration import Declared
from monitor.export.labels import label_value
from monitor.export.metrics import METRICS
from monitor.snapshot import DelayView, Snapshot

DEFAULT_MAX_SERIES: Final = 20_000
_DROP_REASONS: Final = ("duplicate", "limit")


Labels = tuple[tuple[str, ...], ...]
"""The values of the labels of each series of a metric, `monitor` first; none occurs twice."""


@dataclass(frozen=True)
class Family:
    """A metric with its series: their labels, and the number of each."""

    declared: Declared
    labels: Labels
    values: Sequence[float | DelayView]


class KnownLabels:
    """The labels that each metric had last: most snapshots have the same series as the one before, in the same order.

    Who is handed the very same labels as last time need not look at them again.
    """

    def __init__(self) -> None:
        """Know none."""
        self._known: dict[str, tuple[tuple[object, ...], Labels | None]] = {}

    def of(self, name: str, monitor: str, raws: tuple[tuple[str, ...], ...]) -> Labels | None:
        """Return the labels that these texts make; None where two of them make the same."""
        before = self._known.get(name)
        if before is not None and before[0] == (monitor, raws):
            return before[1]
        labels = tuple((monitor, *map(label_value, raw)) for raw in raws)
        found = labels if len(set(labels)) == len(labels) else None
        self._known[name] = ((monitor, raws), found)
        return found


class SnapshotCollector(Collector):
    """A prometheus_client collector over one snapshot: reads it, takes no lock and keeps no series.

    At most `max_series` series come out. When there are more, the metrics declared first stay, and within
    a metric the unsegmented series; `dropped_before` is what earlier snapshots lost, by reason.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        max_series: int = DEFAULT_MAX_SERIES,
        dropped_before: dict[str, int] | None = None,
        known: KnownLabels | None = None,
    ) -> None:
        """Keep the snapshot; nothing is built before `collect`. `known` stays from one snapshot to the next."""
        self._snapshot = snapshot
        self._known = known or KnownLabels()
        self._max_series = max_series
        self._dropped_before = dropped_before or {}
        self.dropped: dict[str, int] = {}

    def collect(self) -> Iterable[Metric]:
        """Return the families that have series, most important first; sets `dropped` for this snapshot."""
        return [metric_of(family) for family in self.families()]

    def families(self) -> list[Family]:
        """Return what `collect` does, as rows."""
        snapshot = _ordered(self._snapshot)
        reasons = {*_DROP_REASONS, *snapshot.series_dropped, *self._dropped_before}
        room = max(0, self._max_series - len(reasons))
        dropped = dict.fromkeys(_DROP_REASONS, 0)
        families: list[Family] = []
        place = 0
        for declared in METRICS:
            if declared.name == SERIES_DROPPED:
                place, counter = len(families), declared
                continue
            family, over_limit, duplicates = _family(declared, snapshot, room, self._known)
            room -= _cost_of(declared, family.values)
            dropped["limit"] += over_limit
            dropped["duplicate"] += duplicates
            if family.values:
                families.append(family)
        self.dropped = dropped
        totals = {
            reason: snapshot.series_dropped.get(reason, 0)
            + self._dropped_before.get(reason, 0)
            + dropped.get(reason, 0)
            for reason in reasons
        }
        counted = replace(snapshot, series_dropped=totals)
        families.insert(place, _family(counter, counted, len(totals), self._known)[0])
        return families


def _ordered(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with its views sorted; unsegmented ones first, since a cap cuts at the end."""
    return replace(
        snapshot,
        partitions=tuple(sorted(snapshot.partitions, key=lambda p: (p.topic, p.partition))),
        fields=tuple(sorted(snapshot.fields, key=lambda f: (f.segment != "", f.field, f.segment))),
        verdicts=tuple(sorted(snapshot.verdicts, key=lambda v: (v.segment != "", v.field, v.segment, v.detector))),
        profiles=tuple(sorted(snapshot.profiles, key=lambda p: p.field)),
        model=replace(
            snapshot.model,
            metrics=tuple(
                sorted(snapshot.model.metrics, key=lambda m: (m.segment != "", m.source, m.metric, m.segment))
            ),
        ),
        checks=tuple(sorted(snapshot.checks, key=lambda c: (c.segment != "", c.check, c.segment))),
    )


def _family(declared: Declared, snapshot: Snapshot, room: int, known: KnownLabels) -> tuple[Family, int, int]:
    """Return a metric's series, at most `room`, and how many were over that and duplicates; the first one wins."""
    # A label must be there always or never and NaN is a value, so what is not defined has no series.
    rows = [row for row in declared.read(snapshot) if (value := row[1]) is not None and value == value]  # noqa: PLR0124
    raws: tuple[tuple[str, ...], ...] = tuple([raw for raw, _ in rows])
    values = [value for _, value in rows if value is not None]
    monitor = label_value(snapshot.monitor)
    labels = known.of(declared.name, monitor, raws)
    if labels is not None and _cost_of(declared, values) <= room:
        return Family(declared, labels, values), 0, 0
    return _chosen(declared, [(monitor, *map(label_value, raw)) for raw in raws], values, room)


def _chosen(
    declared: Declared, every: Sequence[tuple[str, ...]], values: Sequence[float | DelayView], room: int
) -> tuple[Family, int, int]:
    """Return what `_family` does where there are too many series, or some of them twice."""
    chosen: dict[tuple[str, ...], float | DelayView] = {}
    used = over_limit = duplicates = 0
    for labels, value in zip(every, values, strict=True):
        if labels in chosen:
            duplicates += 1
            continue
        cost = _cost(value)
        if used + cost > room:
            over_limit += cost
            continue
        chosen[labels] = value
        used += cost
    return Family(declared, tuple(chosen), tuple(chosen.values())), over_limit, duplicates


def _cost_of(declared: Declared, values: Sequence[float | DelayView]) -> int:
    """Return how many series the values of a metric are."""
    return sum(map(_cost, values)) if declared.kind == "histogram" else len(values)


def _cost(value: float | DelayView) -> int:
    """Return how many series a value is."""
    return len(value.bounds_s) + 3 if isinstance(value, DelayView) else 1


def metric_of(family: Family) -> Metric:
    """Return the family as the client library has it."""
    metric = _empty(family.declared)
    for labels, value in zip(family.labels, family.values, strict=True):
        _add(metric, labels, value)
    return metric


def _empty(declared: Declared) -> Metric:
    """Return the family of a metric without samples."""
    names = ("monitor", *declared.labels)
    match declared.kind:
        case "counter":
            return CounterMetricFamily(declared.name, declared.help, labels=names)
        case "histogram":
            return HistogramMetricFamily(declared.name, declared.help, labels=names)
        case "info":
            return InfoMetricFamily(declared.name.removesuffix("_info"), declared.help, labels=names)
        case "gauge":
            return GaugeMetricFamily(declared.name, declared.help, labels=names)


def _add(metric: Metric, labels: tuple[str, ...], value: float | DelayView) -> None:
    """Append one series; a histogram's counts per bucket become cumulative, up to +Inf.

    Raises TypeError when the declaration's kind and the value read do not belong together.
    """
    match metric, value:
        case HistogramMetricFamily(), DelayView():
            bounds = [*(repr(float(bound)) for bound in value.bounds_s), "+Inf"]
            buckets = list(zip(bounds, accumulate(value.counts), strict=True))
            metric.add_metric(labels, buckets=buckets, sum_value=value.sum_s)
        case InfoMetricFamily(), int():
            metric.add_metric(labels, {})
        case ((CounterMetricFamily() | GaugeMetricFamily()), (float() | int())):
            metric.add_metric(labels, value)
        case _:
            raise TypeError(f"{metric.name} is a {metric.type} and cannot hold {value!r}")
