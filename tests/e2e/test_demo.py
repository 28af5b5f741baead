"""`driftline demo` as a newcomer runs it, but without a terminal."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support import loopback
from tests.support.command_line import as_installed, line, run
from tests.support.ports import free_port

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.slow]

START_S = 300.0


@contextmanager
def demo(directory: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the demo on a free port, with `directory` for temporary files; yield the process and its URL."""
    listen = f"127.0.0.1:{free_port()}"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts what runs in its background so, and the demo would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        line("demo", "--listen", listen, *options),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**as_installed(), "TMPDIR": str(directory)},
    )
    try:
        yield process, f"http://{listen}"
    finally:
        process.kill()
        process.communicate()


def await_ready(process: subprocess.Popen[str], url: str) -> None:
    """Wait until the daemon in the demo is ready; fails where the demo ends before."""
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        assert process.poll() is None, process.communicate()
        try:
            if loopback.get(f"{url}/readyz", timeout=10.0).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("the demo was never ready")


def await_metric(url: str, name: str) -> None:
    """Wait until a metric is exported."""
    deadline_s = time.monotonic() + START_S
    while f"\n{name}{{" not in loopback.get(f"{url}/metrics", timeout=60.0).text:
        assert time.monotonic() < deadline_s, f"{name} was never exported"
        time.sleep(0.2)


def test_the_demo_tells_its_whole_story_in_30_seconds(tmp_path):
    with demo(tmp_path, "--duration", "30") as (process, url):
        await_ready(process, url)
        await_metric(url, "driftline_records_total")
        await_metric(url, "driftline_drift_score")
        status = loopback.get(f"{url}/api/v1/status", timeout=60.0).json()
        page = loopback.get(f"{url}/", timeout=60.0)
        out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    assert "demo" in json.dumps(status)
    assert page.status_code == httpx.codes.OK
    told = out.splitlines()
    summary = json.loads(told[-1])
    assert summary["kind"] == "summary"
    assert summary["alerts_fired"] == summary["alerts_resolved"] >= 1
    assert summary["records"] == summary["rows"] + summary["rejects"] + summary["filtered"]
    assert summary["rejects"] >= 20
    first = [next(i for i, text in enumerate(told) if word in text) for word in (" FAULT ", " FIRING ", " RESOLVED ")]
    assert first == sorted(first)
    assert "\x1b" not in out
    assert list(tmp_path.iterdir()) == [], "the demo leaves nothing behind"


def test_ctrl_c_ends_the_demo_with_a_summary(tmp_path):
    with demo(tmp_path) as (process, url):
        await_ready(process, url)
        await_metric(url, "driftline_records_total")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out.splitlines()[-1])["records"] > 0
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("demo", "--listen", f"127.0.0.1:{port}")
    assert done.returncode == 69
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
