"""SIGKILL at any moment, and foreign members in the group: the statistics are those of an undisturbed run."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from tests.support.daemon import DaemonProcess
from tests.support.disturbed import (
    PARTITIONS,
    Writer,
    assert_same_counts,
    assert_same_statistics,
    await_end,
    build_baseline,
    write_config,
)
from tests.support.kafka import Cluster, unique

pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.timeout(300)]


@pytest.mark.parametrize("client", ["kafka-python", "librdkafka"])
def test_killed_again_and_again_the_daemon_counts_every_record_once(
    tmp_path: Path, kafka_broker: Cluster, client: str
) -> None:
    """The final windows and counts equal those of a run that nobody disturbed."""
    topic = kafka_broker.create_topic(unique("kill"), PARTITIONS)
    kafka_broker.create_topic(f"{topic}.dead")
    config = write_config(tmp_path, kafka_broker, topic, "disturbed", client=client)
    build_baseline(config, tmp_path)
    writer = Writer(kafka_broker, topic, int(time.time() * 1000) - 600_000)
    rng = random.Random(client)
    kills = 0
    with writer.writing():
        while kills < 10:
            daemon = DaemonProcess(config)
            time.sleep(rng.uniform(1.0, 4.0))
            assert daemon.process.poll() is None, daemon.log.read_text()[-4000:]
            daemon.kill()
            kills += 1
    summary = DaemonProcess(config, "--until-end").wait()
    assert summary["records"] == summary["rows"] + summary["rejects"] + summary["filtered"] == writer.written
    reference = write_config(tmp_path, kafka_broker, topic, "reference", client=client)
    undisturbed = DaemonProcess(reference, "--until-end").wait()
    assert {k: summary[k] for k in ("records", "rows", "rejects", "late_rows")} == {
        k: undisturbed[k] for k in ("records", "rows", "rejects", "late_rows")
    }
    assert summary["late_rows"] > 0
    assert summary["rejects"] > 0
    assert_same_counts(tmp_path / "disturbed", tmp_path / "reference")
    assert_same_statistics(tmp_path / "disturbed", tmp_path / "reference")


def _visit(broker: Cluster, topic: str, group: str, stay_s: float) -> set[int]:
    """Join the group as a stranger until a while after it gave us partitions; return those taken from the daemon."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": group,
            "partition.assignment.strategy": "cooperative-sticky",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    taken: set[int] = set()
    consumer.subscribe([topic])
    deadline_s = until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        consumer.poll(0.1)
        if not taken and consumer.assignment():
            until_s = min(deadline_s, time.monotonic() + stay_s)
        taken |= {assigned.partition for assigned in consumer.assignment()}
    consumer.close()
    return taken


@pytest.mark.parametrize("client", ["kafka-python", "librdkafka"])
def test_partitions_taken_by_strangers_continue_exactly_where_they_were_left(
    tmp_path: Path, kafka_broker: Cluster, client: str
) -> None:
    """A stranger joins and leaves the group; counts per partition stay those of an undisturbed run."""
    topic = kafka_broker.create_topic(unique("group"), PARTITIONS)
    kafka_broker.create_topic(f"{topic}.dead")
    group = unique("members")
    config = write_config(tmp_path, kafka_broker, topic, "disturbed", client=client, assignment="group", group=group)
    build_baseline(config, tmp_path)
    writer = Writer(kafka_broker, topic, int(time.time() * 1000) - 600_000)
    daemon = DaemonProcess(config)
    with writer.writing():
        for _ in range(3):
            time.sleep(3.0)
            assert _visit(kafka_broker, topic, group, 4.0), "the stranger got no partition, so nothing was tested"
    await_end(daemon, tmp_path / "disturbed.yaml", writer.written)
    assert daemon.stop() == 0
    assert "window_partial" in daemon.log.read_text()
    reference = write_config(tmp_path, kafka_broker, topic, "reference", client=client)
    undisturbed = DaemonProcess(reference, "--until-end").wait()
    assert undisturbed["records"] == writer.written
    assert_same_counts(tmp_path / "disturbed", tmp_path / "reference")
