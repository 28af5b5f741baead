"""A whole system for tests: a topic of a real cluster, a baseline, a configuration, the daemon as its own process."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import yaml
from confluent_kafka.admin import AdminClient, ConfigResource
from prometheus_client.parser import text_string_to_metric_families

from tests.support import loopback
from tests.support.command_line import answer
from tests.support.daemon import DaemonProcess
from tests.support.kafka import Cluster, unique
from tests.support.ports import free_ports

PARTITIONS = 2
WINDOW_MS = 1_000
LATENESS_MS = 200
COUNTRIES = ("DE", "FR", "US")
LARGE = {"max.message.bytes": "16000000"}
"""The configuration of a topic that takes records which are oversize for us."""
ROWS = 240
"""Rows a window: enough for a verdict, and divisible by everything below."""


def record(at_ms: int, amount: float | None, country: str | None) -> bytes:
    """Return one record of the shop; None leaves the field out."""
    fields = {"at": at_ms, "amount": amount, "country": country}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def window_of_records(start_ms: int, *, factor: float = 1.0, without_country: int = 0) -> list[bytes]:
    """Return a window's records in event-time order, whose amounts are the same evenly spread ones every time.

    `factor` shifts the amounts; of every twelve records `without_country` have none.
    """
    amounts = [round((i + 0.5) * 100 / ROWS, 3) for i in range(ROWS)]
    random.Random(7).shuffle(amounts)
    return [
        record(
            start_ms + i * WINDOW_MS // ROWS,
            amounts[i] * factor,
            None if i // 2 % 12 < without_country else COUNTRIES[i // 2 % 3],
        )
        for i in range(ROWS)
    ]


class System:
    """A topic with two partitions and one monitor on it, with the name of a dead letter topic; a context manager."""

    def __init__(
        self,
        directory: Path,
        cluster: Cluster,
        sinks: Iterable[Mapping[str, Any]] = (),
        *,
        baseline: Path | None = None,
        token: str | None = None,
    ) -> None:
        """Make the topic and a configuration, with its own baseline or an existing one; `start` starts the daemon."""
        self.directory = directory
        self.cluster = cluster
        self.topic = cluster.create_topic(unique("whole"), PARTITIONS, LARGE)
        self.dead_topic = f"{self.topic}.dead"
        self.url = f"http://127.0.0.1:{free_ports(1)[0]}"
        self.produced = [0] * PARTITIONS
        self.store = directory / "store"
        self.daemon: DaemonProcess | None = None
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._file = directory / "monitor.yaml"
        self.settings: dict[str, Any] = {
            "name": "shop",
            "source": {
                "kind": "kafka",
                "bootstrap_servers": cluster.bootstrap,
                "topics": [self.topic],
                "group_id": self.topic,
                "start": "earliest",
            },
            "dead_letter": {"topic": self.dead_topic},
            "time": {"field": "at", "unit": "ms", "lateness": "200ms", "idle": "10m"},
            "window": {"size": "1s"},
            "baseline": {"kind": "file", "path": str(baseline or directory / "baseline")},
            "fields": {"amount": {"type": "number"}, "country": {"type": "category"}},
            "drift": [{"kind": kind} for kind in ("psi", "ks", "missing", "invalid")],
            "alerting": {"raise_after": 2, "clear_after": 2},
            "sinks": [dict(sink) for sink in sinks],
            "store": {"path": str(self.store), "checkpoint_interval": "500ms"},
            "http": {"listen": self.url.removeprefix("http://"), **({} if token is None else {"token": token})},
        }

    @property
    def log(self) -> str:
        """Everything the daemon has logged in all its lives."""
        file = self._file.with_suffix(".log")
        return file.read_text() if file.exists() else ""

    @property
    def config(self) -> Path:
        """The configuration file, with the settings as they are now."""
        self._file.write_text(yaml.safe_dump(self.settings, sort_keys=False))
        return self._file

    def build_baseline(self) -> None:
        """Build the baseline from healthy records, with the real command."""
        data = self.directory / "healthy.jsonl"
        lines = [line for i in range(8) for line in window_of_records(1_700_000_000_000 + i * WINDOW_MS)]
        data.write_bytes(b"\n".join(lines))
        answer("baseline", "build", "-c", self.config, "--input", data)

    def start(self) -> DaemonProcess:
        """Start the daemon and wait until it is ready."""
        self.daemon = DaemonProcess(self.config)
        self.daemon.await_ready(self.url)
        return self.daemon

    def produce(self, records: list[bytes], **more: Any) -> None:
        """Write records to the partitions in turn, in order."""
        for partition in range(PARTITIONS):
            mine = records[partition::PARTITIONS]
            self.cluster.produce(self.topic, mine, partition=partition, **more)
            self.produced[partition] += len(mine)

    def status(self) -> dict[str, Any]:
        """Return /api/v1/status."""
        return self._get("/api/v1/status").json()

    def verdicts(self) -> dict[tuple[str, str], str]:
        """Return the levels of the last window by field and detector."""
        found = self._get("/api/v1/verdicts").json()["verdicts"]
        return {(v["field"], v["detector"]): v["level"] for v in found}

    def metrics_page(self) -> str:
        """Return /metrics as it is."""
        return self._get("/metrics").text

    def metrics(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Return the samples of one metric by their labels, without `monitor` and `topic`."""
        return {
            tuple(sorted((k, v) for k, v in sample.labels.items() if k not in ("monitor", "topic"))): sample.value
            for family in text_string_to_metric_families(self.metrics_page())
            for sample in family.samples
            if sample.name == name
        }

    def await_window(self, end_ms: int, timeout_s: float = 180.0) -> None:
        """Wait until the window that ends at `end_ms`, or a later one, has been judged."""

        def judged() -> bool:
            last = self.status()["last_window"]
            return last is not None and last["end_ms"] >= end_ms

        self.until(judged, timeout_s)

    def until(self, condition: Any, timeout_s: float = 180.0) -> None:
        """Return as soon as the condition holds; fails with the log when the daemon ends or it does not in time."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert self.daemon is not None
            assert self.daemon.process.poll() is None, self.log[-4000:]
            assert time.monotonic() < deadline_s, f"did not happen in time; {self.log[-3000:]}"
            time.sleep(0.05)

    def _get(self, path: str) -> httpx.Response:
        answer = loopback.get(f"{self.url}{path}", timeout=30.0, headers=self._headers)
        assert answer.is_success, (path, answer.status_code, answer.text)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.daemon is not None:
            self.daemon.kill()  # also after its own end, to close its pipe and log


class Story:
    """Writes one window after the other, in event time that begins two minutes ago."""

    def __init__(self, system: System) -> None:
        """Begin two minutes ago."""
        self.system = system
        self.next_ms = (int(time.time()) - 120) * 1000

    def windows(self, n: int, **fault: Any) -> int:
        """Write `n` windows and return the start of the first."""
        first_ms = self.next_ms
        for _ in range(n):
            self.system.produce(window_of_records(self.next_ms, **fault))
            self.next_ms += WINDOW_MS
        return first_ms

    def close(self) -> int:
        """Close all that was written, by a record of the next window on each partition; return the last end."""
        end_ms = self.next_ms
        self.system.produce([record(end_ms + 250, 50.0, country) for country in ("DE", "FR")])
        self.next_ms += WINDOW_MS
        return end_ms

    def judged(self, n: int, **fault: Any) -> int:
        """Write windows, wait until they were judged, and return the start of the first."""
        first_ms = self.windows(n, **fault)
        # no record beyond the last window is needed but its own successor's: all but the last are judged
        self.system.await_window(self.next_ms - WINDOW_MS)
        return first_ms


def creates_topics(cluster: Cluster) -> bool:
    """Return whether the brokers make a topic for whoever writes to it, as only a foreign cluster does."""
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    broker = ConfigResource(ConfigResource.Type.BROKER, str(next(iter(admin.list_topics(timeout=10).brokers))))
    settings = admin.describe_configs([broker])[broker].result(10)
    return bool(settings["auto.create.topics.enable"].value == "true")


@pytest.fixture(scope="session")
def baseline(tmp_path_factory: pytest.TempPathFactory, kafka_broker: Cluster) -> Path:
    """A baseline of healthy records for all whose fields are those of `System`."""
    directory = tmp_path_factory.mktemp("baseline")
    with System(directory, kafka_broker) as system:
        system.build_baseline()
    return directory / "baseline"
