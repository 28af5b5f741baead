"""The report's section on a model: what each metric did over time, and what lies behind it at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from monitor.model_views import ModelState, ModelView
from monitor.report.models import GatheredModel, MetricPoint, MetricTally
from monitor.report.timeline import HEIGHT, WIDTH, Dot, broken_line
from monitor.types import Level
from monitor.web.chart import Tick, nice_step
from monitor.web.console_model import urgency, worst
from monitor.web.model_page import ModelPage, page_of
from monitor.web.text import clock, finite, number

_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 8, 12, 26
_MAX_SEGMENTS = 40
_MAX_DOTS = 120


@dataclass(frozen=True)
class MetricChart:
    """Everything the template needs to draw a metric over time; paths are SVG path data, `band` is the interval."""

    width: int
    height: int
    left: int
    right: int
    floor: int
    ticks: tuple[Tick, ...]
    band: str
    realized: str
    estimated: str
    baseline: str
    dots: tuple[Dot, ...]
    start: str
    end: str
    summary: str


@dataclass(frozen=True)
class MetricSection:
    """One metric of all rows, or the mean error that a detector hears."""

    metric: str
    level: Level | None
    sentence: str
    chart: MetricChart | None


@dataclass(frozen=True)
class SegmentTally:
    """One metric in one segment that was ever at warning or above."""

    metric: str
    segment: str
    level: Level
    sentence: str


@dataclass(frozen=True)
class ModelSection:
    """Everything about the model."""

    level: Level | None
    metrics: tuple[MetricSection, ...]
    errors: tuple[MetricSection, ...]
    segments: tuple[SegmentTally, ...]
    page: ModelPage | None


def model_section(found: GatheredModel) -> ModelSection | None:
    """Return the section; None where no prediction was ever scored."""
    if not found.tallies:
        return None
    metrics = dict.fromkeys(metric for metric, segment, source in found.tallies if source != "errors" and not segment)
    detectors = dict.fromkeys(metric for metric, segment, source in found.tallies if source == "errors" and not segment)
    made = [_metric(found, name, ("realized", "estimated")) for name in metrics]
    last = ModelState((), found.join, found.tables)
    return ModelSection(
        worst(tally.level for tally in found.tallies.values()),
        tuple(sorted(made, key=lambda each: -max(0, urgency(each.level)))),
        tuple(_metric(found, name, ("errors",)) for name in detectors),
        tuple(_segments(found))[:_MAX_SEGMENTS],
        page_of(last, show_all=False) if found.join is not None or found.tables is not None else None,
    )


def _metric(found: GatheredModel, name: str, sources: Sequence[str]) -> MetricSection:
    tallies = [tally for source in sources if (tally := found.tallies.get((name, "", source))) is not None]
    traces = [found.traces.get((name, source)) for source in sources]
    chart = metric_chart(*(trace.points if trace is not None else [] for trace in traces))
    level = worst(tally.level for tally in tallies)
    sentence = next((_sentence(tally) for tally in tallies if tally.level is level), "")
    return MetricSection(name, level, sentence, chart)


def _segments(found: GatheredModel) -> Iterator[SegmentTally]:
    bad = [(key, tally) for key, tally in found.tallies.items() if key[1] and tally.bad]
    for (metric, segment, source), tally in sorted(bad, key=lambda item: (-urgency(item[1].level), -item[1].bad)):
        assert tally.level is not None, "what was bad has a level"
        yield SegmentTally(
            metric if source != "estimated" else f"{metric}, estimated", segment, tally.level, _sentence(tally)
        )


def _sentence(tally: MetricTally) -> str:
    """Return what became of a metric."""
    total, view = tally.levels.total(), tally.worst
    cohorts = f"{total:,} cohort{'' if total == 1 else 's'}"
    if not tally.bad or view is None:
        return (
            f"Not judged in {cohorts}: {view.reason if view else ''}."
            if tally.level is Level.UNKNOWN
            else f"Fine in {cohorts}."
        )
    return f"At warning or above in {tally.bad:,} of {cohorts}, first at {clock(tally.first_bad_ms)}. {_worst(view)}"


def _worst(view: ModelView) -> str:
    baseline = f", the baseline's is {number(view.baseline)}" if view.baseline is not None else ""
    evidence = f"; {view.evidence}" if view.evidence else ""
    return f"Worst at {clock(view.start_ms)}: {number(view.value)}{baseline}; {view.reason}{evidence}."


def metric_chart(realized: Sequence[MetricPoint], estimated: Sequence[MetricPoint] = ()) -> MetricChart | None:
    """Return the chart of a metric with labels and without; None where it never had a value."""
    every = [point for point in (*realized, *estimated) if finite(point.value) is not None]
    if not every:
        return None
    seen = [
        v for p in every for v in (p.value, p.lower, p.upper, p.baseline) if finite(v) is not None and v is not None
    ]
    low, high = min(seen), max(seen)
    step = nice_step(max(high - low, abs(high) * 0.02, 1e-9))
    bottom, top = (low // step) * step, (high // step + 1) * step
    floor = HEIGHT - _BOTTOM
    start, end = min(p.start_ms for p in every), max(p.end_ms for p in every)

    def x(p: MetricPoint) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * ((p.start_ms + p.end_ms) / 2 - start) / max(1, end - start), 1)

    def y(value: float) -> float:
        return round(floor - (floor - _TOP) * (value - bottom) / (top - bottom), 1)

    steps = round((top - bottom) / step)
    return MetricChart(
        WIDTH,
        HEIGHT,
        _LEFT,
        WIDTH - _RIGHT,
        floor,
        tuple(Tick(y(bottom + k * step), number(bottom + k * step)) for k in range(steps + 1)),
        _band(realized or estimated, x, y),
        broken_line(realized, x, y, lambda p: p.value),
        broken_line(estimated, x, y, lambda p: p.value),
        broken_line(realized or estimated, x, y, lambda p: p.baseline),
        tuple(_dots(every, x, y)),
        clock(start),
        clock(end),
        f"{len(every)} points from {clock(start)} to {clock(end)}, between {number(low)} and {number(high)}",
    )


def _band(points: Sequence[MetricPoint], x: Callable[[MetricPoint], float], y: Callable[[float], float]) -> str:
    """Return the outline of the interval."""
    known = [(x(p), y(p.lower), y(p.upper)) for p in points if p.lower is not None and p.upper is not None]
    if len(known) <= 1:
        return ""
    there = "L".join(f"{at} {upper}" for at, _, upper in known)
    back = "L".join(f"{at} {lower}" for at, lower, _ in reversed(known))
    return f"M{there}L{back}Z"


def _dots(
    points: Sequence[MetricPoint], x: Callable[[MetricPoint], float], y: Callable[[float], float]
) -> Iterator[Dot]:
    bad = [p for p in points if p.level >= Level.WARNING or len(points) == 1]
    for p in sorted(bad, key=lambda p: -p.level)[:_MAX_DOTS]:
        value = p.value or 0.0
        yield Dot(x(p), y(value), p.level.name.lower(), f"{clock(p.start_ms)}: {number(value)}")
