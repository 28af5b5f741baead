"""What PagerDuty is sent, against what its Events API v2 documents."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.alerting import AlertBook, Signal
from monitor.clock import ManualClock
from monitor.dispatcher import BATCH, Dispatcher, Outlet
from monitor.errors import Retryable, Undeliverable
from monitor.sinks.pagerduty import MAX_BODY_BYTES, PagerDutySpec, encode, render_event
from monitor.store.outbox import Outbox, SinkRoute, create_tables, put
from monitor.types import Alert, Level
from tests.support.alerts import START_MS, an_alert
from tests.support.receiver import Behaviour, Receiver, Reply, Request, always

KEY = "0123456789abcdefABCDEF0123456789"
NOW_MS = START_MS + 1_000
LINKS = {
    "dashboard_url": "https://grafana.example/d/x?var-field=amount",
    "console_url": "https://drift.example/fields/amount",
    "runbook_url": "https://docs.example/DriftlineDrift.html",
}
WARNING, RESOLVED = an_alert(), an_alert(status="resolved")
CRITICAL = an_alert(severity="critical")
SPEC = PagerDutySpec.model_validate({"routing_key": KEY})

# The documented limits of an event: required keys, lengths and values.
TRIGGER = {"routing_key", "event_action", "dedup_key", "payload"}
PAYLOAD = {"summary", "source", "severity"}


def tell(behave: Behaviour, alerts: Sequence[Alert] = (WARNING,), **settings: Any) -> Receiver:
    with Receiver(behave) as receiver:
        spec = PagerDutySpec(routing_key=KEY, url=f"{receiver.url}/v2/enqueue", timeout="500ms", **settings)
        with closing(spec.build()) as sink:
            sink.deliver(alerts, NOW_MS)
    return receiver


def events(receiver: Receiver) -> list[tuple[str, str, str | None]]:
    bodies = [json.loads(request.body) for request in receiver.requests]
    return [(b["event_action"], b["dedup_key"], b.get("payload", {}).get("severity")) for b in bodies]


def check(event: dict[str, Any]) -> None:
    """Fail where the event is none of the API's."""
    assert event.keys() <= TRIGGER | {"client", "client_url", "links", "images"}
    assert len(event["routing_key"]) == 32
    assert 0 < len(event["dedup_key"]) <= 255
    if event["event_action"] == "resolve":
        return
    payload = event["payload"]
    assert event.keys() >= TRIGGER
    assert payload.keys() >= PAYLOAD
    assert payload.keys() <= PAYLOAD | {"timestamp", "component", "group", "class", "custom_details"}
    assert 0 < len(payload["summary"]) <= 1024
    assert payload["source"]
    assert payload["severity"] in {"critical", "error", "warning", "info"}
    assert all(link["href"].startswith("https://") for link in event["links"])


def test_a_trigger_says_what_where_and_how_bad() -> None:
    alert = replace(an_alert(extra={"segment": "country=DE"}), annotations={**an_alert().annotations, **LINKS})
    (request,) = tell(always(202), [alert]).requests
    event = json.loads(request.body)
    check(event)
    assert request.path == "/v2/enqueue"
    assert (event["event_action"], event["dedup_key"], event["routing_key"]) == ("trigger", "fp-amount", KEY)
    assert event["client_url"] == LINKS["console_url"]
    assert {link["text"]: link["href"] for link in event["links"]} == {
        "Dashboard": LINKS["dashboard_url"],
        "Console": LINKS["console_url"],
        "Runbook": LINKS["runbook_url"],
    }
    details = event["payload"].pop("custom_details")
    assert details == {"segment": "country=DE", **alert.annotations}
    assert event["payload"] == {
        "summary": "amount drifts",
        "source": "payments",
        "severity": "warning",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "component": "amount",
        "group": "payments",
        "class": "psi",
    }


def test_a_resolve_names_what_it_closes_and_nothing_else() -> None:
    (request,) = tell(always(202), [RESOLVED]).requests
    assert json.loads(request.body) == {"routing_key": KEY, "event_action": "resolve", "dedup_key": "fp-amount"}


def test_a_change_of_severity_leaves_the_incident_open() -> None:
    assert events(tell(always(202), [RESOLVED, CRITICAL])) == [("trigger", "fp-amount", "critical")]
    back_and_forth = [WARNING, RESOLVED, CRITICAL, an_alert(status="resolved", severity="critical"), WARNING]
    assert {action for action, _, _ in events(tell(always(202), back_and_forth))} == {"trigger"}


def test_an_end_is_an_end_where_the_alert_comes_again_later_or_is_another() -> None:
    later = an_alert(starts_at_ms=START_MS + 600_000)
    assert [action for action, _, _ in events(tell(always(202), [RESOLVED, later]))] == ["resolve", "trigger"]
    assert [a for a, _, _ in events(tell(always(202), [RESOLVED, an_alert("country")]))] == ["resolve", "trigger"]
    assert [a for a, _, _ in events(tell(always(202), [WARNING, RESOLVED]))] == ["trigger", "resolve"]


