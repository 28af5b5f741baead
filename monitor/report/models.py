"""What the report keeps of a model: each metric over time, how often it was bad, and the last tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from monitor.engine import Engine
from monitor.model_views import JoinView, ModelTables, ModelView
from monitor.report.levels import Levels
from monitor.report.trace import Trace
from monitor.types import Level
from monitor.web.console_model import urgency

Key = tuple[str, str, str]
"""Metric, segment and source."""


@dataclass(frozen=True)
class MetricPoint:
    """A metric over one cohort, or the worst of several: its value, interval, baseline's value and level."""

    start_ms: int
    end_ms: int
    value: float | None
    lower: float | None
    upper: float | None
    baseline: float | None
    level: Level

    def joined(self, other: MetricPoint) -> MetricPoint:
        """Return the worse of this cohort and a later one, over the time of both."""
        worse = other if urgency(other.level) > urgency(self.level) or self.value is None else self
        return MetricPoint(
            self.start_ms, other.end_ms, worse.value, worse.lower, worse.upper, worse.baseline, worse.level
        )


@dataclass
class MetricTally(Levels):
    """How one metric went, and its worst cohort."""

    worst: ModelView | None = None

    def hear(self, view: ModelView) -> None:
        """Take the next cohort."""
        self.count(view.level, view.start_ms)
        if self.worst is None or urgency(view.level) > urgency(self.worst.level):
            self.worst = view


@dataclass
class GatheredModel:
    """Everything the report draws of a model.

    `traces` are of all rows, by metric and source; `tallies` by metric, segment and source; `tables` of the last cohort
    with labels, `join` at the end.
    """

    traces: dict[tuple[str, str], Trace[MetricPoint]] = field(default_factory=dict)
    tallies: dict[Key, MetricTally] = field(default_factory=dict)
    tables: ModelTables | None = None
    join: JoinView | None = None

    def hear(self, views: Iterable[ModelView], engine: Engine) -> None:
        """Take what a window says of the model; cohorts without predictions say nothing."""
        for view in views:
            if not view.predictions:
                continue
            self.tallies.setdefault((view.metric, view.segment, view.source), MetricTally()).hear(view)
            if not view.segment:
                # Of too few rows there is a number, but nothing to be seen in it.
                value = None if view.level is Level.UNKNOWN else view.value
                ends = (None, None) if value is None else (view.lower, view.upper)
                point = MetricPoint(view.start_ms, view.end_ms, value, *ends, view.baseline, view.level)
                self.traces.setdefault((view.metric, view.source), Trace()).add(point)
        watch = engine.model
        if watch is not None and watch.tables is not None and watch.tables.rows >= watch.plan.min_rows:
            self.tables = watch.tables

    def finish(self, engine: Engine) -> None:
        """Take what became of labels in the end."""
        self.join = None if engine.model is None else engine.model.shown(()).join

    def of(self, source: str) -> Mapping[tuple[str, str], MetricTally]:
        """Return the tallies of one source, by metric and segment."""
        return {(metric, segment): found for (metric, segment, by), found in self.tallies.items() if by == source}
