"""What the console's pages show, worked out from a snapshot; the templates only lay it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from monitor.snapshot import CheckView, FieldView, PartitionView, ProfileView, Snapshot, VerdictView
from monitor.types import Alert, Level
from monitor.web.chart import Chart, draw, movers
from monitor.web.text import duration, finite, number, shown

MAX_ROWS = 300
_MAX_DETECTOR_COLUMNS = 4
_MAX_LINK_CHARS = 1_500
_CELL_CHARS = 60
# Unknown stands between ok and warning: it is no fault that is known, but nobody may call it fine.
_URGENCY = {Level.OK: 0, Level.UNKNOWN: 1, Level.WARNING: 2, Level.CRITICAL: 3}


def worst(levels: Iterable[Level | None]) -> Level | None:
    """Return the most urgent level, None of nothing."""
    return max(levels, key=urgency, default=None)


@dataclass(frozen=True)
class Tile:
    """A number at the top of the page."""

    title: str
    value: str
    note: str
    level: Level


@dataclass(frozen=True)
class FieldRow:
    """One line of the table of fields; `verdicts` in the order of the page's detector columns."""

    field: str
    segment: str
    url: str | None
    level: Level | None
    view: FieldView | None
    verdicts: tuple[VerdictView | None, ...]
    others: tuple[VerdictView, ...]


@dataclass(frozen=True)
class Overview:
    """The first page."""

    headline: str
    headline_level: Level
    tiles: tuple[Tile, ...]
    alerts: tuple[Alert, ...]
    detectors: tuple[str, ...]
    has_others: bool
    rows: tuple[FieldRow, ...]
    hidden: int
    checks: tuple[CheckView, ...]
    partitions: tuple[PartitionView, ...]
    partitions_hidden: int


@dataclass(frozen=True)
class Cell:
    """One line of the table under a chart."""

    number: int
    label: str
    baseline: float
    current: float
    change: float | None
    moved: bool


@dataclass(frozen=True)
class FieldPage:
    """The page of one field in one segment."""

    field: str
    segment: str
    level: Level | None
    view: FieldView | None
    verdicts: tuple[VerdictView, ...]
    segments: tuple[tuple[str, str | None], ...]
    chart: Chart | None
    cells: tuple[Cell, ...]
    alerts: tuple[Alert, ...]
    api_query: str


def field_url(field: str, segment: str) -> str | None:
    """Return the address of a field's page; None where the names are too long to be one."""
    if len(field) + len(segment) > _MAX_LINK_CHARS:
        return None
    path = f"/fields/{quote(field, safe='', errors='replace')}"
    return f"{path}?{urlencode({'segment': segment}, errors='replace')}" if segment else path


