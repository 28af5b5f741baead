"""What every sink promises, over all kinds in the union."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.clock import SystemClock
from monitor.errors import Retryable, Undeliverable
from monitor.sink_building import build_sink
from monitor.sinks import SinkSpec
from monitor.sinks.tap import Message, Tap
from monitor.sources.file_settings import FilesSpec
from tests.support.alerts import START_MS, an_alert
from tests.support.receiver import Behaviour, Receiver, Reply, always

NOW_MS = START_MS + 600_000
ADAPTER: TypeAdapter[Any] = TypeAdapter(SinkSpec)
ALERTS = [
    an_alert(),
    an_alert("country", severity="critical", extra={"segment": 'country="D\n\\E"'}),
    an_alert(status="resolved"),
    an_alert("数 \N{PILE OF POO}", starts_at_ms=NOW_MS + 3_600_000),
]

# One entry for every kind: how to configure it against the local receiver.
CONFIGURATIONS: dict[str, Callable[[Receiver], dict[str, Any]]] = {
    "alertmanager": lambda receiver: {"urls": [receiver.url], "timeout": "300ms"},
    "pagerduty": lambda receiver: {"url": receiver.url, "routing_key": "0" * 32, "timeout": "300ms"},
    "slack": lambda receiver: {"url": receiver.url, "timeout": "300ms"},
    "webhook": lambda receiver: {"url": receiver.url, "secret": "hunter2", "timeout": "300ms"},
    "kafka": lambda _: {"topic": "alerts", "bootstrap_servers": "127.0.0.1:9"},
    "apprise": lambda receiver: {"url": receiver.url.replace("http:", "json:")},
    "log": lambda _: {},
}
OVER_HTTP = ["alertmanager", "pagerduty", "slack", "webhook"]
FILES = FilesSpec(paths=("records.jsonl",))


def kinds() -> list[str]:
    return [spec.model_fields["kind"].default for spec in get_args(get_args(SinkSpec)[0])]


def spec_of(kind: str, receiver: Receiver) -> Any:
    return ADAPTER.validate_python({"kind": kind, "name": f"my-{kind}", **CONFIGURATIONS[kind](receiver)})


def deliver(kind: str, behave: Behaviour, alerts: Sequence[Any] = ALERTS) -> Receiver:
    with Receiver(behave) as receiver:
        sink = build_sink(spec_of(kind, receiver), FILES, SystemClock())
        try:
            sink.deliver(alerts, NOW_MS)
        finally:
            sink.close()
    return receiver


def test_every_kind_is_under_contract() -> None:
    assert sorted(kinds()) == sorted(CONFIGURATIONS)


@pytest.mark.parametrize("kind", kinds())
def test_a_sink_delivers_what_is_accepted_and_closes_twice(kind: str) -> None:
    # to a real broker in tests/integration/test_kafka_sink.py
    tap: Tap | None = (lambda _: None) if kind == "kafka" else None
    with Receiver() as receiver:
        sink = build_sink(spec_of(kind, receiver), FILES, SystemClock(), tap)
        sink.deliver(ALERTS, NOW_MS)
        sink.close()
        sink.close()
    assert sink.name == f"my-{kind}"
    assert bool(receiver.requests) == (kind in [*OVER_HTTP, "apprise"])


@pytest.mark.parametrize("kind", kinds())
def test_with_a_tap_everything_is_shown_and_nothing_is_sent(kind: str) -> None:
    seen: list[Message] = []
    with Receiver() as receiver:
        sink = build_sink(spec_of(kind, receiver), FILES, SystemClock(), seen.append)
        sink.deliver(ALERTS, NOW_MS)
        sink.close()
    assert receiver.requests == []
    assert seen
    assert all(message.body for message in seen)


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_what_a_tap_sees_is_what_would_be_sent(kind: str) -> None:
    seen: list[Message] = []
    with Receiver() as receiver:
        for tap in (None, seen.append):
            sink = build_sink(spec_of(kind, receiver), FILES, SystemClock(), tap)
            sink.deliver(ALERTS, NOW_MS)
            sink.close()
    assert [message.body for message in seen] == [request.body for request in receiver.requests]


@pytest.mark.parametrize("kind", kinds())
def test_a_spec_is_frozen_closed_and_says_what_it_takes(kind: str) -> None:
    with Receiver() as receiver:
        spec = spec_of(kind, receiver)
        assert spec.min_severity == "warning"
        with pytest.raises(ValidationError, match="frozen"):
            spec.name = "other"
        for extra in ({"nmae": "x"}, {"min_severity": "info"}, {"name": ""}):
            with pytest.raises(ValidationError):
                ADAPTER.validate_python({"kind": kind, "name": "x", **CONFIGURATIONS[kind](receiver), **extra})
    assert type(spec).__doc__


@pytest.mark.parametrize("kind", OVER_HTTP)
@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_pass_is_retryable_with_the_wait_asked_for(kind: str, status: int) -> None:
    with pytest.raises(Retryable) as caught:
        deliver(kind, always(status, Retry_After="7"))
    assert caught.value.retry_after_s == 7


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_a_sink_that_does_not_answer_is_retryable(kind: str) -> None:
    with pytest.raises(Retryable):
        deliver(kind, lambda _: Reply(hang=True))


@pytest.mark.parametrize("kind", OVER_HTTP)
@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_refusal_is_undeliverable_with_valid_positions(kind: str, status: int) -> None:
    with pytest.raises(Undeliverable) as caught:
        deliver(kind, always(status))
    assert caught.value.positions is None or caught.value.positions == set(range(len(ALERTS)))


@pytest.mark.parametrize("kind", OVER_HTTP)
def test_the_same_delivery_is_sent_the_same_way(kind: str) -> None:
    assert [r.body for r in deliver(kind, always(200)).requests] == [
        r.body for r in deliver(kind, always(200)).requests
    ]


@pytest.mark.parametrize("kind", kinds())
def test_a_sink_does_not_change_the_alerts(kind: str) -> None:
    before = [repr(alert) for alert in ALERTS]
    with Receiver() as receiver:
        build_sink(spec_of(kind, receiver), FILES, SystemClock(), lambda _: None).deliver(ALERTS, NOW_MS)
    assert [repr(alert) for alert in ALERTS] == before
