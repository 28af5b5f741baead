"""A silence made by the command holds a real fault's page over a kill, and lets it go at its end: once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import answer
from tests.support.kafka import Cluster
from tests.support.receiver import Receiver
from tests.support.system import Story, System

pytestmark = [pytest.mark.xdist_group("kafka")]
TOKEN = "a-token-for-tests"


@pytest.fixture
def system(tmp_path: Path, kafka_broker: Cluster, baseline: Path, receiver: Receiver) -> Iterator[System]:
    """A system with a webhook, whose API takes silences."""
    sink = {"kind": "webhook", "name": "hook", "url": f"{receiver.url}/hook"}
    with System(tmp_path, kafka_broker, [sink], baseline=baseline, token=TOKEN) as made:
        kafka_broker.create_topic(made.dead_topic)
        yield made


def told(receiver: Receiver) -> list[tuple[str, str, str]]:
    """Return what the webhook was told, in order: status, field and rule."""
    alerts = [alert for request in list(receiver.requests) for alert in json.loads(request.body)["alerts"]]
    return [(alert["status"], alert["labels"]["field"], alert["labels"]["rule"]) for alert in alerts]


def test_a_silence_outlives_a_kill_and_at_its_end_everybody_is_told_once(system: System, receiver: Receiver) -> None:
    system.settings["drift"] = [{"kind": "missing"}]
    system.start()
    config = system.config
    story = Story(system)
    story.judged(3)
    silence_id = answer(
        "silence", "add", "-c", config, "field=country", "--for", "1h", "--reason", "countries are reloaded"
    ).strip()

    story.judged(3, without_country=6)
    system.until(lambda: held(system) == 1)
    assert system.daemon is not None
    system.daemon.kill()
    system.start()
    story.judged(2, without_country=6)
    system.until(lambda: held(system) == 1)
    (alert,) = json.loads(answer("alerts", "-c", config, "-o", "json"))["alerts"]
    assert (alert["held"][0]["by"], alert["held"][0]["sinks"]) == (silence_id, ["hook"])
    assert told(receiver) == []

    answer("silence", "expire", "-c", config, silence_id)
    receiver.wait_for(lambda requests: len(requests) == 1, 90.0)
    system.until(lambda: held(system) == 0)
    story.judged(2, without_country=6)
    assert told(receiver) == [("firing", "country", "missing")]

    answer("silence", "add", "-c", config, "monitor=shop", "--for", "1h", "--reason", "again")
    story.judged(4)
    receiver.wait_for(lambda requests: len(requests) == 2, 90.0)
    story.judged(3, without_country=6)
    system.until(lambda: held(system) == 1)
    story.judged(4)
    system.until(lambda: held(system) == 0)
    assert told(receiver) == [("firing", "country", "missing"), ("resolved", "country", "missing")]
    assert system.metrics("driftline_silences")[("state", "active"),] == 1


def held(system: System) -> float:
    """Return how many notifications are held by a silence."""
    return system.metrics("driftline_notifications_held").get((("reason", "silence"), ("sink", "hook")), -1)
