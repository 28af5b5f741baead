"""What the console and the report show of a model, worked out from its views; the templates only lay it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

from monitor.model_views import CalibrationView, ConfusionView, JoinView, ModelState, ModelTables, ModelView
from monitor.snapshot import Snapshot
from monitor.types import Level
from monitor.web.console_model import MAX_ROWS, urgency, worst
from monitor.web.text import duration, finite, number

SIZE = 300
"""Width and height of a calibration curve's square."""
_MARGIN = 34
_LARGEST_DOT = 9.0
_SMALLEST_DOT = 2.5


@dataclass(frozen=True)
class MetricRow:
    """One metric in one segment: with labels, and estimated without, as far as there is either."""

    metric: str
    segment: str
    level: Level | None
    realized: ModelView | None
    estimated: ModelView | None

    @property
    def baseline(self) -> float | None:
        """The baseline's value."""
        return next((v.baseline for v in (self.realized, self.estimated) if v and v.baseline is not None), None)

    @property
    def said(self) -> str:
        """Why the level is what it is, and why the model got worse where that can be told."""
        views = [v for v in (self.realized, self.estimated) if v is not None and v.level is self.level]
        shown = views[0] if views and self.level is not Level.OK else None
        return "" if shown is None else f"{shown.reason}; {shown.evidence}" if shown.evidence else shown.reason


@dataclass(frozen=True)
class ConfusionRow:
    """One label: how many rows were predicted as each class, their share of the label's rows, and the baseline's."""

    label: str
    rows: int
    cells: tuple[tuple[int, float | None, float | None, bool], ...]


@dataclass(frozen=True)
class Dot:
    """One bin of a calibration curve: where it is drawn, how large, and its numbers."""

    x: float
    y: float
    r: float
    score: float
    share: float
    rows: int


@dataclass(frozen=True)
class Curve:
    """A calibration curve: mean score against the share of rows that were right, in a square of `size` and `margin`."""

    of: str
    size: int
    margin: int
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class Delay:
    """One bucket of label delays."""

    name: str
    share: float


@dataclass(frozen=True)
class ModelPage:
    """Everything about the model of a monitor."""

    level: Level | None
    rows: tuple[MetricRow, ...]
    hidden: int
    errors: tuple[ModelView, ...]
    classes: tuple[str, ...]
    confusion: tuple[ConfusionRow, ...]
    curves: tuple[Curve, ...]
    tables: ModelTables | None
    join: JoinView | None
    delays: tuple[Delay, ...]
    realized_ms: tuple[int, int] | None
    estimated_ms: tuple[int, int] | None


def model_page(s: Snapshot, *, show_all: bool) -> ModelPage | None:
    """Return the page of the monitor's model, None without one; segments that are ok only with `show_all`."""
    return page_of(s.model, show_all=show_all)


def page_of(model: ModelState, *, show_all: bool) -> ModelPage | None:
    """Return the same of what is known of a model."""
    if not model.metrics and model.join is None:
        return None
    rows = metric_rows(model.metrics)
    chosen = [r for r in rows if show_all or not r.segment or r.level in {Level.WARNING, Level.CRITICAL}]
    errors = sorted((v for v in model.metrics if v.source == "errors"), key=lambda v: (-urgency(v.level), v.segment))
    tables = model.tables
    return ModelPage(
        level=level_of(v.level for v in model.metrics),
        rows=tuple(chosen[:MAX_ROWS]),
        hidden=len(rows) - len(chosen[:MAX_ROWS]),
        errors=tuple(v for v in errors if show_all or not v.segment or v.level > Level.OK)[:MAX_ROWS],
        classes=() if tables is None else tables.confusion.classes,
        confusion=() if tables is None else tuple(_confusion(tables.confusion)),
        curves=() if tables is None else tuple(curve(view) for view in tables.calibration),
        tables=tables,
        join=model.join,
        delays=() if model.join is None else tuple(_delays(model.join)),
        realized_ms=_window(model.metrics, "realized"),
        estimated_ms=_window(model.metrics, "estimated"),
    )


def metric_rows(views: Iterable[ModelView]) -> list[MetricRow]:
    """Return a row for every metric and segment, all rows first, in the order in which metrics are shown."""
    found: dict[tuple[str, str], dict[str, ModelView]] = {}
    for view in views:
        if view.source != "errors":
            found.setdefault((view.metric, view.segment), {})[view.source] = view
    rows = [
        MetricRow(
            metric,
            segment,
            level_of(view.level for view in sources.values()),
            sources.get("realized"),
            sources.get("estimated"),
        )
        for (metric, segment), sources in found.items()
    ]
    bad = {Level.WARNING, Level.CRITICAL}
    return sorted(rows, key=lambda r: (r.segment != "", -urgency(r.level) if r.level in bad else 0))


def level_of(levels: Iterable[Level]) -> Level | None:
    """Return the worst level of what is known; unknown only where nothing is: an estimate may have no rows just now."""
    found = list(levels)
    return worst([level for level in found if level is not Level.UNKNOWN] or found)


def curve(view: CalibrationView) -> Curve:
    """Return where the bins of a calibration curve are drawn; the area of a dot goes with its rows."""
    most, inner = max(view.rows), SIZE - 2 * _MARGIN
    dots = tuple(
        Dot(
            round(_MARGIN + inner * min(max(score, 0.0), 1.0), 1),
            round(SIZE - _MARGIN - inner * share, 1),
            round(max(_SMALLEST_DOT, _LARGEST_DOT * sqrt(rows / most)), 1),
            score,
            share,
            rows,
        )
        for score, share, rows in zip(view.scores, view.shares, view.rows, strict=True)
    )
    return Curve(view.of, SIZE, _MARGIN, dots)


def interval(view: ModelView | None) -> str:
    """Return a metric's 95 % interval as people read it; empty without one."""
    if view is None or finite(view.lower) is None or finite(view.upper) is None:
        return ""
    return f"{number(view.lower)} … {number(view.upper)}"


def _confusion(view: ConfusionView) -> Iterator[ConfusionRow]:
    before = view.baseline
    for i, (label, counts) in enumerate(zip(view.classes, view.counts, strict=True)):
        shares, was = _shares(counts), [None] * len(counts) if before is None else _shares(before[i])
        cells = zip(counts, shares, was, (i == j for j in range(len(counts))), strict=True)
        yield ConfusionRow(label, sum(counts), tuple(cells))


def _shares(counts: Sequence[int]) -> list[float | None]:
    total = sum(counts)
    return [n / total if total else None for n in counts]


def _delays(join: JoinView) -> Iterator[Delay]:
    """Yield the buckets between the first and the last with a label."""
    total = sum(join.delay_counts)
    filled = [place for place, n in enumerate(join.delay_counts) if n]
    names = [f"up to {duration(bound)}" for bound in join.delay_bounds_s] + ["longer"]
    for place in range(filled[0], filled[-1] + 1) if filled else ():
        yield Delay(names[place], join.delay_counts[place] / total)


def _window(views: Iterable[ModelView], source: str) -> tuple[int, int] | None:
    return next(((v.start_ms, v.end_ms) for v in views if v.source == source and v.end_ms), None)
