"""What a backtest found in a stretch of history: alerts, pages and how often they come, by rule and in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.backtesting.fired import FiredAlert, Firings
from monitor.backtesting.opening import EVERYTHING, Stretch
from monitor.backtesting.paging import Page, Pager
from monitor.backtesting.running import Heard
from monitor.budget_views import BudgetView
from monitor.intervals import poisson
from monitor.outcomes import EPOCH_CHANGE
from monitor.plan import MonitorPlan
from monitor.results import WindowResult

WEEK_MS = 7 * 86_400_000


@dataclass(frozen=True)
class Rate:
    """How many in so many weeks, and how many a week with the ends of the exact 95 % interval of Poisson's mean."""

    n: int
    weeks: float

    @property
    def per_week(self) -> float:
        """How many came a week."""
        return self.n / self.weeks

    @property
    def interval(self) -> tuple[float, float]:
        """How many a week may be expected, if they come independently of each other."""
        lower, upper = poisson(self.n)
        return lower / self.weeks, upper / self.weeks


@dataclass
class Busy:
    """What one rule on one field brought: alerts, how many of them were critical, pages led, time firing."""

    rule: str
    field: str
    alerts: int = 0
    critical: int = 0
    pages: int = 0
    firing_ms: int = 0


@dataclass
class History:
    """Collects a run; `stretch` says which windows count, those before it warm up what remembers.

    Alerts count where they fired, pages where they were sent. `unjudged` names, as (rule, field), what could not be
    judged on stored panes.
    """

    plan: MonitorPlan
    pager: Pager
    stretch: Stretch = EVERYTHING
    windows: int = 0
    empty_windows: int = 0
    rows: int = 0
    first_ms: int | None = None
    last_ms: int = 0
    incidents: set[str] = field(default_factory=set)
    unjudged: set[tuple[str, str]] = field(default_factory=set)
    budget: BudgetView | None = None
    totals: dict[str, int] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _judged: set[tuple[str, str]] = field(default_factory=set)
    _lacking: set[tuple[str, str]] = field(default_factory=set)
    _firings: Firings = field(default_factory=Firings)

    def hear(self, heard: Heard) -> None:
        """Take the next window; what lies behind the stretch is left out."""
        window = heard.window
        if self.stretch.over(window.start_ms):
            return
        inside = [(at_ms, alert) for at_ms, alert in heard.alerts if not self._behind(at_ms)]
        self._firings.hear(inside)
        for at_ms in dict.fromkeys(at_ms for at_ms, _ in inside):
            self.pager.hear(at_ms + self.plan.lateness_ms, [alert for at, alert in inside if at == at_ms])
        raised = {incident.id for incident in window.incidents if incident.raised}
        self._count(window)
        if self._counts(window.end_ms):
            self.incidents |= raised - self._told
        self._told |= raised
        self._note(window)

    def _behind(self, at_ms: int) -> bool:
        return self.stretch.to_ms is not None and at_ms > self.stretch.to_ms

    def _count(self, window: WindowResult) -> None:
        """Count the windows that lie in the stretch, of a run of empty ones those that do."""
        stride_ms = self.plan.grid.pane_ms
        size_ms = self.plan.grid.size_ms
        first_ms, last_ms = window.start_ms, window.end_ms
        if self.stretch.from_ms is not None and first_ms < self.stretch.from_ms:
            first_ms += -(-(self.stretch.from_ms - first_ms) // stride_ms) * stride_ms
        if self.stretch.to_ms is not None and last_ms > self.stretch.to_ms:
            last_ms -= -(-(last_ms - self.stretch.to_ms) // stride_ms) * stride_ms
        n = (last_ms - first_ms - size_ms) // stride_ms + 1
        if n < 1:
            return
        self.windows += n
        self.empty_windows += n if window.gap else 0
        self.rows += window.rows
        self.first_ms = first_ms if self.first_ms is None else self.first_ms
        self.last_ms = last_ms

    def _note(self, window: WindowResult) -> None:
        """Note what was judged, and what could not be since its panes do not hold it; empty windows say neither."""
        if window.gap:
            return
        reasons = [((each.detector, each.field), each.reason) for each in window.verdicts]
        reasons += [((each.check, each.field), each.reason) for each in window.checks]
        for stream, reason in reasons:
            (self._lacking if reason == EPOCH_CHANGE else self._judged).add(stream)

    def finish(self, budget: BudgetView | None = None, totals: Mapping[str, int] | None = None) -> None:
        """Take the end, with what was counted: what was held until then is delivered, what was never judged known."""
        end_ms = self.last_ms if self.stretch.to_ms is None else self.stretch.to_ms
        self.pager.reach(end_ms + self.plan.lateness_ms)
        self.budget = budget
        self.totals = dict(totals or {})
        self.unjudged |= self._lacking - self._judged

    def _counts(self, at_ms: int) -> bool:
        """Return whether what happened at the end of a window counts."""
        early = self.stretch.from_ms is not None and at_ms < self.stretch.from_ms + self.plan.grid.size_ms
        return not early and not self._behind(at_ms)

    @property
    def alerts(self) -> list[FiredAlert]:
        """The alerts that fired in the stretch, in order."""
        return [alert for alert in self._firings.alerts if self._counts(alert.fired_at_ms)]

    def pages_of(self, sink: str) -> list[Page]:
        """Return the pages that a sink sent in the stretch, in order."""
        return [page for page in self.pager.pages[sink] if self._counts(page.at_ms - self.plan.lateness_ms)]

    @property
    def pages(self) -> list[Page]:
        """The pages of the sink that counts."""
        return self.pages_of(self.pager.main)

    @property
    def weeks(self) -> float:
        """How much event time was judged."""
        return 0.0 if self.first_ms is None else (self.last_ms - self.first_ms) / WEEK_MS

    @property
    def rate(self) -> Rate:
        """How often somebody is paged; only where windows were judged."""
        return Rate(len(self.pages), self.weeks)

    @property
    def busiest(self) -> Sequence[Busy]:
        """Every rule and field that alerted or led a page, the one with most pages first."""
        found: dict[tuple[str, str], Busy] = {}
        for alert in self.alerts:
            rule, name, _ = alert.key
            busy = found.setdefault((rule, name), Busy(rule, name))
            busy.alerts += 1
            busy.critical += alert.severity == "critical"
            busy.firing_ms += alert.firing_ms(self.last_ms)
        for page in self.pages:
            if page.rule:
                found.setdefault((page.rule, page.field), Busy(page.rule, page.field)).pages += 1
        return sorted(found.values(), key=lambda busy: (-busy.pages, -busy.alerts, -busy.firing_ms, busy.rule))
