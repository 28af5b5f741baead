"""A real Prometheus for a test: started on a free port, scraping every second, gone afterwards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support import loopback
from tests.support.ports import free_port

_START_TIMEOUT_S = 90.0
_STOP_TIMEOUT_S = 5.0
_PAUSE_S = 0.1


@dataclass(frozen=True)
class Series:
    """One series of an instant query."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus at `url`."""

    url: str
    log: Path = field(repr=False)

    def api(self, path: str, **parameters: str) -> Any:
        """Return the `data` of an API call."""
        answer = loopback.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=30)
        answer.raise_for_status()
        return answer.json()["data"]

    def query(self, expression: str) -> list[Series]:
        """Return the series of an instant query, in the order of their labels."""
        found = self.api("query", query=expression)["result"]
        series = [Series(labels=item["metric"], value=float(item["value"][1])) for item in found]
        return sorted(series, key=lambda s: sorted(s.labels.items()))

    def wait_for(self, expression: str, *, timeout_s: float = 90.0) -> list[Series]:
        """Return the series of a query as soon as there are any; fails the test when there never are."""
        until = time.monotonic() + timeout_s
        while not (series := self.query(expression)):
            if time.monotonic() > until:
                targets = json.dumps(self.api("targets")["activeTargets"], indent=1)
                pytest.fail(f"no series for {expression} within {timeout_s} s; targets: {targets}")
            time.sleep(_PAUSE_S)
        return series

    def wait_until_scraped(self, *, timeout_s: float = 90.0) -> None:
        """Return once a target has been scraped without error."""
        self.wait_for("up == 1", timeout_s=timeout_s)


def binary(name: str) -> str:
    """Return the path of a program; without it the test is skipped, or fails where CI=true."""
    path = shutil.which(name)
    if path is None:
        reason = f"{name} is not installed (Debian's prometheus has it)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def _config(
    targets: Sequence[str], token: str | None, rule_files: Sequence[Path], alertmanagers: Sequence[str]
) -> dict[str, Any]:
    """Return a configuration that scrapes HTTP(S) base URLs; JSON is YAML."""
    job: dict[str, Any] = {
        "job_name": "driftline",
        "scheme": urlsplit(targets[0]).scheme,
        "static_configs": [{"targets": [urlsplit(target).netloc for target in targets]}],
        "tls_config": {"insecure_skip_verify": True},
    }
    if token is not None:
        job["authorization"] = {"credentials": token}
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [job],
        "rule_files": [str(path) for path in rule_files],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [urlsplit(url).netloc for url in alertmanagers]}]}]
        },
    }


StartPrometheus = Callable[..., Prometheus]


@pytest.fixture
def start_prometheus(tmp_path: Path) -> Iterator[StartPrometheus]:
    """Return a function that starts a Prometheus and returns it once it is ready.

    `start_prometheus(targets, token=None, rule_files=(), alertmanagers=())`, where targets and alertmanagers
    are base URLs of one scheme; a `configuration` of its own says all that by itself. All are ended with the test.
    """
    program = binary("prometheus")
    running: list[subprocess.Popen[bytes]] = []

    def start(
        targets: Sequence[str] = (),
        *,
        token: str | None = None,
        rule_files: Sequence[Path] = (),
        alertmanagers: Sequence[str] = (),
        configuration: str | None = None,
    ) -> Prometheus:
        home = tmp_path / f"prometheus-{len(running)}"
        home.mkdir()
        config, log = home / "prometheus.yml", home / "log"
        config.write_text(configuration or json.dumps(_config(targets, token, rule_files, alertmanagers)))
        address = f"127.0.0.1:{free_port()}"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [
                    program,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={home / 'data'}",
                    f"--web.listen-address={address}",
                    "--log.level=warn",
                    # What it sends before it knows of an Alertmanager is lost; four times as long after the last
                    # message Alertmanager takes an alert for over, also where only the machine was busy.
                    "--rules.alert.resend-delay=5s",
                ],
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        running.append(process)
        prometheus = Prometheus(f"http://{address}", log)
        _wait_until_ready(prometheus, process)
        return prometheus

    yield start
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(prometheus: Prometheus, process: subprocess.Popen[bytes]) -> None:
    """Return once Prometheus answers queries; fails the test with its log when it ends or never does."""
    until = time.monotonic() + _START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < until:
        try:
            if loopback.get(f"{prometheus.url}/-/ready", timeout=10).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(_PAUSE_S)
    pytest.fail(f"prometheus did not start: {prometheus.log.read_text()}")
