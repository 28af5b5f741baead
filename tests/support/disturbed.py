"""A daemon that is disturbed under load, and what it must have counted in the end: as if nobody had disturbed it."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import yaml
from confluent_kafka import Producer

from monitor.codec import decode
from tests.support import loopback
from tests.support.command_line import answer
from tests.support.daemon import DaemonProcess, stored_heads, stored_windows
from tests.support.kafka import Cluster
from tests.support.ports import free_ports

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


def write_config(directory: Path, broker: Cluster, topic: str, store: str, **changes: str) -> Path:
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


def record(rng: random.Random, at_ms: int) -> bytes:
    """Return a record: mostly good, some late, some with nulls, some not JSON at all."""
    kind = rng.random()
    if kind < 0.02:
        return b"{broken"
    if kind < 0.04:
        return b"[1, 2]"
    at_ms -= 5_000 if kind < 0.08 else 0
    country = None if kind < 0.12 else rng.choice(["DE", "FR", "US"])
    return json.dumps({"at": at_ms, "amount": round(rng.lognormvariate(3, 1), 2), "country": country}).encode()


class Writer:
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
                self._send(record(self._rng, self.at_ms), self._rng.randrange(PARTITIONS))
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
        assert self._producer.flush(90) == 0


def build_baseline(config: Path, directory: Path) -> None:
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
    answer("baseline", "build", "-c", config, "--input", data)


def assert_same_statistics(disturbed: Path, reference: Path, *, common: bool = False) -> None:
    """Compare every judged window: rows, verdict and check lines, and each integer cell of its profile.

    `common`: the lines may differ, and the disturbed one may have counted more, but what both did is equal.
    """
    left, right = stored_windows(disturbed), stored_windows(reference)
    assert [(w.start_ms, w.end_ms, w.rows) for w in left] == [(w.start_ms, w.end_ms, w.rows) for w in right]
    assert common or [w.lines for w in left] == [w.lines for w in right]
    for one, other in zip(left, right, strict=True):
        assert one.profile is not None
        assert other.profile is not None
        mine, theirs = decode(one.profile), decode(other.profile)
        assert mine["accumulators"].keys() >= theirs["accumulators"].keys()
        assert common or mine["accumulators"].keys() == theirs["accumulators"].keys()
        for key, state in theirs["accumulators"].items():
            for name, expected in state.items():
                value = mine["accumulators"][key][name]
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


def assert_same_counts(disturbed: Path, reference: Path) -> None:
    """Compare what each partition counted: nothing lost, nothing twice."""
    left, right = stored_heads(disturbed), stored_heads(reference)
    assert left.keys() == right.keys()
    for partition, head in left.items():
        assert {name: head[name] for name in _COUNTS} == {name: right[partition][name] for name in _COUNTS}


def url_of(config: Path) -> str:
    """Return where the daemon of a configuration answers."""
    return f"http://{yaml.safe_load(config.read_text())['http']['listen']}"


def records_read(config: Path) -> dict[int, int]:
    """Return how many records the daemon has read of each partition that it owns."""
    partitions = loopback.get(f"{url_of(config)}/api/v1/status", timeout=60.0).json()["partitions"]
    return {int(partition["partition"]): int(partition["records"]) for partition in partitions}


def until(daemon: DaemonProcess, condition: Callable[[], object], timeout_s: float = 300.0) -> None:
    """Return as soon as the condition holds; fails with the log when the daemon ends or it does not in time."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert daemon.process.poll() is None, daemon.log.read_text()[-4000:]
        assert time.monotonic() < deadline_s, daemon.log.read_text()[-4000:]
        time.sleep(0.1)
