"""What a topic is sent, on a topic that does as it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.errors import Retryable, Undeliverable
from monitor.sinks.body import delivery_id
from monitor.sinks.kafka import KafkaSinkSpec
from tests.support.alerts import START_MS, an_alert

ALERTS = [an_alert(), an_alert("country"), an_alert(status="resolved")]


class FakeTopic:
    """Remembers records and answers what it is given."""

    def __init__(self, answer: Mapping[int, str | None] | None = None) -> None:
        self.answer = answer
        self.records: list[tuple[bytes, bytes]] = []
        self.closed = 0

    def send(self, records: Sequence[tuple[bytes, bytes]], timeout_s: float) -> Mapping[int, str | None]:
        self.records += records
        return dict.fromkeys(range(len(records))) if self.answer is None else self.answer

    def close(self) -> None:
        self.closed += 1


def tell(answer: Mapping[int, str | None] | None = None) -> FakeTopic:
    topic = FakeTopic(answer)
    KafkaSinkSpec(topic="alerts").build(topic).deliver(ALERTS, START_MS)
    return topic


def test_each_alert_is_a_record_keyed_by_its_fingerprint() -> None:
    topic = tell()
    assert [key for key, _ in topic.records] == [b"fp-amount", b"fp-country", b"fp-amount"]
    body = json.loads(topic.records[2][1])
    assert (body["version"], body["monitor"], len(body["alerts"])) == ("1", "payments", 1)
    assert body["alerts"][0]["delivery_id"] == delivery_id(ALERTS[2])


def test_what_is_not_acknowledged_is_sent_again_and_nothing_else() -> None:
    with pytest.raises(Retryable, match="2 of 3") as caught:
        tell({1: None})
    assert caught.value.delivered == {1}


def test_what_the_broker_refuses_for_good_is_undeliverable() -> None:
    with pytest.raises(Undeliverable, match="too large") as caught:
        tell({0: None, 1: "too large", 2: None})
    assert caught.value.positions == {1}


@pytest.mark.parametrize(
    "settings", [{"topic": ""}, {"topic": "a b"}, {"topic": "alerts", "security": {"protocol": "SSL"}}, {}]
)
def test_a_wrong_setting_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KafkaSinkSpec(**settings)
