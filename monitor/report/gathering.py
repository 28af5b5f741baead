"""What the report keeps of a replay: bounded by the configuration, whatever the length of the input."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.describe import profile_views
from monitor.engine import Engine
from monitor.plan import MonitorPlan
from monitor.replay import Replay, totals
from monitor.report.levels import Levels
from monitor.report.models import GatheredModel
from monitor.report.trace import Point, Trace
from monitor.results import CheckOutcome, StepResult, WindowResult
from monitor.snapshot import IncidentView, ProfileView, VerdictView
from monitor.types import Alert, Level, Presence
from monitor.web.console_model import urgency

MAX_ALERTS = 500
"""So many alerts, and as many incidents, are listed; more are counted."""


@dataclass
class Tally(Levels):
    """How one stream of verdicts went, and its worst window."""

    worst: VerdictView | None = None
    worst_start_ms: int = 0

    def hear(self, verdict: VerdictView, start_ms: int) -> None:
        """Take the next verdict."""
        self.count(verdict.level, start_ms)
        if self.worst is None or badness(verdict) > badness(self.worst):
            self.worst, self.worst_start_ms = verdict, start_ms


@dataclass
class CheckTally(Levels):
    """How one check in one segment went."""

    failures: int = 0
    rows: int = 0
    reason: str = ""

    def hear(self, outcome: CheckOutcome, window: WindowResult) -> None:
        """Take the next outcome, of a run of empty windows as often as there are."""
        if self.level is None or outcome.level > self.level:
            self.reason = outcome.reason
        self.count(outcome.level, window.start_ms, window.windows)
        self.failures += outcome.failures * window.windows
        self.rows += outcome.rows


@dataclass
class Shown:
    """A field's distribution in one window; None where the field has no cells."""

    start_ms: int
    end_ms: int
    profile: ProfileView | None


@dataclass
class AlertRow:
    """One alert from its firing to its end, which is open while it fires."""

    fired: Alert
    ends_at_ms: int | None = None


@dataclass
class IncidentRow:
    """One incident as it was told last, from the window in which it was told first to the last one of its life."""

    view: IncidentView
    first_ms: int
    last_ms: int