def firing(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Return the alerts that fire, critical ones and the oldest first."""
    return tuple(
        sorted(
            (a for a in alerts if a.status == "firing"),
            key=lambda a: (a.severity != "critical", a.starts_at_ms, a.fingerprint),
        )
    )


def headline(s: Snapshot, *, alive: bool) -> tuple[str, Level]:
    """Return the one sentence that the page has to say."""
    if not alive:
        return "The data thread does not answer: everything below is old.", Level.CRITICAL
    if not s.ready:
        return f"Not ready: {shown(s.ready_reason, 200) or 'starting'}", Level.UNKNOWN
    return _trouble(s) or _waiting(s) or ("All quiet.", Level.OK)


def _trouble(s: Snapshot) -> tuple[str, Level] | None:
    """Return what needs somebody to look."""
    counts = Counter(a.severity for a in firing(s.alerts))
    if counts:
        parts = [f"{counts[name]} {name}" for name in ("critical", "warning") if counts[name]]
        plural = "s" if sum(counts.values()) > 1 else ""
        return f"{' and '.join(parts)} alert{plural} firing", Level.CRITICAL if counts["critical"] else Level.WARNING
    stalled = sum(p.stalled for p in s.partitions)
    if stalled:
        return f"No alert fires, but {stalled} partition{'s are' if stalled > 1 else ' is'} stalled.", Level.WARNING
    return None


def _waiting(s: Snapshot) -> tuple[str, Level] | None:
    """Return why the page cannot yet say that all is well."""
    if not s.caught_up:
        return "Catching up: verdicts are about the past.", Level.UNKNOWN
    if s.last_window is None:
        return "Waiting for the first window to close.", Level.UNKNOWN
    levels = {v.level for v in s.verdicts} | {c.level for c in s.checks} | {m.level for m in s.model.metrics}
    if levels & {Level.WARNING, Level.CRITICAL}:
        return "No alert fires; the last window was not clean.", Level.WARNING
    return None


def tiles(s: Snapshot) -> tuple[Tile, ...]:
    """Return the numbers at the top: is it up, is it behind, how much comes in."""
    age_s = None if s.watermark_ms is None else (s.taken_at_ms - s.watermark_ms) / 1000
    lags = [p.lag_records for p in s.partitions]
    known = [lag for lag in lags if lag is not None]
    lag_s = max((p.lag_s for p in s.partitions if p.lag_s is not None and finite(p.lag_s) is not None), default=None)
    stalled = sum(p.stalled for p in s.partitions)
    behind = f"{duration(lag_s)} behind" if lag_s is not None else "age unknown"
    rows = s.last_window.rows if s.last_window else None
    idle = sum(p.idle for p in s.partitions)
    return (
        Tile(
            "Ready",
            "yes" if s.ready else "no",
            ("caught up" if s.caught_up else "catching up") if s.ready else shown(s.ready_reason, 60),
            Level.OK if s.ready and s.caught_up else Level.UNKNOWN,
        ),
        Tile("Watermark age", duration(age_s), "event time is complete up to here", Level.OK),
        Tile(
            "Lag",
            number(sum(known)) if known else "–",
            f"{stalled} stalled, {behind}" if stalled else behind,
            Level.WARNING if stalled else Level.OK,
        ),
        Tile("Records per second", number(sum(s.records_per_second.values())), "over all topics", Level.OK),
        Tile(
            "Last window",
            number(rows),
            ("rows, partial" if s.last_window.partial else "rows") if s.last_window else "none closed yet",
            Level.UNKNOWN if s.last_window is None or s.last_window.partial else Level.OK,
        ),
        Tile("Partitions", str(len(s.partitions)), f"{idle} idle" if idle else "none idle", Level.OK),
    )


def field_rows(s: Snapshot, detectors: Sequence[str]) -> list[FieldRow]:
    """Return a row for every field and segment that has statistics or verdicts, worst first."""
    views = {(f.field, f.segment): f for f in s.fields}
    found: dict[tuple[str, str], list[VerdictView]] = {key: [] for key in views}
    for v in s.verdicts:
        found.setdefault((v.field, v.segment), []).append(v)
    rows = []
    for (field, segment), verdicts in found.items():
        by_detector = {v.detector: v for v in verdicts}
        rows.append(
            FieldRow(
                field=field,
                segment=segment,
                url=field_url(field, segment),
                level=worst(v.level for v in verdicts),
                view=views.get((field, segment)),
                verdicts=tuple(by_detector.get(d) for d in detectors),
                others=tuple(v for v in verdicts if v.detector not in detectors),
            )
        )
    # Within a level the greatest drift comes first; all rows before their segments, then by name.
    return sorted(rows, key=lambda r: (-urgency(r.level), -_strength(r), r.segment != "", r.field, r.segment))


def urgency(level: Level | None) -> int:
    """Return the place of a level when the worst come last; nothing at all is below ok."""
    return -1 if level is None else _URGENCY[level]


def _strength(row: FieldRow) -> float:
    bounds = [finite(v.lower_bound) for v in (*row.verdicts, *row.others) if v is not None]
    return max((b for b in bounds if b is not None), default=0.0)


def overview(s: Snapshot, *, alive: bool, show_all: bool) -> Overview:
    """Return the first page; unless `show_all`, segments that are ok are left out."""
    common = [name for name, _ in Counter(v.detector for v in s.verdicts).most_common(_MAX_DETECTOR_COLUMNS)]
    rows = field_rows(s, common)
    chosen = [r for r in rows if show_all or not r.segment or r.level in {Level.WARNING, Level.CRITICAL}]
    text, level = headline(s, alive=alive)
    checks = sorted(s.checks, key=lambda c: (-urgency(c.level), c.segment != "", c.check, c.segment))
    partitions = sorted(s.partitions, key=lambda p: (not p.stalled, -(finite(p.lag_s) or 0), p.topic, p.partition))
    return Overview(
        headline=text,
        headline_level=level,
        tiles=tiles(s),
        alerts=firing(s.alerts),
        detectors=tuple(common),
        has_others=any(r.others for r in chosen),
        rows=tuple(chosen[:MAX_ROWS]),
        hidden=len(rows) - len(chosen[:MAX_ROWS]),
        checks=tuple(checks[:MAX_ROWS]),
        partitions=tuple(partitions[:MAX_ROWS]),
        partitions_hidden=max(0, len(partitions) - MAX_ROWS),
    )


def field_page(s: Snapshot, field: str, segment: str) -> FieldPage | None:
    """Return the page of one field and segment; None when nothing is known of it."""
    view = next((f for f in s.fields if (f.field, f.segment) == (field, segment)), None)
    verdicts = [v for v in s.verdicts if (v.field, v.segment) == (field, segment)]
    profile = next((p for p in s.profiles if (p.field, p.segment) == (field, segment)), None)
    if view is None and not verdicts and profile is None:
        return None
    known = {f.segment for f in s.fields if f.field == field}
    known |= {v.segment for v in s.verdicts if v.field == field} | {p.segment for p in s.profiles if p.field == field}
    chart, cells = (None, ()) if profile is None else distribution(profile)
    return FieldPage(
        field=field,
        segment=segment,
        level=worst(v.level for v in verdicts),
        view=view,
        verdicts=tuple(sorted(verdicts, key=lambda v: (-_URGENCY[v.level], v.detector))),
        segments=tuple((name, field_url(field, name)) for name in sorted(known)[:MAX_ROWS]),
        chart=chart,
        cells=cells,
        alerts=tuple(a for a in firing(s.alerts) if a.labels.get("field") == field),
        api_query=urlencode({"field": field[:_MAX_LINK_CHARS], "segment": segment[:_MAX_LINK_CHARS]}, errors="replace"),
    )


def distribution(p: ProfileView) -> tuple[Chart, tuple[Cell, ...]]:
    """Return a distribution beside its baseline as a chart and as a table."""
    labels = [shown(label, _CELL_CHARS) for label in p.labels]
    moved = movers(p.baseline, p.current)
    cells = tuple(
        Cell(n + 1, label, b, c, finite(c - b), n in moved)
        for n, (label, b, c) in enumerate(zip(labels, p.baseline, p.current, strict=True))
    )
    return draw(labels, p.baseline, p.current), cells
