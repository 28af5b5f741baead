"""A real Alertmanager in front of a local webhook receiver, as a pytest plugin."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support import loopback
from tests.support.ports import free_port
from tests.support.receiver import Receiver

BINARY = "prometheus-alertmanager"
START_S = 90.0
SHIPPED = Path(__file__).parents[2] / "alerts/alertmanager/alertmanager.yaml"

CONFIGURATION = """
route:
  receiver: local
  group_by: [alertname, monitor, rule, field, segment, severity]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: local
    webhook_configs:
      - url: {url}
        send_resolved: true
"""


@dataclass(frozen=True)
class Alertmanager:
    """A running Alertmanager."""

    url: str

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts it takes for firing."""
        answer = loopback.get(f"{self.url}/api/v2/alerts", timeout=30.0)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    def notifications(self) -> int:
        """Return how many notifications were answered, which it then knows of also after a restart."""
        page = loopback.get(f"{self.url}/metrics", timeout=30.0).text
        counts = re.findall(r"(?m)^alertmanager_notification_latency_seconds_count\{.*\} (\S+)$", page)
        return int(sum(float(count) for count in counts))


def eventually(condition: Callable[[], object], timeout_s: float = 180.0) -> None:
    """Return as soon as the condition holds; fails when it does not in time."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "did not happen in time"
        time.sleep(0.05)


def binary() -> str:
    """Return the program; skips the test where it is missing, but fails it in CI, where it must not be."""
    found = shutil.which(BINARY)
    if found is None:
        message = f"{BINARY} is not installed (Debian package prometheus-alertmanager)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    assert found is not None
    return found


def shipped_to(receiver: Receiver) -> str:
    """Return the shipped configuration with seconds for minutes, and a webhook in the place of each service."""
    configuration = yaml.safe_load(SHIPPED.read_text())
    configuration["route"] |= {"group_wait": "4s", "group_interval": "4s"}
    for service in configuration["receivers"]:
        hook = {"url": f"{receiver.url}/{service['name']}", "send_resolved": service["name"] != "dead-mans-switch"}
        service["webhook_configs"] = [hook]
        for other in ("pagerduty_configs", "slack_configs"):
            service.pop(other, None)
    return yaml.safe_dump(configuration)


def told(receiver: Receiver, service: str) -> list[dict[str, Any]]:
    """Return what the service in whose place `receiver` stands was told, in order."""
    return [json.loads(request.body) for request in list(receiver.requests) if request.path == f"/{service}"]


@contextmanager
def running(
    directory: Path,
    receiver: Receiver,
    cluster: tuple[str, ...] = ("--cluster.listen-address=",),
    configuration: str | None = None,
    address: str | None = None,
) -> Any:
    """Yield an Alertmanager that notifies `receiver`; alone unless `cluster` says otherwise.

    With a `configuration` of its own it notifies whom that says. In the same directory and at the same `address` it
    goes on where it ended.
    """
    program = binary()
    directory.mkdir(exist_ok=True)
    (directory / "alertmanager.yml").write_text(configuration or CONFIGURATION.format(url=f"{receiver.url}/notify"))
    address = address or f"127.0.0.1:{free_port()}"
    command = [
        program,
        f"--config.file={directory / 'alertmanager.yml'}",
        f"--storage.path={directory / 'data'}",
        f"--web.listen-address={address}",
        *cluster,
    ]
    with (directory / "log").open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            alertmanager = Alertmanager(f"http://{address}")
            eventually(lambda: _ready(process, alertmanager, directory), START_S)
            yield alertmanager
        finally:
            process.terminate()
            try:
                process.wait(30.0)  # what it has told is written at its end
            except subprocess.TimeoutExpired:
                process.kill()


def _ready(process: subprocess.Popen[bytes], alertmanager: Alertmanager, directory: Path) -> bool:
    """Return whether it answers; fails with its log when it has ended."""
    assert process.poll() is None, (directory / "log").read_text()
    try:
        return loopback.get(f"{alertmanager.url}/-/ready", timeout=10.0).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where Alertmanager's notifications arrive."""
    with Receiver() as local:
        yield local


@pytest.fixture
def alertmanager(tmp_path: Path, receiver: Receiver) -> Iterator[Alertmanager]:
    """One Alertmanager without peers."""
    with running(tmp_path / "alertmanager", receiver) as started:
        yield started


@pytest.fixture
def alertmanager_pair(tmp_path: Path, receiver: Receiver) -> Iterator[tuple[Alertmanager, Alertmanager]]:
    """Two Alertmanagers that gossip with each other."""
    ports = [free_port(), free_port()]
    with ExitStack() as stack:
        pair = [
            stack.enter_context(
                running(
                    tmp_path / f"peer-{i}",
                    receiver,
                    (
                        f"--cluster.listen-address=127.0.0.1:{ports[i]}",
                        f"--cluster.advertise-address=127.0.0.1:{ports[i]}",
                        f"--cluster.peer=127.0.0.1:{ports[1 - i]}",
                        "--cluster.peer-timeout=1s",
                        "--cluster.settle-timeout=1s",
                    ),
                )
            )
            for i in range(2)
        ]
        yield pair[0], pair[1]
