"""The time to leave is longer than all that a leaving daemon may wait for; `helm test` asks what it should."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from monitor import app, checkpointing, daemon
from monitor.snapshot import Snapshot
from monitor.sources import kafka_python, librdkafka
from monitor.store import sqlite
from monitor.web import server
from monitor.web.app import create_app
from monitor.web.server import HttpServer
from monitor.web.settings import HttpSpec
from tests.support.helm import CHART, rendered
from tests.support.ports import free_port

sys.path.insert(0, str(CHART / "files"))
import answer


def longest_leave_s() -> float:
    """Return the sum of what a daemon waits for at most after SIGTERM, as docs/how-to/kubernetes.md adds it up."""
    attempt_s = checkpointing._FLUSH_S + sqlite._BUSY_TIMEOUT_S + checkpointing.RETRY_S
    kafka_python_s = kafka_python._COMMIT_TIMEOUT_S + 2 * kafka_python._CLOSE_TIMEOUT_MS / 1000
    source_s = max(kafka_python_s, 2 * librdkafka._CLOSE_TIMEOUT_S)
    return daemon._DRAIN_ATTEMPTS * attempt_s + source_s + server._STOP_TIMEOUT_S + app._CLOSE_S


def test_the_daemon_leaves_by_itself_before_it_is_killed():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert longest_leave_s() + 20 <= values["terminationGracePeriodSeconds"]


@pytest.fixture
def served(tmp_path):
    """Return a function that serves a monitor with a token and returns its URL and configuration."""
    servers = []

    def serve(*, ready: bool, body: str) -> tuple[str, Path]:
        spec = HttpSpec(listen="127.0.0.1:0", token="a-long-secret")
        view = Snapshot("payments", "0", "0", 0, ready=ready, ready_reason="because")
        found = HttpServer(create_app(lambda: view, alive=lambda: True, metrics=Page(body), spec=spec), spec)
        found.start()
        servers.append(found)
        config = tmp_path / "driftline.yaml"
        config.write_text(
            "name: payments\nsource: {kind: kafka, topics: [payments]}\nfields: {amount: {type: number}}\n"
            "http: {token: a-long-secret}\n"
        )
        return found.url, config

    yield serve
    for each in servers:
        each.stop()


class Page:
    """Metrics that are always the same."""

    content_type, gzipped = "text/plain", False

    def __init__(self, body: str) -> None:
        self.body = body.encode()

    def page(self, _snapshot, **_wishes) -> Page:
        return self


def test_helm_test_passes_on_a_daemon_that_is_ready(served, capsys):
    url, config = served(ready=True, body='driftline_ready{monitor="payments"} 1\n')
    assert answer.main(url, 0.0, config) == 0
    assert capsys.readouterr().out == "/livez: ok\n/readyz: ok\n/metrics: ok\n"


def test_helm_test_says_why_a_daemon_is_not_ready(served, capsys):
    url, config = served(ready=False, body="")
    assert answer.main(url, 0.0, config) == 1
    assert capsys.readouterr().out.endswith("/readyz: 503 because\n\n")


def test_helm_test_fails_on_the_metrics_of_another(served):
    url, config = served(ready=True, body='driftline_ready{monitor="clicks"} 1\n')
    assert answer.main(url, 0.0, config) == 1


def test_helm_test_fails_where_nobody_listens(served):
    _, config = served(ready=True, body="")
    assert answer.main(f"http://127.0.0.1:{free_port()}", 0.0, config) == 1


def test_helm_test_runs_the_program_against_the_service():
    (pod,) = [each for each in rendered("sasl-tls") if each["metadata"]["name"] == "t-driftline-test-answer"]
    (each,) = pod["spec"]["containers"]
    assert each["command"] == ["python", "-c"]
    assert each["args"][0] == (CHART / "files/answer.py").read_text()
    assert each["args"][1:] == ["https://t-driftline.default.svc:9108", "60"]
