"""The report's page: what was gathered, laid out worst first, rendered without anything external."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from monitor import __version__
from monitor.report.gathering import CheckTally, Gathered, Shown, Tally
from monitor.report.model_section import model_section
from monitor.report.timeline import Timeline, timeline
from monitor.report.trace import Point, Trace
from monitor.report.words import check_sentence, field_sentence, headline
from monitor.types import Level
from monitor.web.chart import Chart
from monitor.web.console_model import Cell, distribution, urgency, worst
from monitor.web.environment import environment

_TEMPLATES = Path(__file__).parent / "templates"
_MAX_SEGMENTS = 15
_MAX_CHECKS = 200
_ROWS = "rows of a window"
"""What a series watches that is of no field."""


@dataclass(frozen=True)
class Score:
    """One detector's series over all rows."""

    detector: str
    tally: Tally
    chart: Timeline
    windows_per_point: int


@dataclass(frozen=True)
class SegmentRow:
    """One segment of a field that was ever at warning or above."""

    segment: str
    level: Level
    sentence: str


@dataclass(frozen=True)
class FieldSection:
    """Everything about one field."""

    number: int
    name: str
    level: Level | None
    sentence: str
    bad: int
    scores: tuple[Score, ...]
    shown: Shown | None
    shown_segment: str
    is_worst: bool
    chart: Chart | None
    cells: tuple[Cell, ...]
    missing: Timeline | None
    missing_most: float | None
    segments: tuple[SegmentRow, ...]
    more_segments: int


@dataclass(frozen=True)
class CheckRow:
    """One check in one segment."""

    check: str
    field: str
    segment: str
    level: Level | None
    sentence: str
    tally: CheckTally
    chart: Timeline | None


@dataclass(frozen=True)
class Origin:
    """Where the data and the baseline came from, in words."""

    inputs: tuple[str, ...]
    config_hash: str
    baseline_version: str = ""
    baseline_source: str = ""
    baseline_rows: int = 0
    baseline_first_ms: int | None = None
    baseline_last_ms: int | None = None


def render(found: Gathered, origin: Origin, now_ms: int) -> str:
    """Return the report as one HTML document; whatever comes from records is escaped."""
    fields = sections(found)
    compared = {item.field for item in found.plan.detectors}
    levels = [section.level for section in fields if section.name in compared]
    checks = check_rows(found)
    fired = found.fired
    model = model_section(found.model)
    level = worst([*(f.level for f in fields), *(c.level for c in checks), None if model is None else model.level])
    template = environment(_TEMPLATES).get_template("report.html")
    return template.render(
        found=found,
        origin=origin,
        monitor=found.plan.monitor,
        version=__version__,
        now_ms=now_ms,
        headline=headline(levels, fired),
        level=level if level is not None else Level.UNKNOWN,
        fields=fields,
        model=model,
        alerts=found.alerts,
        fired=fired,
        checks=checks[:_MAX_CHECKS],
        more_checks=max(0, len(checks) - _MAX_CHECKS),
    )


def sections(found: Gathered) -> list[FieldSection]:
    """Return a section for every field and every other thing that was compared, worst first."""
    names = dict.fromkeys([*found.plan.fields, *(field for field, _, _ in found.tallies)])
    by_place: dict[tuple[str, str], dict[str, Tally]] = {}
    for (field, segment, detector), tally in found.tallies.items():
        by_place.setdefault((field, segment), {})[detector] = tally
    made = [_section(found, name, by_place) for name in names]
    made.sort(key=lambda s: (-urgency(s.level), -s.bad, s.name))
    return [replace(section, number=n + 1) for n, section in enumerate(made)]


def _section(found: Gathered, name: str, by_place: Mapping[tuple[str, str], dict[str, Tally]]) -> FieldSection:
    whole = by_place.get((name, ""), {})
    parts = {segment: tallies for (field, segment), tallies in by_place.items() if field == name and segment}
    level = worst(t.level for t in [*whole.values(), *(t for part in parts.values() for t in part.values())])
    segments = _segments(parts)
    all_rows_bad = any(tally.bad for tally in whole.values())
    # Where only a segment drifted, its distribution is what there is to see.
    segment = "" if all_rows_bad or not segments else segments[0].segment
    is_worst = all_rows_bad or bool(segments)
    seen = found.worst.get((name, segment)) if is_worst else found.last.get(name)
    chart, cells = distribution(seen.profile) if seen is not None and seen.profile is not None else (None, ())
    missing = found.missing.get(name)
    return FieldSection(
        number=0,
        name=name or _ROWS,
        level=level,
        sentence=field_sentence(whole),
        bad=max((tally.bad for tally in whole.values()), default=0),
        scores=tuple(_scores(found, name, whole)),
        shown=seen,
        shown_segment=segment,
        is_worst=is_worst,
        chart=chart,
        cells=cells,
        missing=_share_chart(missing),
        missing_most=max((p.score for p in missing.points if p.score is not None), default=None) if missing else None,
        segments=tuple(segments[:_MAX_SEGMENTS]),
        more_segments=max(0, len(segments) - _MAX_SEGMENTS),
    )


def _share_chart(trace: Trace[Point] | None) -> Timeline | None:
    """Return the chart of a share; None where it was never anything but nothing."""
    if trace is None or not any(point.score for point in trace.points):
        return None
    return timeline(trace.points, share=True)


def _scores(found: Gathered, name: str, whole: Mapping[str, Tally]) -> Iterable[Score]:
    """Yield the detectors' series of a field, the worst first."""
    specs = {item.name: item.spec for item in found.plan.detectors if item.field == name}
    for detector, tally in sorted(whole.items(), key=lambda item: (-urgency(item[1].level), -item[1].bad, item[0])):
        trace, spec = found.scores[name, detector], specs.get(detector)
        chart = timeline(trace.points, warning=getattr(spec, "warning", None), critical=getattr(spec, "critical", None))
        yield Score(detector, tally, chart, trace.windows_per_point)


def _segments(parts: Mapping[str, dict[str, Tally]]) -> list[SegmentRow]:
    """Return the segments that were ever at warning or above, worst first."""
    bad = [(segment, tallies) for segment, tallies in parts.items() if any(t.bad for t in tallies.values())]

    def order(item: tuple[str, dict[str, Tally]]) -> tuple[int, int, str]:
        segment, tallies = item
        return -max(urgency(t.level) for t in tallies.values()), -max(t.bad for t in tallies.values()), segment

    rows = []
    for segment, tallies in sorted(bad, key=order):
        level = worst(tally.level for tally in tallies.values())
        assert level is not None, "a segment that was bad has a level"
        rows.append(SegmentRow(segment, level, field_sentence(tallies)))
    return rows


def check_rows(found: Gathered) -> list[CheckRow]:
    """Return every check of all rows, and those of segments that ever failed, worst first."""
    rows = []
    for (check, field, segment), tally in found.checks.items():
        if segment and tally.level not in (Level.WARNING, Level.CRITICAL):
            continue
        trace = found.failures.get((check, field)) if not segment else None
        rows.append(CheckRow(check, field, segment, tally.level, check_sentence(tally), tally, _share_chart(trace)))
    return sorted(rows, key=lambda row: (-urgency(row.level), row.segment != "", row.check, row.segment))
