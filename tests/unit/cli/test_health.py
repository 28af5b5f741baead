"""`driftline health`: what a container runtime hears of a daemon."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from monitor.cli.probing import Address, address_of, configured_address
from monitor.errors import ConfigError
from monitor.export.exposition import Exposition
from monitor.snapshot import Snapshot
from monitor.web.app import create_app
from monitor.web.server import HttpServer
from monitor.web.settings import HttpSpec
from tests.support.command_line import invoke
from tests.support.ports import free_ports
from tests.support.snapshots import bad_night


@contextmanager
def serving(*, alive: bool = True, ready: bool = True, **settings: object) -> Iterator[str]:
    """Serve a daemon's pages for a while; yields where."""
    spec = HttpSpec.model_validate({"listen": "127.0.0.1:0", **settings})
    snapshot = bad_night() if ready else Snapshot("shop", "0.1.0", "", 0)
    http = HttpServer(create_app(lambda: snapshot, alive=lambda: alive, metrics=Exposition(), spec=spec), spec)
    http.start()
    try:
        yield http.url
    finally:
        http.stop()


def test_a_daemon_that_lives_is_healthy():
    with serving() as url:
        result = invoke("health", "--url", url)
    assert (result.exit_code, result.stdout) == (0, "ok\n")


def test_a_daemon_that_stands_still_is_not_and_says_why():
    with serving(alive=False) as url:
        result = invoke("health", "--url", url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "heartbeat is stale" in result.stderr


def test_a_daemon_that_starts_is_healthy_but_not_ready():
    with serving(ready=False) as url:
        assert invoke("health", "--url", url).exit_code == 0
        assert invoke("health", "--url", url, "--ready").exit_code == 1
    with serving() as url:
        assert invoke("health", "--url", url, "--ready").exit_code == 0


def test_no_daemon_is_not_healthy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    port = free_ports(1)[0]
    result = invoke("health", "--url", f"http://127.0.0.1:{port}")
    assert result.exit_code == 1
    assert f"no answer from 127.0.0.1:{port}: " in result.stderr


def test_an_answer_that_does_not_come_is_not_awaited_for_ever():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        result = invoke("health", "--url", f"http://127.0.0.1:{deaf.getsockname()[1]}", "--timeout", "0.1")
    assert result.exit_code == 1
    assert "timed out" in result.stderr


def test_what_is_no_http_is_not_healthy():
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            with other.accept()[0] as one:
                one.recv(1000)
                one.sendall(b"220 mail ready\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        result = invoke("health", "--url", f"http://127.0.0.1:{other.getsockname()[1]}")
        thread.join()
    assert result.exit_code == 1
    assert "no answer" in result.stderr


def test_a_certificate_for_others_and_a_token_do_not_matter_to_the_daemon_s_own_probe(tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=driftline.example"]
    subprocess.run([*make, "-keyout", key, "-out", cert], check=True, capture_output=True)
    tls = {"cert_file": str(cert), "key_file": str(key)}
    with serving(tls=tls, token="not-so-secret") as url:
        file = tmp_path / "driftline.yaml"
        listen = url.removeprefix("https://")
        file.write_text(f"http: {{listen: '{listen}', token: '${{TOKEN}}', tls: {{cert_file: c, key_file: k}}}}\n")
        assert invoke("health", "-c", file).exit_code == 0
        # Somebody else who asks has to be shown a good one.
        assert "CERTIFICATE_VERIFY_FAILED" in invoke("health", "--url", url).stderr


@pytest.mark.parametrize(
    "http, address",
    [
        ("", Address("127.0.0.1", 9108, verified=False)),
        ("http: {listen: ':80'}", Address("127.0.0.1", 80, verified=False)),
        ("http: {listen: '[::]:81'}", Address("::1", 81, verified=False)),
        ("http: {listen: '10.0.0.7:82'}", Address("10.0.0.7", 82, verified=False)),
        ("http: {listen: '${WHERE}:83'}", Address("10.0.0.8", 83, verified=False)),
        ("http: {tls: {cert_file: a, key_file: b}}", Address("127.0.0.1", 9108, tls=True, verified=False)),
    ],
)
def test_the_address_is_the_configured_one_as_this_machine_reaches_it(tmp_path, http, address):
    file = tmp_path / "driftline.yaml"
    file.write_text(f"name: shop\nsource: {{mistakes: [elsewhere, are, ignored]}}\n{http}\n")
    assert configured_address(file, {"WHERE": "10.0.0.8"}) == address


@pytest.mark.parametrize(
    "text, path",
    [
        ("http: {listen: here}", "http"),
        ("http: {listne: ':80'}", "http"),
        ("http: {listen: '${UNSET}'}", "http"),
        ("http: [", "http"),
        ("http: {listen: ':0'}", "http.listen"),
    ],
)
def test_a_section_that_is_wrong_is_named(tmp_path, text, path):
    file = tmp_path / "driftline.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        configured_address(file, {})
    assert [problem.path for problem in caught.value.problems] == [path]
    assert invoke("health", "-c", file).exit_code == 78


def test_a_file_that_is_not_there_is_named(tmp_path):
    result = invoke("health", "-c", tmp_path / "none.yaml")
    assert result.exit_code == 78
    assert "No such file" in result.stderr


def test_a_url_gives_host_and_port():
    assert address_of("http://daemon:9108/") == Address("daemon", 9108)
    assert address_of("https://daemon") == Address("daemon", 443, tls=True)
    assert address_of("http://[::1]:9108") == Address("::1", 9108)


@pytest.mark.parametrize(
    "url", ["", "daemon:9108", "ftp://daemon", "http://", "http://d:x", "http://d/livez", "http://a:b@d"]
)
def test_a_url_that_is_none_is_refused(url):
    assert invoke("health", "--url", url).exit_code == 2


def test_one_way_to_find_the_daemon_is_needed_and_no_more():
    assert invoke("health").exit_code == 2
    assert invoke("health", "--url", "http://daemon:9108", "-c", "driftline.yaml").exit_code == 2
