"""A real Alertmanager takes our alerts, keeps them alive while they fire, and says when they resolve."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.alerting import AlertBook, Signal
from monitor.clock import ManualClock, SystemClock
from monitor.dispatcher import Dispatcher, Outlet
from monitor.errors import Undeliverable
from monitor.sinks.alertmanager import AlertmanagerSink, AlertmanagerSpec
from monitor.sinks.instants import rfc3339
from monitor.store.outbox import Outbox, SinkRoute, create_tables, put
from monitor.types import Alert, Level
from tests.support import loopback
from tests.support.alertmanager import CONFIGURATION, Alertmanager, eventually, running
from tests.support.alerts import an_alert
from tests.support.ports import free_port
from tests.support.receiver import Receiver, Request

pytestmark = pytest.mark.alertmanager


def notified(requests: list[Request]) -> list[dict[str, Any]]:
    return [alert for request in requests for alert in json.loads(request.body)["alerts"]]


def statuses(requests: list[Request], **labels: str) -> list[str]:
    return [alert["status"] for alert in notified(requests) if labels.items() <= alert["labels"].items()]


def sink_for(*urls: str, **settings: Any) -> closing[AlertmanagerSink]:
    return closing(AlertmanagerSpec(urls=urls, **settings).build())


class Monitor:
    """Book, outbox and dispatcher in front of Alertmanager, on a clock that starts at the real time."""

    def __init__(self, path: Path, *urls: str, **settings: Any) -> None:
        self.clock = ManualClock(SystemClock().now_ms())
        self.book = AlertBook("payments")
        self.engine = sqlite3.connect(path, isolation_level=None)
        create_tables(self.engine)
        self.routes = [SinkRoute("alertmanager")]
        sink = AlertmanagerSpec(urls=urls, **settings).build()
        self.dispatcher = Dispatcher(Outbox(path), [Outlet(sink, self.routes[0])], self.clock, random.Random(1))

    def judge(self, level: Level) -> list[Alert]:
        """Judge the minute that ends now."""
        now_ms = self.clock.now_ms()
        signal = Signal("psi", "amount", "country=DE", level, "score", {"summary": "amount drifts"})
        alerts = self.book.step(now_ms - 60_000, now_ms, [signal])
        self.engine.execute("BEGIN IMMEDIATE")
        put(self.engine, self.routes, alerts)
        self.engine.execute("COMMIT")
        self.dispatcher.round()
        return alerts

    def close(self) -> None:
        self.dispatcher.close(5.0)
        self.engine.close()


@pytest.fixture
def monitor(tmp_path: Path, alertmanager: Alertmanager) -> Iterator[Monitor]:
    with closing(Monitor(tmp_path / "state.sqlite", alertmanager.url, external_url="http://drift.example")) as one:
        yield one


def test_an_alert_appears_is_kept_alive_changes_severity_and_resolves(
    monitor: Monitor, alertmanager: Alertmanager, receiver: Receiver
) -> None:
    (fired,) = monitor.judge(Level.WARNING)
    (shown,) = alertmanager.alerts()
    assert shown["labels"] == dict(fired.labels)
    assert shown["labels"]["segment"] == "country=DE"
    since = rfc3339(fired.starts_at_ms)
    assert shown["annotations"] == {"summary": "amount drifts", "reason": "score", "since": since}
    told_ms = monitor.clock.now_ms()
    assert shown["startsAt"] == rfc3339(told_ms)
    assert shown["endsAt"] == rfc3339(monitor.clock.now_ms() + 240_000)
    assert shown["generatorURL"].startswith("http://drift.example/?field=amount&segment=country%3DDE&alert=")
    receiver.wait_for(lambda requests: statuses(requests, severity="warning") == ["firing"])

    monitor.clock.advance(60_000)
    monitor.dispatcher.round()
    monitor.clock.advance(60_000)
    monitor.dispatcher.round()
    (shown,) = alertmanager.alerts()
    assert shown["startsAt"] == rfc3339(told_ms)
    assert shown["endsAt"] == rfc3339(monitor.clock.now_ms() + 240_000)

    # Alertmanager's own clock has not moved with ours, so the ends below are set where it sees them as past.
    monitor.clock.set(SystemClock().now_ms())
    assert [alert.status for alert in monitor.judge(Level.CRITICAL)] == ["resolved", "firing"]
    receiver.wait_for(lambda requests: statuses(requests, severity="critical") == ["firing"])
    receiver.wait_for(lambda requests: statuses(requests, severity="warning") == ["firing", "resolved"])
    assert [alert["labels"]["severity"] for alert in alertmanager.alerts()] == ["critical"]

    monitor.clock.set(SystemClock().now_ms())
    monitor.judge(Level.OK)
    receiver.wait_for(lambda requests: statuses(requests, severity="critical") == ["firing", "resolved"])
    assert alertmanager.alerts() == []
    assert {alert["annotations"]["since"] for alert in notified(receiver.requests)} == {since}
    assert monitor.dispatcher.notifications["alertmanager", "delivered"] == 4


def test_an_alert_that_nobody_sends_again_ends_by_itself(alertmanager: Alertmanager, receiver: Receiver) -> None:
    now_ms = SystemClock().now_ms()
    with sink_for(alertmanager.url, resend="1s") as sink:
        sink.deliver([an_alert(starts_at_ms=now_ms)], now_ms)
    receiver.wait_for(lambda requests: statuses(requests) == ["firing", "resolved"])


def test_what_is_told_of_a_fault_waits_for_the_rest_however_long_ago_it_began_and_ended(
    tmp_path: Path, receiver: Receiver
) -> None:
    """Alertmanager does not wait for `group_wait` where an alert began before that: then they come one by one."""
    route = yaml.safe_load(CONFIGURATION.format(url=f"{receiver.url}/notify"))
    at_once = {"matchers": ["field = at-once"], "group_wait": "0s"}
    route["route"] |= {"group_by": ["monitor"], "group_wait": "1h", "routes": [at_once]}
    with running(tmp_path / "grouping", receiver, configuration=yaml.safe_dump(route)) as alertmanager:
        with sink_for(alertmanager.url) as sink:
            for status in ("firing", "resolved"):
                for i in range(3):
                    now_ms = SystemClock().now_ms()
                    sink.deliver([an_alert(f"f{i}", status=status, starts_at_ms=now_ms - 600_000)], now_ms)
                    firing = i + 1 if status == "firing" else 2 - i
                    eventually(lambda n=firing: len(alertmanager.alerts()) == n)
            sink.deliver([an_alert("at-once")], SystemClock().now_ms())
        receiver.wait_for(lambda requests: statuses(requests, field="at-once") == ["firing"])
    assert len(notified(receiver.requests)) == 1


def test_a_bad_alert_does_not_take_the_good_ones_of_its_batch_along(
    alertmanager: Alertmanager, monkeypatch: pytest.MonkeyPatch
) -> None:
    # our own validation knows label names; without it the real 400 is seen
    monkeypatch.setattr("monitor.sinks.alertmanager.label_problem", lambda _: None)
    alerts = [an_alert(f"f{i}") for i in range(6)]
    alerts[1], alerts[4] = an_alert("bad", extra={"not-a-name": "x"}), an_alert("bad", extra={"1st": "x"})
    now_ms = SystemClock().now_ms()
    with sink_for(alertmanager.url) as sink, pytest.raises(Undeliverable, match="HTTP 400") as caught:
        sink.deliver(alerts, now_ms)
    assert caught.value.positions == frozenset({1, 4})
    assert {alert["labels"]["field"] for alert in alertmanager.alerts()} == {"f0", "f2", "f3", "f5"}


@pytest.mark.parametrize("name", ["not-a-name", "1st", "a.b", "ä"])
def test_what_we_refuse_alertmanager_refuses_too(alertmanager: Alertmanager, name: str) -> None:
    body = [{"labels": {"alertname": "x", name: "y"}}]
    assert loopback.post(f"{alertmanager.url}/api/v2/alerts", json=body, timeout=60.0).status_code == 400
    with sink_for(alertmanager.url) as sink, pytest.raises(Undeliverable, match="not allowed"):
        sink.deliver([an_alert(extra={name: "y"})], SystemClock().now_ms())


def test_any_text_and_any_event_time_is_accepted(alertmanager: Alertmanager) -> None:
    now_ms = SystemClock().now_ms()
    odd = [
        an_alert("ahead", starts_at_ms=now_ms + 3_000_000),
        an_alert("ancient", starts_at_ms=-5),
        an_alert('quote " back \\ line\n \N{PILE OF POO}', extra={"note": ""}),
        an_alert("over before it began", status="resolved", starts_at_ms=now_ms + 3_000_000),
    ]
    with sink_for(alertmanager.url) as sink:
        sink.deliver(odd, now_ms)
    assert {alert["labels"]["field"] for alert in alertmanager.alerts()} == {a.labels["field"] for a in odd[:3]}


def test_two_peers_are_both_told(alertmanager_pair: tuple[Alertmanager, Alertmanager], receiver: Receiver) -> None:
    now_ms = SystemClock().now_ms()
    with sink_for(*(peer.url for peer in alertmanager_pair)) as sink:
        sink.deliver([an_alert(starts_at_ms=now_ms)], now_ms)
        assert [len(peer.alerts()) for peer in alertmanager_pair] == [1, 1]
        receiver.wait_for(lambda requests: "firing" in statuses(requests))
        later_ms = SystemClock().now_ms()
        sink.deliver([an_alert(status="resolved", starts_at_ms=now_ms - 120_000)], later_ms)
        receiver.wait_for(lambda requests: "resolved" in statuses(requests))
    eventually(lambda: [peer.alerts() for peer in alertmanager_pair] == [[], []])
    # peers may both notify, which is by design; what must not happen is an end before the beginning
    assert statuses(receiver.requests)[0] == "firing"


def test_a_dead_peer_does_not_hold_up_the_living_one(alertmanager: Alertmanager) -> None:
    with sink_for(f"http://127.0.0.1:{free_port()}", alertmanager.url) as sink:
        sink.deliver([an_alert()], SystemClock().now_ms())
    assert len(alertmanager.alerts()) == 1
