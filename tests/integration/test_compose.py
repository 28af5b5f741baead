"""docker-compose.yaml without containers: its configurations, with hosts, paths and intervals of this machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from monitor.demo.cluster import RemoteBroker
from tests.support.alertmanager import eventually, running
from tests.support.command_line import as_installed, line
from tests.support.compose import COMPOSE, ROOT
from tests.support.daemon import DaemonProcess
from tests.support.kafka import Cluster, unique
from tests.support.ports import free_ports
from tests.support.prometheus import StartPrometheus
from tests.support.receiver import Receiver

pytestmark = [pytest.mark.xdist_group("kafka")]


def substituted(name: str, **changes: str) -> str:
    """Return a configuration of the composition with some texts replaced, each of which must be there."""
    text = (COMPOSE / name).read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


@contextmanager
def shop(cluster: Cluster, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run the shop, and end it with Ctrl-C's signal as Compose does with SIGTERM."""
    command = line("demo", "--produce-to", cluster.bootstrap, *options)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=as_installed()
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def daemon(config: Path) -> Iterator[DaemonProcess]:
    """Run the daemon until the end of the block."""
    process = DaemonProcess(config)
    try:
        yield process
    finally:
        process.kill()


def test_the_shop_takes_topics_that_are_there_already(kafka_broker: Cluster) -> None:
    topic = kafka_broker.create_topic(unique("shop"), 2)
    broker = RemoteBroker(kafka_broker.bootstrap)
    broker.create(topic)
    broker.produce(topic, [(b"key", b"value")], 1_700_000_000_000)
    broker.close()
    consumer = Consumer({"bootstrap.servers": kafka_broker.bootstrap, "group.id": topic})
    ends = [consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=30)[1] for number in range(2)]
    consumer.close()
    assert sum(ends) == 1


def test_the_composition_tells_alertmanager_of_the_shops_fault(
    tmp_path: Path, kafka_broker: Cluster, receiver: Receiver, start_prometheus: StartPrometheus
) -> None:
    """The daemon learns what is usual from good payments; the fault comes half a minute later."""
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    config = tmp_path / "driftline.yaml"
    changes = {"kafka:9092": kafka_broker.bootstrap, "/var/lib/driftline": str(tmp_path), "0.0.0.0:9108": listen}
    config.write_text(substituted("driftline.yaml", **changes))
    peers = running(tmp_path / "am", receiver, configuration=substituted("alertmanager.yaml"))
    with shop(kafka_broker, "--fault-after", "25") as producer, daemon(config) as process, peers as alertmanager:
        prometheus = start_prometheus(
            configuration=substituted(
                "prometheus.yaml",
                **{
                    "/etc/prometheus/rules": str(ROOT / "alerts/rules"),
                    "driftline:9108": listen,
                    "alertmanager:9093": alertmanager.url.removeprefix("http://"),
                    "interval: 5s": "interval: 1s",
                },
            )
        )
        process.await_ready(f"http://{listen}")
        prometheus.wait_for('up{job="driftline"} == 1')
        firing = 'ALERTS{alertname="DriftlineDrift", alertstate="firing", field="amount", severity="critical"}'
        assert prometheus.wait_for(firing, timeout_s=120.0)
        eventually(lambda: [alert for alert in alertmanager.alerts() if alert["labels"].get("field") == "amount"])
        producer.terminate()
        out, err = producer.communicate(timeout=90)
    assert (producer.returncode, err) == (0, "")
    assert "FAULT" in out
    stopped, summary = out.splitlines()[-2:]
    assert stopped == "stopped"
    assert json.loads(summary)["records"] > 10_000
