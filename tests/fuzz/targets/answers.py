"""What Alertmanager, webhooks, PagerDuty and Slack may answer: delivered, refused, or later."""

from __future__ import annotations

import math
from collections.abc import Sequence

import httpx
import structlog

from monitor.errors import Retryable, Undeliverable
from monitor.sinks.alertmanager import AlertmanagerSpec
from monitor.sinks.pagerduty import PagerDutySpec
from monitor.sinks.slack import SlackSpec
from monitor.sinks.webhook import WebhookSpec
from monitor.types import Alert
from tests.fuzz.answers import client_of, response_of, response_text
from tests.fuzz.target import Target, Try
from tests.support.snapshots import T0_MS

_ALERT = Alert("firing", "f", "critical", T0_MS, None, {"alertname": "A", "field": "amount"}, {"summary": "s"})


def build() -> Try:
    """Return what has alerts delivered by each kind of sink, whatever the answer."""
    structlog.configure(processors=[_dropped])
    answer = [b""]

    def reply(_: httpx.Request) -> httpx.Response:
        return response_of(answer[0])

    sinks: Sequence[object] = (
        AlertmanagerSpec(urls=("http://a", "http://b")).build(),
        WebhookSpec(name="w", url="http://w/hook", secret="0123456789abcdef").build(),
        PagerDutySpec(name="p", routing_key="0" * 32).build(),
        SlackSpec(name="s", url="https://hooks.slack.com/services/x").build(),
    )
    for sink in sinks:
        sink._client = client_of(reply)  # type: ignore[attr-defined]

    def attempt(data: bytes) -> None:
        answer[0] = data
        for sink in sinks:
            try:
                sink.deliver([_ALERT, _ALERT], T0_MS)  # type: ignore[attr-defined]
            except Retryable as error:
                assert error.retry_after_s is None or math.isfinite(error.retry_after_s), "waits for ever"
                assert str(error).isprintable(), "writes what it was answered into the log"
                assert len(str(error)) < 1000
            except Undeliverable as error:
                assert str(error).isprintable()
                assert len(str(error)) < 5000

    return attempt


def _dropped(*_: object) -> dict[str, object]:
    raise structlog.DropEvent


SEEDS = (
    response_text(200, {"status": "success"}),
    response_text(201, b"ok"),
    response_text(400, {"status": "invalid event", "errors": ["x"]}),
    response_text(429, b"slow", "9"),
    response_text(503, b"\x1b[31m\nforged", "Fri, 31 Dec 9999 23:59:59 GMT"),
    response_text(503, b"", "Mon, 01 Jan 0001 00:00:00 +2359"),
    response_text(301, b"", "99999999999"),
    response_text(200, b"\x1f\x8b", "", "gzip"),
)
TARGET = Target(build, SEEDS, max_bytes=2048)
