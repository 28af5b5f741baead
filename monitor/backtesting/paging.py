"""Who would have been paged: transitions on their way through outbox, gate and incidents, at the time of the data."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from monitor.alerting.silence import Silence
from monitor.config.tree import Config
from monitor.gating import Gatekeeper, build_gate
from monitor.incidents import Forgetful
from monitor.incidents.ledger import ordered
from monitor.incidents.words import INCIDENT, STORM
from monitor.outlets import route_of
from monitor.protocols import Sink
from monitor.sink_building import grouped
from monitor.sinks import PagerDutySpec, SinkSpec
from monitor.sinks.words import headline, replaced
from monitor.store.connecting import Beside
from monitor.store.outbox import Outbox, SinkRoute, put
from monitor.types import Alert

_BATCH = 100
_ASSUMED = PagerDutySpec(name="assumed-pagerduty", routing_key="0" * 32)
"""By this is paged where no configured sink pages anybody by itself: PagerDuty with its default settings."""


@dataclass
class Page:
    """One page: something that the receiver opens, at `at_ms`, and which is over at `ends_at_ms` (None: it is not).

    `rule`, `field` and `segment` are those of the alert that leads it; empty for a storm.
    """

    at_ms: int
    severity: Literal["warning", "critical"]
    summary: str
    rule: str
    field: str
    segment: str
    storm: bool
    ends_at_ms: int | None = None


class _Receiver:
    """Counts what a sink would have delivered: a trigger of something not open is a page, as PagerDuty counts."""

    takes_updates = True

    def __init__(self, name: str, firing: Callable[[], Sequence[Alert]]) -> None:
        self.name = name
        self._firing = firing
        self.pages: list[Page] = []
        self._open: dict[str, Page] = {}

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        room = replaced(alerts)
        for position, alert in enumerate(alerts):
            if position in room:
                continue
            page = self._open.get(alert.fingerprint)
            if alert.status == "resolved":
                if page is not None:
                    page.ends_at_ms = now_ms
                    del self._open[alert.fingerprint]
            elif page is None:
                self._open[alert.fingerprint] = self._page(alert, now_ms)
            elif alert.severity == "critical":
                page.severity = "critical"

    def _page(self, alert: Alert, now_ms: int) -> Page:
        storm = alert.labels.get("alertname") == STORM
        labels = self._leading(alert).labels
        rule, name, segment = ("" if storm else labels.get(label, "") for label in ("rule", "field", "segment"))
        page = Page(now_ms, alert.severity, headline(alert), rule, name, segment, storm)
        self.pages.append(page)
        return page

    def _leading(self, told: Alert) -> Alert:
        """Return the alert that an incident was told by: several together have only the labels that all have."""
        if told.labels.get("alertname") != INCIDENT:
            return told
        incident = told.annotations.get("incident")
        mine = ordered(alert for alert in self._firing() if alert.annotations.get("incident") == incident)
        return mine[0] if mine else told

    def close(self) -> None:
        """Do nothing; there is no connection."""


@dataclass(frozen=True)
class _Channel:
    """One sink: what it is told, how that is grouped, and what came of it."""

    route: SinkRoute
    sink: Sink
    receiver: _Receiver


@dataclass
class Pager:
    """The daemon's way from transitions to pages, with the clock of the data; to be used as a context.

    The outbox is the daemon's own, in a file that is thrown away; silences, maintenance windows, inhibition, `after`,
    severities, grouping and storms hold as they do there. Sinks take everything at once, and nothing is sent.
    """

    config: Config
    silences: Sequence[Silence] = ()
    main: str = _ASSUMED.name
    """The sink whose pages count: the first for PagerDuty, else the first that can be told incidents."""
    assumed: frozenset[str] = frozenset()
    """The sinks that the configuration does not have: PagerDuty, where none could be told incidents."""
    _channels: list[_Channel] = field(default_factory=list)
    _next_ms: int | None = None
    _now_ms: int = 0

    def __enter__(self) -> Self:
        """Open the outbox; raises Retryable when the disk does not allow it."""
        self._directory = tempfile.TemporaryDirectory(prefix="driftline-backtest-")
        path = Path(self._directory.name) / "outbox.sqlite3"
        self._outbox = Outbox(path)
        self._writer = Beside(path, "the outbox of the backtest is")
        self._keeper = Gatekeeper(build_gate(self.config))
        self._keeper.know(self.silences)
        paging = [spec for spec in self.config.sinks if _pages_people(spec)]
        served = [*self.config.sinks, *([] if paging else [_ASSUMED])]
        self.assumed = frozenset() if paging else frozenset({_ASSUMED.name})
        self.main = next((spec for spec in paging if spec.kind == "pagerduty"), (paging or [_ASSUMED])[0]).name
        self._channels = [_channel(spec, self._outbox.firing) for spec in served]
        return self

    @property
    def pages(self) -> dict[str, list[Page]]:
        """The pages of each sink, in order; of one that groups by itself or groups nothing, its alerts."""
        return {channel.route.name: channel.receiver.pages for channel in self._channels}

    def hear(self, at_ms: int, alerts: Sequence[Alert]) -> None:
        """Take the transitions of one instant, no earlier than those before; what was held until then goes first."""
        self.reach(at_ms)
        self._now_ms = max(self._now_ms, at_ms)
        with self._writer.writing() as connection:
            put(connection, [channel.route for channel in self._channels], alerts, now_ms=self._now_ms)
        self._serve(self._now_ms)

    def reach(self, at_ms: int) -> None:
        """Let time pass: deliver what is held no longer."""
        while self._next_ms is not None and self._next_ms <= at_ms:
            self._now_ms = max(self._now_ms, self._next_ms)
            self._serve(self._now_ms)

    def _serve(self, now_ms: int) -> None:
        """Deliver to every sink what is due, and note when the first hold ends by itself."""
        ends = []
        for channel in self._channels:
            look = self._keeper.look(channel.route, now_ms)
            while waiting := self._outbox.due(channel.route.name, now_ms, _BATCH, look):
                channel.sink.deliver([item.alert for item in waiting], now_ms)
                self._outbox.delivered([item.id for item in waiting])
            ends += [look.until_ms] if look.until_ms is not None and look.until_ms > now_ms else []
        self._next_ms = min(ends, default=None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Throw the outbox away."""
        for channel in self._channels:
            channel.sink.close()
        self._outbox.close()
        self._writer.close()
        self._directory.cleanup()


def _channel(spec: SinkSpec, firing: Callable[[], Sequence[Alert]]) -> _Channel:
    receiver = _Receiver(spec.name, firing)
    receiver.takes_updates = spec.kind == "pagerduty"
    return _Channel(route_of(spec), grouped(receiver, spec, Forgetful), receiver)


def _pages_people(spec: SinkSpec) -> bool:
    """Return whether a sink is told incidents: the others are read by machines, or group by themselves."""
    return getattr(spec, "group_by", None) is not None
