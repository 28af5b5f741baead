"""Pages of a backtest: the daemon's way from transitions to sinks, by the clock of the data."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import replace

import pytest

from monitor.alerting.matching import parse_matchers
from monitor.alerting.silence import Silence
from monitor.backtesting.paging import Page, Pager
from monitor.clock import ManualClock
from monitor.config.loader import load
from monitor.dispatcher import Dispatcher, Outlet
from monitor.gating import Gatekeeper, build_gate
from monitor.incidents import Forgetful
from monitor.outlets import route_of
from monitor.sink_building import grouped
from monitor.sinks.words import replaced
from monitor.store.outbox import Outbox, create_tables, put
from tests.support.alerts import START_MS, an_alert

MINUTE_MS = 60_000
KEY = "a" * 32


def config(*sinks: str, more: str = ""):
    listed = "".join(f"  - {sink}\n" for sink in sinks)
    text = f"name: m\nsource: {{kind: files, paths: [x]}}\nfields: {{a: {{type: number}}}}\n{more}"
    return load(text + (f"sinks:\n{listed}" if sinks else ""))


def at(minute: float) -> int:
    return START_MS + round(minute * MINUTE_MS)


def pages(settings, *told, until=600, silences=()) -> list[Page]:
    with Pager(settings, silences) as pager:
        for minute, *alerts in told:
            pager.hear(at(minute), alerts)
        pager.reach(at(until))
        return pager.pages[pager.main]


def of(alert, incident: str):
    return replace(alert, annotations={**alert.annotations, "incident": incident})


def test_without_a_sink_that_pages_it_is_as_if_pagerduty_were_told():
    with Pager(config("{kind: log}")) as pager:
        assert pager.main in pager.assumed
        assert set(pager.pages) == {"log", pager.main}


def test_the_sink_for_pagerduty_is_the_one_that_counts():
    slack = "{kind: slack, url: 'http://x/y'}"
    with Pager(config(slack, f"{{kind: pagerduty, name: oncall, routing_key: {KEY}}}")) as pager:
        assert (pager.main, pager.assumed) == ("oncall", frozenset())


def test_alerts_of_one_incident_are_one_page_led_by_the_worst():
    told = of(an_alert("a"), "i"), of(an_alert("b", severity="critical"), "i")
    (page,) = pages(config(), (0, *told), (3, of(an_alert("c"), "i")))
    assert (page.at_ms, page.severity, page.field, page.ends_at_ms) == (at(0), "critical", "b", None)


def test_a_page_ends_with_the_last_alert_and_the_next_one_is_another_page():
    gone = an_alert(status="resolved")
    found = pages(config(), (0, an_alert()), (5, gone), (9, replace(an_alert(), starts_at_ms=at(8))))
    assert [(page.at_ms, page.ends_at_ms) for page in found] == [(at(0), at(5)), (at(9), None)]


def test_an_alert_that_gets_worse_is_no_second_page():
    worse = an_alert(status="resolved"), an_alert(severity="critical")
    (page,) = pages(config(), (0, an_alert()), (5, *worse))
    assert (page.severity, page.ends_at_ms) == ("critical", None)


def test_a_sink_for_criticals_is_not_paged_by_warnings():
    assert pages(config(f"{{kind: pagerduty, routing_key: {KEY}, min_severity: critical}}"), (0, an_alert())) == []


def test_many_incidents_at_once_are_a_storm():
    settings = config(f"{{kind: pagerduty, routing_key: {KEY}, storm: {{max: 2, per: 10m}}}}")
    found = pages(settings, (0, *(of(an_alert(name), name) for name in "abcde")))
    assert [page.storm for page in found] == [False, False, True]


def test_what_ends_before_it_is_old_enough_pages_nobody():
    settings = config(f"{{kind: pagerduty, routing_key: {KEY}, after: 5m}}")
    assert pages(settings, (0, an_alert()), (4, an_alert(status="resolved"))) == []
    assert [page.at_ms for page in pages(settings, (0, an_alert()))] == [at(5)]


def test_a_maintenance_window_holds_until_it_is_over():
    once = "{start: '2023-11-14T22:00:00Z', end: '2023-11-14T22:30:00Z'}"  # at(0) is 22:13:20
    settings = config(more=f"maintenance: [{{name: w, match: ['field=amount'], reason: r, once: {once}}}]\n")
    held, other = pages(settings, (0, an_alert("other")), (1, an_alert()))[::-1]
    assert (other.at_ms, held.at_ms) == (at(0), at(0) + 1_000_000)
    assert pages(settings, (1, an_alert()), (9, an_alert(status="resolved"))) == []


def test_a_silence_of_then_holds():
    silence = Silence("s", parse_matchers(["field=amount"]), at(0), at(7), "r", "me", at(0))
    assert [page.at_ms for page in pages(config(), (1, an_alert()), silences=(silence,))] == [at(7)]
    assert [page.at_ms for page in pages(config(), (8, an_alert()), silences=(silence,))] == [at(8)]


class Sink:
    """Notes triggers of what is not open, and their ends, as the receiver of a page counts them."""

    name = "pagerduty"
    takes_updates = True

    def __init__(self) -> None:
        self.pages: list[list[int | None]] = []
        self.open: dict[str, list[int | None]] = {}

    def deliver(self, alerts, now_ms):
        room = replaced(alerts)
        for alert in (alert for position, alert in enumerate(alerts) if position not in room):
            if alert.status == "resolved" and alert.fingerprint in self.open:
                self.open.pop(alert.fingerprint)[1] = now_ms
            elif alert.status == "firing" and alert.fingerprint not in self.open:
                self.open[alert.fingerprint] = [now_ms, None]
                self.pages.append(self.open[alert.fingerprint])

    def close(self):
        """Do nothing."""


@pytest.mark.parametrize("seed", [1, 2])
def test_pages_are_those_that_the_dispatcher_sends(tmp_path, seed):
    """An hour of random transitions, held by an `after` and a maintenance window: looked at every 20 seconds."""
    once = "{start: '2023-11-14T22:30:00Z', end: '2023-11-14T22:40:00Z'}"
    more = f"maintenance: [{{name: w, match: ['field=~a|b'], reason: r, once: {once}}}]\n"
    settings = config(f"{{kind: pagerduty, routing_key: {KEY}, after: {{warning: 3m}}}}", more=more)
    told = transitions(random.Random(seed))
    sink, clock = Sink(), ManualClock(at(0))
    (spec,) = settings.sinks
    outlet = Outlet(grouped(sink, spec, Forgetful), route_of(spec))
    connection = sqlite3.connect(tmp_path / "box", isolation_level=None)
    create_tables(connection)
    keeper = Gatekeeper(build_gate(settings))
    dispatcher = Dispatcher(Outbox(tmp_path / "box"), [outlet], clock, random.Random(1), keeper)
    for step in range(3 * 61):
        clock.set(at(step / 3))
        put(connection, [outlet.route], told.get(step / 3, []), now_ms=clock.now_ms())
        while dispatcher.round() == 0.0:
            pass
    dispatcher.close(1.0)
    connection.close()
    expected = [tuple(page) for page in sink.pages]
    found = pages(settings, *((minute, *alerts) for minute, alerts in sorted(told.items())), until=61)
    assert [(page.at_ms, page.ends_at_ms) for page in found] == expected
    assert 3 < len(expected) < sum(alert.status == "firing" for alerts in told.values() for alert in alerts)


def transitions(rng: random.Random):
    """Return alerts that begin, change and end, by the minute."""
    told, firing = {}, {}
    for minute in range(60):
        for name in "abcd":
            now = firing.get(name)
            if now is None and rng.random() < 0.15:
                fresh = an_alert(name, severity=rng.choice(["warning", "critical"]), starts_at_ms=at(minute))
                firing[name] = of(fresh, f"i{rng.randrange(3)}")
                told.setdefault(minute, []).append(firing[name])
            elif now is not None and rng.random() < 0.2:
                told.setdefault(minute, []).append(replace(now, status="resolved", ends_at_ms=at(minute)))
                firing.pop(name)
                if now.severity == "warning" and rng.random() < 0.5:
                    labels = {**now.labels, "severity": "critical"}
                    firing[name] = replace(now, severity="critical", labels=labels)
                    told[minute].append(firing[name])
    return told