def test_what_was_accepted_before_a_failure_is_not_sent_again() -> None:
    def busy_at_country(request: Request) -> Reply:
        busy = json.loads(request.body)["dedup_key"] == "fp-country"
        return Reply(429, b"{}", {"Retry-After": "60"}) if busy else Reply(202)

    alerts = [RESOLVED, CRITICAL, an_alert("country"), an_alert("other")]
    with pytest.raises(Retryable) as caught:
        tell(busy_at_country, alerts)
    assert caught.value.delivered == {0, 1}
    assert caught.value.retry_after_s == 60


def test_a_refused_event_does_not_keep_the_others_from_being_sent() -> None:
    def picky(request: Request) -> Reply:
        bad = json.loads(request.body)["dedup_key"] == "fp-bad"
        return Reply(400, b'{"status":"invalid event"}') if bad else Reply(202)

    with pytest.raises(Undeliverable, match=r"HTTP 400: .*invalid event") as caught:
        tell(picky, [WARNING, an_alert("bad"), an_alert("country")])
    assert caught.value.positions == {1}


@pytest.mark.parametrize("filling", ["x", "\N{PILE OF POO}", '"', "\x00"])
@pytest.mark.parametrize("annotations", [1, 10, 300])
def test_an_event_is_never_too_large(filling: str, annotations: int) -> None:
    words = {"summary": filling * 5_000} | {
        f"note{n}": filling * (2_000_000 // annotations) for n in range(annotations)
    }
    labels = {**an_alert().labels, "field": filling * 100_000, "segment": filling * 100_000}
    body = encode(render_event(replace(WARNING, annotations=words, labels=labels), SPEC))
    assert len(body) < MAX_BODY_BYTES
    check(json.loads(body))
    assert json.loads(body)["payload"]["custom_details"]


def test_details_that_fit_are_whole() -> None:
    words = {"summary": "s", "evidence": "x" * 400_000}
    details = json.loads(encode(render_event(replace(WARNING, annotations=words), SPEC)))["payload"]["custom_details"]
    assert details == words


def test_an_alert_without_words_has_a_summary() -> None:
    event = render_event(replace(WARNING, annotations={}, labels={}), SPEC)
    check(event)
    assert event["payload"]["summary"] == "alert"


@pytest.mark.parametrize("key", ["", "hunter2", "hunter2" * 5, "hunter2hunter2hunter2hunter2-!+*"])
def test_a_wrong_key_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ValidationError, match="integration key") as caught:
        PagerDutySpec(routing_key=key)
    assert "hunter" not in "".join(problem["msg"] for problem in caught.value.errors())


def test_the_key_is_never_shown() -> None:
    with closing(SPEC.build()) as sink:
        assert KEY not in repr(SPEC) + str(SPEC) + SPEC.model_dump_json() + repr(sink)
    for status in (400, 503):
        with pytest.raises((Undeliverable, Retryable), match=r"key \*\*\* is wrong") as caught:
            tell(lambda _, status=status: Reply(status, f"key {KEY} is wrong".encode()))
        assert KEY not in str(caught.value)


@pytest.mark.parametrize("before", [0, BATCH - 1])
def test_from_alert_book_to_pagerduty_a_change_of_severity_is_one_incident(tmp_path: Path, before: int) -> None:
    """Also where the end of a batch would fall between the resolve and its trigger."""
    book = AlertBook("payments")
    engine = sqlite3.connect(tmp_path / "state.sqlite", isolation_level=None)
    create_tables(engine)
    route = SinkRoute("pagerduty")
    clock = ManualClock(NOW_MS)
    with Receiver(always(202)) as receiver:
        spec = PagerDutySpec(routing_key=KEY, url=receiver.url)
        dispatcher = Dispatcher(
            Outbox(tmp_path / "state.sqlite"), [Outlet(spec.build(), route)], clock, random.Random(1)
        )
        for window, level in enumerate([Level.WARNING, Level.CRITICAL, Level.OK]):
            others = [an_alert(f"other{n}") for n in range(before)] if window == 1 else []
            changes = book.step(window, window + 1, [Signal("psi", "amount", "", level)])
            put(engine, [route], [*others, *changes])
            while dispatcher.round() == 0.0:
                pass
        assert dispatcher.close(5.0)
    engine.close()
    (key,) = {key for _, key, _ in events(receiver) if not key.startswith("fp-")}
    mine = [(action, severity) for action, of, severity in events(receiver) if of == key]
    assert mine == [("trigger", "warning"), ("trigger", "critical"), ("resolve", None)]


def test_what_cannot_be_printed_is_replaced() -> None:
    alert = replace(WARNING, annotations={"summary": "a\x00b\u202e", "evidence": "\ud800"}, labels={"field": "\x1b"})
    text = json.dumps(render_event(alert, SPEC))
    assert not any(code in text for code in ("\\u0000", "\\u202e", "\\ud800", "\\u001b"))
