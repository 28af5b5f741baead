"""What is sent to Alertmanager, peer by peer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from monitor.errors import Retryable, SurroundingsError, Undeliverable
from monitor.sinks.alertmanager import AlertmanagerSink, AlertmanagerSpec, label_problem, render
from monitor.sinks.instants import rfc3339
from monitor.types import Alert
from tests.support.alerts import START_MS, an_alert
from tests.support.receiver import Receiver, Reply, Request, always

NOW_MS = START_MS + 600_000
LOGIN: dict[str, Any] = {"username": "u", "password": "hunter2"}
TOKEN: dict[str, Any] = {"bearer_token": "hunter3"}


def fields(request: Request) -> list[str]:
    return [alert["labels"]["field"] for alert in json.loads(request.body)]


def picky(request: Request) -> Reply:
    """Take the valid alerts of a batch but answer 400, as Alertmanager does."""
    bad = [name for name in fields(request) if name.startswith("bad")]
    return Reply(400, b'"invalid label set"') if bad else Reply(200)


def build(*receivers: Receiver, **settings: Any) -> closing[AlertmanagerSink]:
    return closing(AlertmanagerSpec(urls=tuple(r.url for r in receivers), **{"timeout": "500ms", **settings}).build())


def tell(*receivers: Receiver, alerts: Sequence[Alert] = (an_alert(),), **settings: Any) -> None:
    with build(*receivers, **settings) as sink:
        sink.deliver(alerts, NOW_MS)


def test_a_firing_alert_expires_after_four_resends_unless_it_is_sent_again() -> None:
    with Receiver() as peer:
        tell(peer, resend="30s")
    (request,) = peer.requests
    assert request.path == "/api/v2/alerts"
    assert request.headers["Content-Type"] == "application/json"
    (sent,) = json.loads(request.body)
    assert sent["startsAt"] == rfc3339(NOW_MS)
    assert sent["endsAt"] == rfc3339(NOW_MS + 120_000)
    assert sent["labels"] == dict(an_alert().labels)
    assert sent["annotations"] == {**an_alert().annotations, "since": "2023-11-14T22:13:20.000Z"}
    assert "generatorURL" not in sent


def test_whatever_began_or_ended_long_ago_or_is_ahead_begins_and_ends_for_alertmanager_now() -> None:
    """Else it would not wait for the others of its group: docs of AlertmanagerSink say why."""
    for start_ms in (START_MS, NOW_MS + 5_000):
        ended = render(an_alert(status="resolved", starts_at_ms=start_ms), NOW_MS, NOW_MS + 1, None)
        assert ended["startsAt"] == ended["endsAt"] == rfc3339(NOW_MS)
        assert ended["annotations"]["since"] == rfc3339(start_ms)
        assert ended["annotations"]["until"] == rfc3339(start_ms + 120_000)
        fires = render(an_alert(starts_at_ms=start_ms), NOW_MS, NOW_MS + 1, None)
        assert (fires["startsAt"], fires["endsAt"]) == (rfc3339(NOW_MS), rfc3339(NOW_MS + 1))


@pytest.mark.parametrize(("ms", "text"), [(-1, "1970-01-01T00:00:00.000Z"), (10**17, "9999-12-31T23:59:59.999Z")])
def test_times_outside_the_calendar_are_clamped(ms: int, text: str) -> None:
    assert rfc3339(ms) == text


def test_empty_labels_are_left_out_and_the_console_is_linked() -> None:
    alert = an_alert(extra={"segment": "country=DE & FR", "note": ""})
    body = render(alert, NOW_MS, NOW_MS + 1, "https://drift.example/payments/")
    assert "note" not in body["labels"]
    assert body["generatorURL"] == (
        "https://drift.example/payments/?field=amount&segment=country%3DDE+%26+FR&alert=fp-amount"
    )


def test_every_peer_is_told() -> None:
    with Receiver() as one, Receiver() as two:
        tell(one, two)
    assert len(one.requests) == len(two.requests) == 1


def test_one_peer_that_accepts_is_enough_and_the_failed_one_comes_last_next_time() -> None:
    with Receiver(always(500)) as dead, Receiver() as living, capture_logs() as logs:
        with build(dead, living) as sink:
            sink.deliver([an_alert()], NOW_MS)
            sink.deliver([an_alert()], NOW_MS)
        assert [request.headers["Host"] in living.url for request in living.requests] == [True, True]
        assert sink._endpoints[0].startswith(living.url)
    assert [log["event"] for log in logs] == ["alertmanager_peer_failed"] * 2


def test_no_peer_that_answers_is_worth_another_try_after_the_shortest_wait_asked_for() -> None:
    with Receiver(always(503, Retry_After="40")) as one, Receiver(always(429, Retry_After="20")) as two:
        with pytest.raises(Retryable, match="HTTP 503") as caught:
            tell(one, two)
        assert caught.value.retry_after_s == 20


def test_only_the_bad_alerts_of_a_batch_are_undeliverable() -> None:
    names = [f"f{i}" for i in range(9)]
    names[2], names[7] = "bad2", "bad7"
    with Receiver(picky) as peer, pytest.raises(Undeliverable, match="invalid label set") as caught:
        tell(peer, alerts=[an_alert(name) for name in names])
    assert caught.value.positions == frozenset({2, 7})
    accepted = {name for request in peer.requests if "bad" not in str(fields(request)) for name in fields(request)}
    assert accepted == set(names) - {"bad2", "bad7"}


def test_what_one_peer_refuses_and_another_accepts_is_delivered() -> None:
    with Receiver(picky) as old, Receiver() as new:
        tell(old, new, alerts=[an_alert("bad"), an_alert("good")])
    assert {name for request in new.requests for name in fields(request)} == {"bad", "good"}


def test_a_dead_peer_does_not_keep_a_bad_alert_in_the_queue() -> None:
    with Receiver(picky) as living, Receiver(always(500)) as dead, pytest.raises(Undeliverable) as caught:
        tell(dead, living, alerts=[an_alert("bad"), an_alert("good")])
    assert caught.value.positions == frozenset({0})


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_that_is_not_about_the_alerts_is_not_halved(status: int) -> None:
    with Receiver(always(status)) as peer, pytest.raises(Undeliverable) as caught:
        tell(peer, alerts=[an_alert("a"), an_alert("b")])
    assert caught.value.positions == frozenset({0, 1})
    assert len(peer.requests) == 1


def test_labels_that_alertmanager_must_not_get_are_refused_before_they_are_sent() -> None:
    nameless = replace(an_alert(), labels={"monitor": "m"})
    with Receiver() as peer, pytest.raises(Undeliverable, match=r"'a-b' is not allowed; no alertname") as caught:
        tell(peer, alerts=[an_alert(extra={"a-b": "x"}), an_alert("good"), nameless])
    assert caught.value.positions == frozenset({0, 2})
    assert fields(peer.requests[0]) == ["good"]


@pytest.mark.parametrize("name", ["1a", "a.b", "", "ä", "a\n"])
def test_label_names_are_ascii_identifiers(name: str) -> None:
    assert label_problem(an_alert(extra={name: "x"})) is not None


def test_the_beginning_and_the_end_of_one_alert_go_in_two_posts_in_order() -> None:
    with Receiver() as peer:
        tell(peer, alerts=[an_alert(), an_alert("other"), an_alert(status="resolved")])
    assert [fields(request) for request in peer.requests] == [["amount", "other"], ["amount"]]


def test_posts_are_bounded() -> None:
    with Receiver() as peer:
        tell(peer, alerts=[an_alert(f"f{i}") for i in range(450)])
    assert [len(fields(request)) for request in peer.requests] == [200, 200, 50]


def test_credentials_are_sent_but_never_shown() -> None:
    with Receiver() as peer:
        tell(peer, **LOGIN)
        tell(peer, **TOKEN)
    assert [request.headers["Authorization"] for request in peer.requests] == ["Basic dTpodW50ZXIy", "Bearer hunter3"]
    spec = AlertmanagerSpec(urls=("http://am",), **TOKEN)
    assert "hunter" not in repr(spec) + str(spec) + spec.model_dump_json()


@pytest.mark.parametrize(
    "settings",
    [
        {"urls": []},
        {"urls": ["am:9093"]},
        {"urls": ["ftp://am"]},
        {"urls": ["http://u:hunter2@am"]},
        {"urls": ["http://am"], "username": "u"},
        {"urls": ["http://am"], "username": "u", "password": "hunter2", "bearer_token": "hunter2"},
        {"urls": ["http://am"], "bearer_token": "hunter2\n"},
        {"urls": ["http://am"], "resend": "10ms"},
        {"urls": ["http://am"], "name": "a b"},
        {"urls": ["http://am"], "resent": "1m"},
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AlertmanagerSpec(**settings)


def test_a_missing_ca_file_is_named() -> None:
    with pytest.raises(SurroundingsError, match=r"nowhere\.pem"):
        AlertmanagerSpec(urls=("https://am",), ca_file="/nowhere.pem").build()
