"""Kafka, the daemon, Prometheus, Alertmanager and a webhook receiver together, as in production."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.sinks.instants import rfc3339
from tests.support.alertmanager import Alertmanager, eventually
from tests.support.daemon import stored_heads
from tests.support.kafka import Cluster
from tests.support.prometheus import Prometheus, StartPrometheus, binary
from tests.support.receiver import Receiver, Request, always
from tests.support.system import Story, System, record

pytestmark = [pytest.mark.xdist_group("kafka")]

SECRET = "a-secret-for-the-hook"
FAULTY = {"factor": 3.0, "without_country": 6}
KNOWN_COMPLAINT = 'driftline_field_quantile non-summary metrics should not have "quantile" label'


def signed(request: Request) -> bool:
    """Return whether the request bears a fresh signature of our secret, computed as the documentation says."""
    parts = dict(part.split("=", 1) for part in request.headers["X-Driftline-Signature"].split(","))
    expected = hmac.new(SECRET.encode(), f"{parts['t']}.".encode() + request.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(parts["v1"], expected) and abs(time.time() - int(parts["t"])) < 300


def told(hook: Receiver, **labels: str) -> list[dict[str, Any]]:
    """Return the notifications that the webhook accepted, in order, of alerts with these labels."""
    return [
        alert
        for request in list(hook.requests)
        for alert in json.loads(request.body)["alerts"]
        if labels.items() <= alert["labels"].items()
    ]


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def system(tmp_path: Path, kafka_broker: Cluster, hook: Receiver, baseline: Path) -> Iterator[System]:
    """A system with a baseline whose webhook goes to `hook`; not started yet."""
    webhook = {"kind": "webhook", "name": "hook", "url": f"{hook.url}/in", "secret": SECRET}
    with System(tmp_path, kafka_broker, [webhook], baseline=baseline) as made:
        kafka_broker.create_topic(made.dead_topic)
        yield made


def is_everything_ok(system: System) -> bool:
    levels = system.verdicts()
    return len(levels) == 7 and set(levels.values()) == {"ok"}


def assert_counts_in_prometheus(system: System, prometheus: Prometheus) -> None:
    """Compare the scraped counters with what was produced, partition by partition."""
    for partition, produced in enumerate(system.produced):
        own = f'{{topic="{system.topic}",partition="{partition}",monitor="shop"}}'
        prometheus.wait_for(f"driftline_records_total{own} == {produced}")
        prometheus.wait_for(f"driftline_consumer_lag_records{own} == 0")
    assert [s.value for s in prometheus.query("resets(driftline_records_total[5m]) > 0")] == []


def test_drift_reaches_every_part_of_the_system_and_leaves_it_again(
    system: System,
    hook: Receiver,
    alertmanager_pair: tuple[Alertmanager, Alertmanager],
    start_prometheus: StartPrometheus,
) -> None:
    """Healthy, faulty, killed while the alert fires, healthy again: seen by Prometheus, Alertmanager and webhook."""
    urls = [peer.url for peer in alertmanager_pair]
    system.settings["sinks"].append({"kind": "alertmanager", "name": "am", "urls": urls, "resend": "30s"})
    prometheus = start_prometheus([system.url])
    system.start()
    story = Story(system)

    story.judged(4)
    assert is_everything_ok(system)
    prometheus.wait_for('count(driftline_drift_level{monitor="shop"} == 0) == 7')
    assert [s.value for s in prometheus.query("sum(driftline_alerts_firing)")] == [0.0]
    assert_counts_in_prometheus(system, prometheus)
    assert told(hook) == [a for peer in alertmanager_pair for a in peer.alerts()] == []

    began_ms = story.judged(4, **FAULTY)
    shown = assert_alert_everywhere(system, hook, alertmanager_pair, began_ms)
    prometheus.wait_for('driftline_drift_level{field="amount",detector="psi"} == 2')
    prometheus.wait_for('driftline_drift_level{field="country",detector="missing"} == 2')
    firing = len(alertmanager_pair[0].alerts())
    prometheus.wait_for(f"sum(driftline_alerts_firing) == {firing}")
    prometheus.wait_for(f"driftline_record_delay_seconds_count == {sum(system.produced)}")
    assert_promtool_is_content(system)
    assert_counts_in_prometheus(system, prometheus)

    assert system.daemon is not None
    system.until(lambda: system.metrics("driftline_outbox_size") == {(("sink", "am"),): 0, (("sink", "hook"),): 0})
    system.daemon.kill()
    story.windows(2, **FAULTY)
    system.start()
    story.judged(1, **FAULTY)
    assert_counts_in_prometheus(system, prometheus)
    assert all(peer.alerts() for peer in alertmanager_pair), "as it was told, and will be again"

    story.judged(4)
    eventually(lambda: [peer.alerts() for peer in alertmanager_pair] == [[], []])
    eventually(lambda: len(told(hook)) == 2 * firing)
    prometheus.wait_for("sum(driftline_alerts_firing) == 0")
    assert is_everything_ok(system)
    assert_one_trigger_and_one_resolve_each(hook, shown)
    assert all(signed(request) for request in hook.requests)
    assert system.daemon.stop() == 0


def test_a_sink_that_is_down_costs_no_data_and_no_notification(system: System, hook: Receiver) -> None:
    """The webhook fails, the daemon is killed and restarted meanwhile; what waited is delivered in the end."""
    system.settings["source"]["client"] = "librdkafka"
    hook.behave = always(503)
    system.start()
    story = Story(system)
    story.judged(3)
    story.judged(3, **FAULTY)
    waiting = (("sink", "hook"),)
    system.until(lambda: system.metrics("driftline_outbox_size")[waiting] > 0 and hook.requests)
    assert system.metrics("driftline_notifications_total")[("outcome", "delivered"), ("sink", "hook")] == 0
    assert system.daemon is not None
    system.daemon.kill()
    system.start()
    system.until(lambda: system.metrics("driftline_outbox_size")[waiting] > 0)
    story.judged(1, **FAULTY)
    # A window may be judged before the last record behind it is read.
    system.until(lambda: sum(system.metrics("driftline_records_total").values()) == sum(system.produced))
    attempts = len(hook.requests)
    hook.behave = always(200)
    system.until(lambda: system.metrics("driftline_outbox_size")[waiting] == 0)
    tried, delivered = hook.requests[:attempts], hook.requests[attempts:]
    assert {ids for request in tried for ids in delivery_ids(request)} <= {
        ids for request in delivered for ids in delivery_ids(request)
    }
    assert all(signed(request) for request in hook.requests)
    assert system.daemon.stop() == 0


def delivery_ids(request: Request) -> list[str]:
    """Return what identifies each transition in a delivery."""
    return [alert["delivery_id"] for alert in json.loads(request.body)["alerts"]]


def test_counters_that_were_shown_are_not_taken_back_by_a_kill(system: System) -> None:
    """Prometheus would take it for a restart at zero, and rates would jump by all that was ever counted."""
    system.settings["store"]["checkpoint_interval"] = "4s"
    daemon = system.start()
    for i in range(6):
        system.produce([record(1_700_000_000_000 + i, 1.0, "DE")] * 2)
        time.sleep(0.3)
    shown = sum(system.metrics("driftline_records_total").values())
    daemon.kill()
    stored = sum(head["records"] for head in stored_heads(system.store).values())
    assert shown <= stored


def assert_alert_everywhere(
    system: System, hook: Receiver, peers: tuple[Alertmanager, Alertmanager], began_ms: int
) -> str:
    """Look for the alert on the shifted amounts at both peers and the webhook; return its fingerprint."""
    labels = {"alertname": "DriftlineDrift", "monitor": "shop", "rule": "psi", "field": "amount"}

    def found(peer: Alertmanager) -> list[dict[str, Any]]:
        return [a for a in peer.alerts() if labels.items() <= a["labels"].items()]

    eventually(lambda: all(found(peer) for peer in peers))
    for peer in peers:
        (alert,) = found(peer)
        assert alert["labels"] == labels | {"severity": "critical"}
        assert alert["annotations"]["since"] == rfc3339(began_ms)
        assert "amount drifted" in alert["annotations"]["summary"]
    eventually(lambda: told(hook, **labels))
    (trigger,) = told(hook, **labels)
    assert (trigger["status"], trigger["severity"], trigger["starts_at_ms"]) == ("firing", "critical", began_ms)
    eventually(lambda: told(hook, rule="missing", field="country"))
    fingerprint: str = trigger["fingerprint"]
    return fingerprint


def assert_one_trigger_and_one_resolve_each(hook: Receiver, fingerprint: str) -> None:
    """Every alert was told once as firing and once as resolved, under one fingerprint, also across the kill."""
    stories: dict[str, list[str]] = {}
    for alert in told(hook):
        stories.setdefault(alert["fingerprint"], []).append(alert["status"])
    assert fingerprint in stories
    assert set(map(tuple, stories.values())) == {("firing", "resolved")}


def assert_promtool_is_content(system: System) -> None:
    """Let promtool look at the live page; the one complaint is about a promised label."""
    page = system.metrics_page().encode()
    run = subprocess.run([binary("promtool"), "check", "metrics"], input=page, capture_output=True, check=False)
    assert set((run.stdout + run.stderr).decode().splitlines()) - {KNOWN_COMPLAINT} == set()
