"""SIGKILL at any moment, and foreign members in the group: the statistics are those of an undisturbed run."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml
from confluent_kafka import Consumer, Producer

from monitor.codec import decode
from tests.support.daemon import DaemonProcess, stored_heads, stored_windows
from tests.support.kafka import Cluster, free_ports, unique

pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.timeout(300)]

PARTITIONS = 3
_CONFIG = """
name: kill
source:
  kind: kafka
  client: {client}
  assignment: {assignment}
  bootstrap_servers: {bootstrap}
  topics: [{topic}]
  group_id: {group}
  start: earliest
  max_poll_records: 500
dead_letter: {{topic: {topic}.dead}}
time: {{field: at, unit: ms, lateness: 500ms, idle: 10m}}
window: {{size: 1s}}
baseline: {{kind: file, path: {directory}/baseline}}
fields:
  amount: {{type: number, required: true}}
  country: {{type: category}}
drift: [{{kind: psi}}, {{kind: ks}}, {{kind: missing}}]
checks: [{{kind: volume}}]
sinks: [{{kind: log}}]
store: {{path: {store}, checkpoint_interval: 100ms}}
http: {{listen: "127.0.0.1:{port}"}}
"""


def _config(directory: Path, broker: Cluster, topic: str, store: str, **changes: str) -> Path:
    """Write a configuration that keeps its state under `store`."""
    settings = {"client": "kafka-python", "assignment": "all", "group": f"{topic}-{store}", **changes}
    file = directory / f"{store}.yaml"
    file.write_text(
        _CONFIG.format(
            bootstrap=broker.bootstrap,
            topic=topic,
            directory=directory,
            store=directory / store,
            port=free_ports(1)[0],
            **settings,
        )
    )
    return file


def _record(rng: random.Random, at_ms: int) -> bytes:
    """Return a record: mostly good, some late, some with nulls, some not JSON at all."""
    kind = rng.random()
    if kind < 0.02:
        return b"{broken"
    if kind < 0.04:
        return b"[1, 2]"
    at_ms -= 5_000 if kind < 0.08 else 0
    country = None if kind < 0.12 else rng.choice(["DE", "FR", "US"])
    return json.dumps({"at": at_ms, "amount": round(rng.lognormvariate(3, 1), 2), "country": country}).encode()


class _Writer:
    """Writes records in event-time order to all partitions, in a thread, while the daemon suffers."""

    def __init__(self, broker: Cluster, topic: str, first_ms: int) -> None:
        self._producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 5})
        self._topic = topic
        self._rng = random.Random(4)
        self._stop = threading.Event()
        self.at_ms = first_ms
        self.written = 0
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            for _ in range(25):
                self.at_ms += 1
                self._send(_record(self._rng, self.at_ms), self._rng.randrange(PARTITIONS))
            self._producer.poll(0)

    def _send(self, value: bytes, partition: int) -> None:
        self._producer.produce(self._topic, value, partition=partition, timestamp=self.at_ms)
        self.written += 1

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write while inside; then close every window with a record far ahead on each partition."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()
        self.at_ms += 600_000
        for partition in range(PARTITIONS):
            self._send(json.dumps({"at": self.at_ms, "amount": 1.0, "country": "DE"}).encode(), partition)
        assert self._producer.flush(30) == 0


def _build_baseline(config: Path, directory: Path) -> None:
    """Build the baseline from a file of good records, with the real command."""
    rng = random.Random(9)
    lines = [
        json.dumps(
            {"at": 1_700_000_000_000 + i, "amount": rng.lognormvariate(3, 1), "country": rng.choice(["DE", "FR", "US"])}
        )
        for i in range(2_000)
    ]
    data = directory / "good.jsonl"
    data.write_text("\n".join(lines))
    command = [sys.executable, "-m", "monitor", "baseline", "build", "-c", str(config), "--input", str(data)]
    subprocess.run(command, check=True, capture_output=True)


def _assert_same_statistics(disturbed: Path, reference: Path) -> None:
    """Compare every judged window: rows, verdict and check lines, and each integer cell of its profile."""
    left, right = stored_windows(disturbed), stored_windows(reference)
    assert [(w.start_ms, w.end_ms, w.rows) for w in left] == [(w.start_ms, w.end_ms, w.rows) for w in right]
    assert [w.lines for w in left] == [w.lines for w in right]
    for one, other in zip(left, right, strict=True):
        assert one.profile is not None
        assert other.profile is not None
        mine, theirs = decode(one.profile), decode(other.profile)
        assert mine["accumulators"].keys() == theirs["accumulators"].keys()
        for key, state in mine["accumulators"].items():
            for name, value in state.items():
                expected = theirs["accumulators"][key][name]
                if isinstance(value, np.ndarray) and value.dtype.kind in "iu":
                    assert np.array_equal(value, expected)
                elif isinstance(value, np.ndarray):
                    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)  # carries are near zero


_COUNTS = (
    "from_offset",
    "next_offset",
    "max_event_ms",
    "records",
    "record_bytes",
    "rows",
    "filtered",
    "late_rows",
    "rejects",
)


def _assert_same_counts(disturbed: Path, reference: Path) -> None:
    """Compare what each partition counted: nothing lost, nothing twice."""
    left, right = stored_heads(disturbed), stored_heads(reference)
    assert left.keys() == right.keys()
    for partition, head in left.items():
        assert {name: head[name] for name in _COUNTS} == {name: right[partition][name] for name in _COUNTS}


@pytest.mark.parametrize("client", ["kafka-python", "librdkafka"])
def test_killed_again_and_again_the_daemon_counts_every_record_once(
    tmp_path: Path, kafka_broker: Cluster, client: str
) -> None:
    """The final windows and counts equal those of a run that nobody disturbed."""
    topic = kafka_broker.create_topic(unique("kill"), PARTITIONS)
    kafka_broker.create_topic(f"{topic}.dead")
    config = _config(tmp_path, kafka_broker, topic, "disturbed", client=client)
    _build_baseline(config, tmp_path)
    writer = _Writer(kafka_broker, topic, int(time.time() * 1000) - 600_000)
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
    reference = _config(tmp_path, kafka_broker, topic, "reference", client=client)
    undisturbed = DaemonProcess(reference, "--until-end").wait()
    assert {k: summary[k] for k in ("records", "rows", "rejects", "late_rows")} == {
        k: undisturbed[k] for k in ("records", "rows", "rejects", "late_rows")
    }
    assert summary["late_rows"] > 0
    assert summary["rejects"] > 0
    _assert_same_counts(tmp_path / "disturbed", tmp_path / "reference")
    _assert_same_statistics(tmp_path / "disturbed", tmp_path / "reference")


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
    config = _config(tmp_path, kafka_broker, topic, "disturbed", client=client, assignment="group", group=group)
    _build_baseline(config, tmp_path)
    writer = _Writer(kafka_broker, topic, int(time.time() * 1000) - 600_000)
    daemon = DaemonProcess(config)
    with writer.writing():
        for _ in range(3):
            time.sleep(3.0)
            assert _visit(kafka_broker, topic, group, 4.0), "the stranger got no partition, so nothing was tested"
    _await_end(daemon, tmp_path / "disturbed.yaml", writer.written)
    assert daemon.stop() == 0
    assert "window_partial" in daemon.log.read_text()
    reference = _config(tmp_path, kafka_broker, topic, "reference", client=client)
    undisturbed = DaemonProcess(reference, "--until-end").wait()
    assert undisturbed["records"] == writer.written
    _assert_same_counts(tmp_path / "disturbed", tmp_path / "reference")


def _await_end(daemon: DaemonProcess, config: Path, records: int) -> None:
    """Wait until the daemon has read everything that was written."""
    url = f"http://{yaml.safe_load(config.read_text())['http']['listen']}"
    deadline_s = time.monotonic() + 60
    seen = 0
    while time.monotonic() < deadline_s:
        assert daemon.process.poll() is None, daemon.log.read_text()[-4000:]
        partitions = httpx.get(f"{url}/api/v1/status").json()["partitions"]
        seen = sum(partition["records"] for partition in partitions)
        if seen == records:
            return
        time.sleep(0.3)
    raise AssertionError(f"read {seen} of {records}: {daemon.log.read_text()[-4000:]}")
