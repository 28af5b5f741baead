"""From a fault in Kafka to one page and its end, by the rules and the Alertmanager configuration that are shipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.alertmanager import running, shipped_to, told
from tests.support.kafka import Cluster
from tests.support.prometheus import StartPrometheus
from tests.support.receiver import Receiver, Request
from tests.support.system import Story, System

pytestmark = [pytest.mark.xdist_group("kafka")]

ALERTS = Path(__file__).parents[2] / "alerts"
FAULTY = {"factor": 3.0, "without_country": 6}


@pytest.fixture
def system(tmp_path: Path, kafka_broker: Cluster, baseline: Path) -> Iterator[System]:
    """A system without sinks of its own: Prometheus pages."""
    with System(tmp_path, kafka_broker, baseline=baseline) as made:
        kafka_broker.create_topic(made.dead_topic)
        yield made


def test_one_fault_is_one_page_and_one_end_although_the_daemon_is_killed(
    system: System, receiver: Receiver, tmp_path: Path, start_prometheus: StartPrometheus
) -> None:
    """Amounts triple and countries vanish: every detector fires, one person is told once, and once that it is over."""
    with running(tmp_path / "am", receiver, configuration=shipped_to(receiver)) as alertmanager:
        rules = sorted((ALERTS / "rules").glob("*.yaml"))
        prometheus = start_prometheus([system.url], rule_files=rules, alertmanagers=[alertmanager.url])
        system.start()
        story = Story(system)
        story.judged(4)
        receiver.wait_for(_has("/dead-mans-switch", 1), 90.0)
        assert told(receiver, "pagerduty") == []

        story.judged(3, **FAULTY)
        receiver.wait_for(_has("/pagerduty", 1), 90.0)
        (page,) = told(receiver, "pagerduty")
        assert page["status"] == "firing"
        assert page["groupLabels"] == {"monitor": "shop"}
        moved = {(alert["labels"]["field"], alert["labels"]["rule"]) for alert in page["alerts"]}
        assert moved >= {("amount", "psi"), ("amount", "ks"), ("country", "missing")}
        assert {alert["labels"]["severity"] for alert in page["alerts"]} == {"critical"}

        assert system.daemon is not None
        system.daemon.kill()
        prometheus.wait_for("up == 0")
        system.start()
        prometheus.wait_for("driftline_alert_firing == 1")
        story.judged(3, **FAULTY)
        assert len(told(receiver, "pagerduty")) == 1, "a restart is no second page"

        story.judged(4)
        receiver.wait_for(_has("/pagerduty", 2), 90.0)
        last = told(receiver, "pagerduty")[-1]
        assert last["status"] == "resolved"
        assert {(alert["labels"]["field"], alert["labels"]["rule"]) for alert in last["alerts"]} == moved
        story.judged(3)
        assert len(told(receiver, "pagerduty")) == 2
        assert [note["status"] for note in told(receiver, "slack")] == ["firing", "resolved"]


def _has(path: str, n: int) -> Any:
    def enough(requests: list[Request]) -> bool:
        return sum(request.path == path for request in requests) >= n

    return enough