@dataclass
class Gathered:
    """Everything the report is drawn from.

    `scores` are of all rows, by field and detector; `missing` by field; `tallies` by field, segment and detector;
    `worst` the distribution of each field and segment in its worst window, `last` that of all rows in the last one;
    `model` what is known of a model.
    """

    plan: MonitorPlan
    scores: dict[tuple[str, str], Trace[Point]] = field(default_factory=dict)
    missing: dict[str, Trace[Point]] = field(default_factory=dict)
    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=dict)
    checks: dict[tuple[str, str, str], CheckTally] = field(default_factory=dict)
    failures: dict[tuple[str, str], Trace[Point]] = field(default_factory=dict)
    worst: dict[tuple[str, str], Shown] = field(default_factory=dict)
    last: dict[str, Shown] = field(default_factory=dict)
    alerts: list[AlertRow] = field(default_factory=list)
    more_alerts: int = 0
    incidents: dict[str, IncidentRow] = field(default_factory=dict)
    model: GatheredModel = field(default_factory=GatheredModel)
    more_incidents: int = 0
    windows: int = 0
    empty_windows: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    totals: dict[str, int] = field(default_factory=dict)
    _firing: dict[tuple[str, str], AlertRow] = field(default_factory=dict)
    _worst: dict[tuple[str, str], tuple[int, float, float]] = field(default_factory=dict)
    _warning: dict[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look up by what scores of different detectors are compared."""
        for item in self.plan.detectors:
            self._warning[item.field, item.name] = getattr(item.spec, "warning", 0.0) or 1.0

    @property
    def fired(self) -> int:
        """How many alerts fired, listed or not."""
        return len(self.alerts) + self.more_alerts

    def hear(self, result: StepResult, engine: Engine) -> None:
        """Take what a step brought about, before the next one."""
        for alert in result.alerts:
            self._alert(alert)
        for window in result.windows:
            self._window(window)
            self.model.hear(window.models, engine)

    def _alert(self, alert: Alert) -> None:
        """List an alert that fires, or note its end; a change of severity ends one and begins another."""
        key = alert.identity
        if alert.status == "resolved":
            row = self._firing.pop(key, None)
            if row is not None:
                row.ends_at_ms = alert.ends_at_ms
        elif len(self.alerts) < MAX_ALERTS:
            self._firing[key] = AlertRow(alert)
            self.alerts.append(self._firing[key])
        else:
            self.more_alerts += 1

    def finish(self, engine: Engine) -> None:
        """Take the totals at the end."""
        self.totals = totals(engine)
        self.model.finish(engine)

    def _window(self, window: WindowResult) -> None:
        self.windows += window.windows
        self.first_ms = window.start_ms if self.first_ms is None else self.first_ms
        self.last_ms = window.end_ms
        for outcome in window.checks:
            self.checks.setdefault((outcome.check, outcome.field, outcome.segment), CheckTally()).hear(outcome, window)
            if not outcome.segment:
                trace = self.failures.setdefault((outcome.check, outcome.field), Trace())
                trace.add(Point(window.start_ms, window.end_ms, outcome.failure_ratio, level=outcome.level))
        if window.profile is None:
            self.empty_windows += window.windows
            return
        changed = set()
        for verdict in window.verdicts:
            place = (verdict.field, verdict.segment)
            self.tallies.setdefault((*place, verdict.detector), Tally()).hear(verdict, window.start_ms)
            found = badness(verdict, self._warning.get((verdict.field, verdict.detector), 1.0))
            if place not in self._worst or found > self._worst[place]:
                self._worst[place] = found
                changed.add(place)
            if not verdict.segment:
                self.scores.setdefault((verdict.field, verdict.detector), Trace()).add(_point(verdict, window))
        for incident in window.incidents:
            self._incident(incident, window)
        self._missing(window)
        self._distributions(window, changed)

    def _incident(self, incident: IncidentView, window: WindowResult) -> None:
        """Keep what an incident says last; one that was never raised is not told of."""
        known = self.incidents.get(incident.id)
        if known is not None:
            known.last_ms = window.end_ms
            known.view = incident if incident.fresh else known.view
        elif incident.raised and len(self.incidents) < MAX_ALERTS:
            self.incidents[incident.id] = IncidentRow(incident, window.start_ms, window.end_ms)
        elif incident.raised and incident.fresh:
            self.more_incidents += 1

    def _missing(self, window: WindowResult) -> None:
        """Note the share of rows without a value, of all rows."""
        assert window.profile is not None
        for spec, accumulator in window.profile.accumulators.items():
            if spec.kind != "presence":
                continue
            counts = accumulator.counts[0]
            rows = int(counts.sum())
            missing = int(counts[Presence.ABSENT] + counts[Presence.NULL])
            share = missing / rows if rows else None
            self.missing.setdefault(spec.field, Trace()).add(Point(window.start_ms, window.end_ms, share))

    def _distributions(self, window: WindowResult, changed: set[tuple[str, str]]) -> None:
        """Keep the distributions of the last window, and of those whose worst window this is."""
        plan, profile = self.plan, window.profile
        assert profile is not None
        profiles = {(p.field, p.segment): p for p in profile_views(plan, profile, window.baseline)}
        for key in changed | {key for key in profiles if not key[1]}:
            found = Shown(window.start_ms, window.end_ms, profiles.get(key))
            if key in changed:
                self.worst[key] = found
            if not key[1]:
                self.last[key[0]] = found


def gather(replay: Replay) -> Gathered:
    """Run a replay to its end and return what the report needs of it."""
    found = Gathered(replay.engine.plan)
    for result in replay.results():
        found.hear(result, replay.engine)
    found.finish(replay.engine)
    return found


def _point(verdict: VerdictView, window: WindowResult) -> Point:
    return Point(window.start_ms, window.end_ms, verdict.score, verdict.lower_bound, verdict.noise_floor, verdict.level)


def badness(verdict: VerdictView, unit: float = 1.0) -> tuple[int, float, float]:
    """Return by what verdicts are ordered: level, then how much is sure, then the score, both in `unit`."""
    known = -1 if verdict.level is Level.UNKNOWN else urgency(verdict.level)
    return known, (verdict.lower_bound or 0.0) / unit, (verdict.score or 0.0) / unit
