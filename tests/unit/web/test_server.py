"""The server listens, answers, says why it cannot, and goes away."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading

import httpx
import pytest

from monitor.errors import SurroundingsError
from monitor.export.exposition import Exposition
from monitor.web.app import create_app
from monitor.web.server import HttpServer
from monitor.web.settings import HttpSpec
from tests.support.snapshots import bad_night


def server(**settings) -> HttpServer:
    """Return a server that has not been started."""
    spec = HttpSpec.model_validate({"listen": "127.0.0.1:0", **settings})
    snapshot = bad_night()
    return HttpServer(create_app(lambda: snapshot, alive=lambda: True, metrics=Exposition(), spec=spec), spec)


@pytest.fixture
def running():
    """Return a running server."""
    http = server()
    http.start()
    yield http
    http.stop()


def test_it_answers_as_soon_as_it_has_started(running):
    answer = httpx.get(f"{running.url}/metrics", timeout=60.0)
    assert answer.status_code == 200
    assert "driftline_build_info" in answer.text
    assert "server" not in answer.headers


def test_it_runs_in_one_daemon_thread_and_stops(running):
    mine = [t for t in threading.enumerate() if t.name == "driftline-http"]
    assert [t.daemon for t in mine] == [True]
    url = running.url
    running.stop()
    running.stop()
    assert not mine[0].is_alive()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/livez", timeout=60.0)


def test_an_address_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SurroundingsError, match=f"127.0.0.1:{port}: Address already in use.*free address"):
            server(listen=f"127.0.0.1:{port}").start()


def test_a_host_that_is_not_ours_is_named():
    with pytest.raises(SurroundingsError, match=r"cannot listen on 192\.0\.2\.1:0"):
        server(listen="192.0.2.1:0").start()


def test_the_url_is_known_only_after_the_start():
    with pytest.raises(RuntimeError, match="not been started"):
        _ = server().url
    every = server(listen="0.0.0.0:0")
    every.start()
    try:
        assert every.url.startswith("http://127.0.0.1:")
    finally:
        every.stop()


def test_https_is_served_with_the_configured_certificate(tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "1",
    ]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make, "-keyout", key, "-out", cert, *names], check=True, capture_output=True)
    http = server(tls={"cert_file": str(cert), "key_file": str(key)})
    http.start()
    try:
        assert http.url.startswith("https://")
        trust = ssl.create_default_context(cafile=str(cert))
        assert httpx.get(f"{http.url}/livez", verify=trust, timeout=60.0).text == "ok\n"
    finally:
        http.stop()


def test_a_certificate_that_cannot_be_read_is_named(tmp_path):
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    with pytest.raises(SurroundingsError, match=r"missing\.pem"):
        server(tls={"cert_file": str(tmp_path / "missing.pem"), "key_file": str(bad)}).start()
    with pytest.raises(SurroundingsError, match=r"bad\.pem"):
        server(tls={"cert_file": str(bad), "key_file": str(bad)}).start()
