"""From a fault in Kafka to one page and its end, by the rules and the Alertmanager configuration that are shipped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import groupby
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
        assert moved([page]) >= {("amount", "psi"), ("amount", "ks"), ("country", "missing")}
        assert {alert["labels"]["severity"] for alert in page["alerts"]} == {"critical"}

        assert system.daemon is not None
        system.daemon.kill()
        prometheus.wait_for("up == 0")
        system.start()
        prometheus.wait_for("driftline_alert_firing == 1")
        story.judged(3, **FAULTY)
        pages = told(receiver, "pagerduty")
        assert phases(pages) == ["firing"], "a restart is no second page"

        story.judged(4)
        for name in ("pagerduty", "slack"):
            receiver.wait_for(partial(_resolved, receiver, name), 90.0)
        assert moved(told(receiver, "pagerduty"), "resolved") == moved(pages)
        story.judged(3)
        for name in ("pagerduty", "slack"):
            assert phases(told(receiver, name)) == ["firing", "resolved"]


def phases(notes: list[dict[str, Any]]) -> list[str]:
    """Return what was told in turn, however often: an alert that joins its group late is one more notification.

    It is no second page, as PagerDuty knows what is open by the group's key; that is one group from beginning to end.
    """
    assert len({note["groupKey"] for note in notes}) <= 1
    return [status for status, _ in groupby(note["status"] for note in notes)]


def moved(notes: list[dict[str, Any]], status: str = "firing") -> set[tuple[str, str]]:
    """Return the fields and rules of the alerts that the notifications say are of this status."""
    alerts = (alert for note in notes for alert in note["alerts"] if alert["status"] == status)
    return {(alert["labels"]["field"], alert["labels"]["rule"]) for alert in alerts}


def _resolved(receiver: Receiver, service: str, _: list[Request]) -> bool:
    return phases(told(receiver, service))[-1:] == ["resolved"]


def _has(path: str, n: int) -> Any:
    def enough(requests: list[Request]) -> bool:
        return sum(request.path == path for request in requests) >= n

    return enough
