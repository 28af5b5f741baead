"""A secret in every key that takes one, and nowhere that anybody can look: log, pages, errors, store, export."""

from __future__ import annotations

import io
import json
import logging
import threading
import time
import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

import httpx
import pytest
import structlog
from pydantic import BaseModel, SecretStr
from typer.testing import CliRunner

from monitor.app import RunSettings, running
from monitor.cli import app as command_line
from monitor.cli.logging import configure_logging
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.errors import ConfigError
from monitor.sources.memory import MemorySource
from monitor.types import TopicPartition
from tests.support.daemon import DaemonProcess
from tests.support.ports import free_ports

SIGN = "pl4nted"
"""Part of every secret; it must not be seen again."""

SINKS = f"""
  - {{kind: webhook, name: hook, url: "http://127.0.0.1:9/{SIGN}url", secret: {SIGN}-signing,
     previous_secret: {SIGN}-previous, headers: {{X-Api-Key: {SIGN}-header}}}}
  - {{kind: slack, name: room, url: "http://127.0.0.1:9/{SIGN}slack"}}
  - {{kind: pagerduty, name: oncall, routing_key: {SIGN}aaaaaaaaaaaaaaaaaaaaaaaaa, url: "http://127.0.0.1:9"}}
  - {{kind: alertmanager, name: am, urls: ["http://127.0.0.1:9"], username: u, password: {SIGN}-am-password}}
  - {{kind: alertmanager, name: am2, urls: ["http://127.0.0.1:9"], bearer_token: {SIGN}-am-bearer}}
  - {{kind: apprise, name: mail, url: "json://u:{SIGN}pw@127.0.0.1:9"}}
"""
REGISTRY = "decoder: {{kind: avro, schema_registry: {{url: 'http://127.0.0.1:9', {way}}}}}"
KAFKA = f"""
name: m
source:
  kind: kafka
  client: CLIENT
  bootstrap_servers: 127.0.0.1:9
  connect_timeout: 500ms
  topics: [t]
  security: {{protocol: SASL_SSL, mechanism: PLAIN, username: u, password: {SIGN}-kafka, key_password: {SIGN}-key}}
decoder: {{kind: avro, schema_registry: {{url: "http://127.0.0.1:9", username: u, password: {SIGN}-registry}}}}
fields: {{x: {{type: number}}}}
"""
KAFKA_SOURCE = f"""kind: kafka, bootstrap_servers: "127.0.0.1:9", topics: [t], security: {{protocol: SASL_SSL,
  mechanism: PLAIN, username: u, password: {SIGN}-kafka}}"""
TOKEN = f"{SIGN}-http-token"


@pytest.fixture(autouse=True)
def _log_of_its_own() -> Iterator[None]:
    """Commands that run in this process leave the log at a stream that is closed."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


def files(directory: Any, port: int) -> str:
    rows = [json.dumps({"t": 1_700_000_000_000 + i * 1_000, "x": -5}) for i in range(200)]
    (directory / "rows.jsonl").write_text("\n".join(rows) + "\n")
    return f"""
name: m
source: {{kind: files, paths: ["{directory}/rows.jsonl"]}}
time: {{field: t, unit: ms}}
window: {{size: 10s, pane: 10s}}
fields: {{x: {{type: number, range: [0, 10]}}}}
sinks: {SINKS}
store: {{path: {directory}/state}}
http: {{listen: "127.0.0.1:{port}", token: {TOKEN}}}
"""


def keys(kind: Any, path: str = "", seen: frozenset[Any] = frozenset()) -> Iterator[str]:
    """Yield the class and name of every setting in which a SecretStr may stand."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if kind is SecretStr:
        yield path
    elif get_origin(kind) in (Union, types.UnionType) or get_args(kind):
        for part in get_args(kind):
            yield from keys(part, path, seen)
    elif isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
        for name, field in kind.model_fields.items():
            yield from keys(field.annotation, f"{kind.__name__}.{name}", seen | {kind})


PLANTED = {
    "HttpSpec.token",
    "SecuritySpec.password",
    "SecuritySpec.key_password",
    "RegistrySpec.password",
    "RegistrySpec.token",
    "AlertmanagerSpec.password",
    "AlertmanagerSpec.bearer_token",
    "PagerDutySpec.routing_key",
    "WebhookSpec.url",
    "WebhookSpec.secret",
    "WebhookSpec.previous_secret",
    "WebhookSpec.headers",
    "SlackSpec.url",
    "AppriseSpec.url",
}


def test_a_secret_is_planted_in_every_key_that_takes_one():
    """A new one has to be added to the configurations of this file."""
    assert set(keys(Config)) == PLANTED


