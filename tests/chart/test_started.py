"""The daemon, started as the kubelet would: the rendered arguments, variables, files and paths, asked as probes do."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import loopback
from tests.support.helm import CHART, container, only, render, workload
from tests.support.kafka import unique
from tests.support.ports import free_ports

sys.path.insert(0, str(CHART / "files"))
import answer

_START_S = 150.0
MOUNTED = "/etc/driftline/driftline.yaml"


@pytest.fixture
def release(mock_kafka, tmp_path) -> tuple[dict[str, Any], ...]:
    """Return the objects of a release whose volumes are directories of this machine."""
    topic = mock_kafka.create_topic(unique("payments"))
    (port,) = free_ports(1)
    values = {
        "config": {
            "source": {"bootstrap_servers": mock_kafka.bootstrap, "topics": [topic], "embedded": True},
            "sinks": [{"kind": "slack", "name": "room", "url": f"${{file:{tmp_path}/secrets/slack}}"}],
            "http": {"token": "${HTTP_TOKEN}"},
        },
        "secrets": {
            "env": {"HTTP_TOKEN": {"name": "s", "key": "token"}},
            "files": {"slack": {"name": "s", "key": "slack"}},
            "filesPath": f"{tmp_path}/secrets",
        },
        "persistence": {"mountPath": f"{tmp_path}/store"},
        "service": {"port": port},
    }
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "slack").write_text("https://hooks.slack.example/services/x\n")
    (tmp_path / "store").mkdir()
    return render(values)


def test_a_pod_starts_answers_its_probes_passes_helm_test_and_leaves(release, tmp_path, monkeypatch):
    main = container(release)
    config = tmp_path / "driftline.yaml"
    config.write_text(only(release, "ConfigMap")["data"]["driftline.yaml"])
    monkeypatch.setenv("HTTP_TOKEN", "a-long-secret")
    subprocess.run(command(container(release, "check-config"), config), check=True, capture_output=True)
    log = tmp_path / "log"
    with log.open("wb") as out, subprocess.Popen(command(main, config), stdout=out, stderr=out) as process:
        try:
            base = f"http://127.0.0.1:{main['ports'][0]['containerPort']}"
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                passes(base + main[probe]["httpGet"]["path"], process, log)
            assert loopback.get(f"{base}/metrics", timeout=60.0).status_code == 401, "the token is that of the variable"
            assert answer.main(base, 30.0, config) == 0
            process.send_signal(signal.SIGTERM)
            assert process.wait(workload(release)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]) == 0
        finally:
            process.kill()
    assert list((tmp_path / "store").iterdir()), "the store is on the volume"


def command(each: dict[str, Any], config: Path) -> list[str]:
    """Return a container's command line with the mounted configuration where it is here."""
    return [sys.executable, "-m", "monitor", *(str(config) if word == MOUNTED else word for word in each["args"])]


def passes(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once a probe succeeds."""
    until_s = time.monotonic() + _START_S
    while time.monotonic() < until_s:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            if loopback.get(url, timeout=30.0).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"{url}: {log.read_text()[-3000:]}")
