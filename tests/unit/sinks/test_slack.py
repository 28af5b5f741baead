"""What Slack is sent: one message, in which what comes from data is only words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from monitor.errors import Undeliverable
from monitor.sinks.slack import MAX_TEXT, SHOWN, SlackSpec, render_message
from monitor.types import Alert
from tests.support.alerts import START_MS, an_alert
from tests.support.receiver import Receiver, always

HOSTILE = "<!channel> & <https://evil.example|click> *b* `c` |>"


def tell(receiver: Receiver, alerts: Sequence[Alert]) -> list[dict[str, Any]]:
    with closing(SlackSpec(url=f"{receiver.url}/services/hunter2", timeout="500ms").build()) as sink:
        sink.deliver(alerts, START_MS)
    return [json.loads(request.body) for request in receiver.requests]


def texts(part: Any) -> Iterator[tuple[str, str]]:
    """Yield every text in a message with how Slack reads it."""
    if isinstance(part, dict):
        if part.get("type") in ("plain_text", "mrkdwn"):
            yield part["type"], part["text"]
        yield from (found for value in part.values() for found in texts(value))
    elif isinstance(part, list):
        yield from (found for value in part for found in texts(value))


def test_the_alerts_of_a_delivery_are_one_message_coloured_by_severity() -> None:
    alerts = [an_alert(), an_alert("country", severity="critical"), an_alert("other", "resolved")]
    with Receiver() as receiver:
        (message,) = tell(receiver, alerts)
    assert message["text"] == "payments: 1 critical, 1 warning, 1 resolved"
    assert len({attachment["color"] for attachment in message["attachments"]}) == 3
    first = [text for _, text in texts(message["attachments"][1])]
    assert first == [
        "[warning] amount drifts\nreason: score 0.31 above 0.25",
        "rule psi · field amount · since 2023-11-14T22:13:20.000Z",
    ]
    assert "until 2023-11-14T22:15:20.000Z" in [text for _, text in texts(message["attachments"][2])][1]


def test_a_change_of_severity_is_told_once() -> None:
    with Receiver() as receiver:
        (message,) = tell(receiver, [an_alert(status="resolved"), an_alert(severity="critical")])
    assert message["text"] == "payments: [critical] amount drifts"


def test_nothing_from_data_is_a_mention_a_link_or_formatting() -> None:
    labels = {"field": HOSTILE, "segment": f"note={HOSTILE}", "monitor": "payments"}
    alert = replace(an_alert(extra=labels), annotations={"summary": HOSTILE, "evidence": HOSTILE, "x<y": HOSTILE})
    message = render_message([alert] * (SHOWN + 2))
    assert "<" not in message["text"]
    assert all("<" not in attachment["fallback"] for attachment in message["attachments"])
    assert {kind for kind, _ in texts(message)} == {"plain_text"}


def test_links_are_links_and_cannot_be_left() -> None:
    annotations = {"summary": "s", "console_url": "https://c.example/?a=1&b=<x|y>", "runbook_url": "https://r.example/"}
    found = [text for kind, text in texts(render_message([replace(an_alert(), annotations=annotations)]))]
    linked = next(text for text in found if "c.example" in text)
    assert linked == "<https://c.example/?a=1&amp;b=%3Cx%7Cy%3E|Console> · <https://r.example/|Runbook>"


def test_a_storm_is_one_message_within_the_limits() -> None:
    alert = replace(an_alert(), annotations={"summary": "&" * 9_000, "evidence": "<" * 90_000})
    message = render_message([alert] * 100)
    assert len(message["attachments"]) == SHOWN + 1
    assert all(0 < len(text) <= MAX_TEXT for _, text in texts(message))
    assert sum(len(attachment["blocks"]) for attachment in message["attachments"]) <= 50
    assert "and 90 more" in message["attachments"][-1]["blocks"][0]["text"]["text"]


@pytest.mark.parametrize(("status", "positions"), [(400, None), (404, {0, 1}), (410, {0, 1}), (403, {0, 1})])
def test_a_channel_that_is_gone_refuses_all_and_a_bad_message_is_tried_in_parts(status: int, positions: Any) -> None:
    with Receiver(always(status)) as receiver, pytest.raises(Undeliverable) as caught:
        tell(receiver, [an_alert(), an_alert("country")])
    assert caught.value.positions == positions
    assert "hunter" not in str(caught.value)


def test_the_url_is_never_shown() -> None:
    spec = SlackSpec.model_validate({"url": "https://hooks.example/services/hunter2"})
    with closing(spec.build()) as sink:
        assert "hunter" not in repr(spec) + str(spec) + spec.model_dump_json() + repr(sink)


def test_the_worst_comes_first_with_all_alerts_of_its_incident() -> None:
    def of(name: str, incident: str, **settings: Any) -> Alert:
        alert = an_alert(name, **settings)
        return replace(alert, annotations={"summary": name, "incident": incident})

    alerts = [of("a", "1"), of("b", "2"), of("c", "1", status="resolved"), of("d", "2", severity="critical")]
    shown = [attachment["fallback"] for attachment in render_message(alerts)["attachments"]]
    assert shown == ["b", "d", "a", "c"]
