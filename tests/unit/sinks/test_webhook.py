"""What the webhook posts, signs and repeats."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.errors import Undeliverable
from monitor.sinks.body import delivery_id
from monitor.sinks.webhook import WebhookSink, WebhookSpec
from monitor.types import Alert
from tests.support.alerts import START_MS, an_alert
from tests.support.receiver import Receiver, always

NOW_MS = START_MS + 1_999
ROTATION: dict[str, Any] = {"secret": "new", "previous_secret": "old"}


def build(receiver: Receiver, **settings: Any) -> closing[WebhookSink]:
    return closing(WebhookSpec(name="hook", url=f"{receiver.url}/hunter1", timeout="500ms", **settings).build())


def tell(receiver: Receiver, alerts: Sequence[Alert] = (an_alert(),), **settings: Any) -> None:
    with build(receiver, **settings) as sink:
        sink.deliver(alerts, NOW_MS)


def test_the_body_is_versioned_and_holds_the_alerts() -> None:
    alerts = [an_alert(), an_alert("country", "resolved", "critical")]
    with Receiver() as receiver:
        tell(receiver, alerts=alerts)
    (request,) = receiver.requests
    body = json.loads(request.body)
    assert (body["version"], body["monitor"]) == ("1", "payments")
    assert body["alerts"][1] == {
        "delivery_id": delivery_id(alerts[1]),
        "status": "resolved",
        "fingerprint": "fp-country",
        "severity": "critical",
        "starts_at_ms": START_MS,
        "ends_at_ms": START_MS + 120_000,
        "labels": dict(alerts[1].labels),
        "annotations": dict(alerts[1].annotations),
    }
    assert "X-Driftline-Signature" not in request.headers


def test_both_secrets_sign_time_and_body_during_a_rotation() -> None:
    with Receiver() as receiver:
        tell(receiver, **ROTATION)
    (request,) = receiver.requests
    t_s = NOW_MS // 1000
    digests = [
        hmac.new(secret, str(t_s).encode() + b"." + request.body, hashlib.sha256).hexdigest()
        for secret in (b"new", b"old")
    ]
    assert request.headers["X-Driftline-Signature"] == f"t={t_s},v1={digests[0]},v1={digests[1]}"


def test_a_repeated_delivery_has_the_same_id_and_any_other_has_another() -> None:
    batches = [
        [an_alert()],
        [an_alert()],
        [an_alert(), an_alert("country")],
        [an_alert(status="resolved")],
        [an_alert(severity="critical")],
        [an_alert(starts_at_ms=START_MS + 1)],
    ]
    with Receiver() as receiver, build(receiver) as sink:
        for i, batch in enumerate(batches):
            sink.deliver(batch, NOW_MS + 10_000 * i)
    ids = [request.headers["X-Driftline-Delivery"] for request in receiver.requests]
    assert ids[0] == ids[1]
    assert len(set(ids)) == len(ids) - 1


def test_configured_headers_are_sent() -> None:
    with Receiver() as receiver:
        tell(receiver, headers={"Authorization": "Bearer hunter2"})
    assert receiver.requests[0].headers["Authorization"] == "Bearer hunter2"


def test_the_answer_is_quoted_in_one_printable_line() -> None:
    with Receiver(always(422)) as receiver, pytest.raises(Undeliverable) as caught:
        tell(receiver)
    assert str(caught.value) == "HTTP 422: said [31mso before"


def test_secrets_are_never_shown() -> None:
    spec = WebhookSpec.model_validate(
        {
            "name": "hook",
            "url": "https://chat.example/hunter1",
            "secret": "hunter2",
            "previous_secret": "hunter3",
            "headers": {"X-Token": "hunter4"},
        }
    )
    with closing(spec.build()) as sink:
        assert "hunter" not in repr(spec) + str(spec) + spec.model_dump_json() + repr(sink)


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "chat.example"},
        {"url": "https://u:hunter2@chat.example"},
        {"url": "https://chat.example", "previous_secret": "hunter2"},
        {"url": "https://chat.example", "secret": ""},
        {"url": "https://chat.example", "headers": {"X Token": "hunter2"}},
        {"url": "https://chat.example", "headers": {"X-Token": "hunter2\r\nX-Other: 1"}},
    ],
)
def test_a_wrong_setting_is_refused_without_showing_secrets(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        WebhookSpec(name="hook", **settings)
    assert "hunter" not in "".join(problem["msg"] for problem in caught.value.errors())