@pytest.mark.parametrize("client", ["kafka-python", "librdkafka"])
def test_neither_the_configuration_nor_a_broker_that_refuses_us_gives_a_secret_away(tmp_path, client):
    text = KAFKA.replace("CLIENT", client)
    config = load(text)
    assert SIGN not in repr(config) + str(config) + config.model_dump_json() + str(config.model_dump())
    file = tmp_path / "driftline.yaml"
    file.write_text(text + f"store: {{path: {tmp_path}/state}}\nhttp: {{listen: '127.0.0.1:0'}}\n")
    for command in (["check", "-c", file], ["check", "-c", file, "--connect"], ["run", "-c", file]):
        result = CliRunner().invoke(command_line, [str(each) for each in command])
        assert SIGN not in result.stdout + result.stderr, command
    assert result.exit_code == 69


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("mechanism: PLAIN", "mechanism: NONE"),
        (f"password: {SIGN}-kafka", f"password: [{SIGN}-kafka]"),
        (f"password: {SIGN}-kafka", f"pasword: {SIGN}-kafka"),
        ('url: "http://127.0.0.1:9", username', f'url: "http://u:{SIGN}@127.0.0.1:9", username'),
        (f"password: {SIGN}-registry", f"token: {SIGN}-registry"),
    ],
)
def test_a_wrong_configuration_is_refused_without_its_secrets(right, wrong):
    text = KAFKA.replace("CLIENT", "librdkafka").replace(right, wrong)
    assert wrong in text
    with pytest.raises(ConfigError) as refused:
        load(text)
    shown = str(refused.value) + repr(refused.value.problems) + "".join(p.located(None) for p in refused.value.problems)
    assert SIGN not in shown


def test_a_running_daemon_shows_its_secrets_nowhere(tmp_path):
    (port,) = free_ports(1)
    file = tmp_path / "driftline.yaml"
    file.write_text(files(tmp_path, port))
    shown = {}
    with DaemonProcess(file, "--log-level", "debug") as daemon:
        daemon.wait()
        shown["log"] = daemon.log.read_text()
    for command in (
        ("checkpoint", "inspect", "-c", file),
        ("checkpoint", "export", "-c", file),
        ("notify", "test", "-c", file, "--sink", "mail"),
        ("report", "-c", file, "--input", tmp_path / "rows.jsonl", "--output", tmp_path / "report.html"),
    ):
        result = CliRunner().invoke(command_line, [str(each) for each in command])
        shown[" ".join(map(str, command[:2]))] = result.output + result.stderr + repr(result.exception)
    if (tmp_path / "report.html").exists():
        shown["report"] = (tmp_path / "report.html").read_text()
    for path in (tmp_path / "state").iterdir():
        shown[path.name] = path.read_bytes().decode("latin-1")
    assert "notification" in shown["log"], "nothing was sent, so nothing was shown to be kept"
    assert [where for where, text in shown.items() if SIGN in text] == []
    assert '"kind":"window"' in shown["checkpoint export"]


def test_no_page_of_a_running_daemon_shows_a_secret(tmp_path):
    (port,) = free_ports(1)
    text = files(tmp_path, port).replace(f'kind: files, paths: ["{tmp_path}/rows.jsonl"]', KAFKA_SOURCE)
    source, partition = MemorySource([TopicPartition("t", 0)]), TopicPartition("t", 0)
    source.append(partition, [line.encode() for line in (tmp_path / "rows.jsonl").read_text().splitlines()])
    paths = ["/", "/fields/x", "/metrics", "/readyz", "/livez", "/nowhere", "/api/v1/silences", "/api/v1/incidents"]
    paths += [f"/api/v1/{name}" for name in ("status", "verdicts", "alerts", "profile?field=x")]
    with running(load(text), RunSettings(), source=source) as app:
        thread = threading.Thread(target=app.daemon.run)
        thread.start()
        try:
            deadline_s = time.monotonic() + 90
            while not (app.view.latest.ready and app.view.latest.alerts):
                assert thread.is_alive()
                assert time.monotonic() < deadline_s
                time.sleep(0.02)
            for token in (TOKEN, None, f"{TOKEN}-not"):
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                with httpx.Client(base_url=app.http.url, headers=headers, timeout=60.0) as client:
                    answers = [client.get(path) for path in paths]
                assert [got.url.path for got in answers if SIGN in f"{got.headers}{got.text}"] == []
                assert {got.status_code for got in answers} == ({200, 404} if token == TOKEN else {200, 401})
                assert all("default-src 'none'" in got.headers["content-security-policy"] for got in answers)
                assert all(got.headers["x-content-type-options"] == "nosniff" for got in answers)
        finally:
            app.daemon.stop()
            thread.join(60)


def _fail(authorization: str) -> None:
    raise RuntimeError(f"no answer to {len(authorization)} bytes")


def test_a_crash_is_logged_without_the_variables_of_its_frames():
    """structlog would add them to every traceback."""
    for as_json in (True, False):
        stream = io.StringIO()
        configure_logging("debug", stream, as_json=as_json)
        authorization = f"Bearer {SIGN}"
        try:
            _fail(authorization)
        except RuntimeError:
            structlog.get_logger().exception("crashed")
            logging.getLogger("some.library").exception("crashed")
        assert stream.getvalue().count("no answer to") >= 2
        assert SIGN not in stream.getvalue()
