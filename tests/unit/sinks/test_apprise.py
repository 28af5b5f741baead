"""What Apprise is asked to send, through its own JSON plugin to a local receiver."""

from __future__ import annotations

import importlib.util
import json
import logging
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.errors import Retryable
from monitor.sinks.apprise import MAX_TEXT, SHOWN, AppriseSpec, render_text
from tests.support.alerts import START_MS, an_alert
from tests.support.receiver import Receiver, always


def spec_of(receiver: Receiver) -> AppriseSpec:
    return AppriseSpec.model_validate({"url": receiver.url.replace("http://", "json://user:hunter2@") + "/hook"})


def tell(receiver: Receiver, *alerts: Any) -> dict[str, Any]:
    with closing(spec_of(receiver).build()) as sink:
        sink.deliver(alerts, START_MS)
    found: dict[str, Any] = json.loads(receiver.requests[-1].body)
    return found


def test_the_alerts_of_a_delivery_are_one_message() -> None:
    with Receiver() as receiver:
        sent = tell(receiver, an_alert(), an_alert("country", severity="critical"))
    assert sent["title"] == "payments: 1 critical, 1 warning"
    assert sent["type"] == "failure"
    assert "[warning] amount drifts\nsince 2023-11-14T22:13:20.000Z\nreason: score 0.31" in sent["message"]


def test_an_end_is_good_news() -> None:
    with Receiver() as receiver:
        assert tell(receiver, an_alert(status="resolved"))["type"] == "success"


@pytest.mark.parametrize("status", [400, 429, 500])
def test_a_service_that_does_not_take_it_is_tried_again_and_nothing_is_shown(status: int, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    with Receiver(always(status)) as receiver, pytest.raises(Retryable) as caught:
        tell(receiver, an_alert())
    assert "hunter" not in str(caught.value) + caplog.text


def test_a_storm_is_cut() -> None:
    alert = replace(an_alert(), annotations={"summary": "s", "evidence": "x" * 90_000})
    text = render_text([alert] * 100)
    assert len(text) <= MAX_TEXT
    assert "and 80 more" in render_text([replace(alert, annotations={"summary": "s"})] * 100)
    assert SHOWN == 20


@pytest.mark.parametrize("url", ["hunter2", "nosuch://hunter2", "https//hunter2"])
def test_an_unknown_service_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValidationError, match="not the URL") as caught:
        AppriseSpec(url=url)
    assert "hunter" not in "".join(problem["msg"] for problem in caught.value.errors())


def test_without_the_package_the_configuration_is_refused_with_the_remedy(monkeypatch: Any) -> None:
    monkeypatch.setattr("monitor.sinks.apprise.find_spec", lambda _: None)
    with pytest.raises(ValidationError, match=r"install driftline\[apprise\]"):
        AppriseSpec(url="json://localhost")
    assert importlib.util.find_spec("apprise")


def test_the_url_is_never_shown() -> None:
    with Receiver() as receiver:
        spec = spec_of(receiver)
        with closing(spec.build()) as sink:
            assert "hunter" not in repr(spec) + str(spec) + spec.model_dump_json() + repr(sink)
