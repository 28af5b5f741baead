"""SIGKILL at any moment, and foreign members in the group: the statistics are those of an undisturbed run."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from tests.support.daemon import DaemonProcess
from tests.support.disturbed import (
    PARTITIONS,
    Writer,
    assert_same_counts,
    assert_same_statistics,
    build_baseline,
    records_read,
    until,
    url_of,
    write_config,
)
from tests.support.kafka import Cluster, unique

pytestmark = [pytest.mark.xdist_group("kafka")]


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
    with writer.writing():
        for life in range(6):
            daemon = DaemonProcess(config)
            if life % 2:
                time.sleep(rng.uniform(0.5, 2.0))  # somewhere in the start, on most machines
            else:
                daemon.await_ready(url_of(config))
                time.sleep(rng.uniform(0.0, 1.0))  # in the middle of the work
            assert daemon.process.poll() is None, daemon.log.read_text()[-4000:]
            daemon.kill()
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


def _visit(broker: Cluster, topic: str, group: str, seen: Callable[[], bool]) -> None:
    """Join the group as a stranger, and leave it when what it was given was seen to be missed."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": group,
            "partition.assignment.strategy": "cooperative-sticky",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([topic])
    deadline_s = time.monotonic() + 150
    while not (consumer.assignment() and seen()):
        assert time.monotonic() < deadline_s, "nothing was taken that is missed"
        consumer.poll(0.1)
    consumer.close()


def all_of(config: Path) -> dict[int, int]:
    """Return how many records were read of each partition, 0 of those that the daemon does not own."""
    return dict.fromkeys(range(PARTITIONS), 0) | records_read(config)


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
    with DaemonProcess(config) as daemon:
        with writer.writing():
            daemon.await_ready(url_of(config))
            for _ in range(2):
                before, missed = records_read(config), daemon.log.read_text().count("window_partial")
                until(daemon, lambda read=before: all(n > read.get(p, 0) for p, n in all_of(config).items()))
                _visit(kafka_broker, topic, group, lambda n=missed: daemon.log.read_text().count("window_partial") > n)
        until(daemon, lambda: sum(records_read(config).values()) == writer.written)
        assert daemon.stop() == 0
    reference = write_config(tmp_path, kafka_broker, topic, "reference", client=client)
    undisturbed = DaemonProcess(reference, "--until-end").wait()
    assert undisturbed["records"] == writer.written
    assert_same_counts(tmp_path / "disturbed", tmp_path / "reference")
