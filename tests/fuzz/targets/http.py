"""HTTP requests of any kind: every answer is one of ours, carries the security headers and quotes nothing raw."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import structlog

from monitor.clock import ManualClock
from monitor.export.exposition import Exposition
from monitor.gating import Silencer
from monitor.in_force import Loaded
from monitor.store.silences import Silences
from monitor.web.app import create_app
from monitor.web.settings import HttpSpec
from tests.fuzz.target import Target, Try
from tests.support.snapshots import T0_MS, hostile

_TOKEN = "a-token-for-tests"
_AUTHORIZED = b"authorization: Bearer " + _TOKEN.encode()
_JSON = b"content-type: application/json"


def build() -> Try:
    """Return what sends an input as a request: a line of method and target, lines of headers, a body."""
    structlog.configure(processors=[_dropped])
    silences = Silences(Path(tempfile.mkdtemp(prefix="driftline-fuzz-")) / "s.sqlite", limit=50)
    shown = hostile()
    app = create_app(
        lambda: shown,
        alive=lambda: True,
        metrics=Exposition(),
        spec=HttpSpec.model_validate({"token": _TOKEN, "reload": True}),
        silencer=Silencer(silences, ManualClock(T0_MS), lambda: None),
        reload=_refused,
    )

    def attempt(data: bytes) -> None:
        head, _, body = data.partition(b"\n\n")
        first, *lines = head.split(b"\n")
        method, _, target = first.partition(b" ")
        path, _, query = target.partition(b"?")
        headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method.decode("latin-1"),
            "path": path.decode("utf-8", "replace"),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "server": ("monitor", 80),
            "client": ("127.0.0.1", 1),
        }
        status, answered, content = asyncio.run(_exchange(app, scope, body))
        assert status in {200, 201, 400, 401, 403, 404, 405, 409, 413, 415, 503}, status
        assert answered[b"x-content-type-options"] == b"nosniff"
        assert b"content-security-policy" in answered
        assert not any(b"\n" in value or b"\r" in value for value in answered.values())
        assert len(content) < 5_000_000
        if b"html" in answered.get(b"content-type", b""):
            assert b"<script>alert" not in content

    return attempt


async def _exchange(app: Any, scope: dict[str, Any], body: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    """Return status, headers and body of the answer; what the app raises is raised."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), content


def _refused() -> Future[Loaded]:
    done: Future[Loaded] = Future()
    done.set_result(Loaded(outcome="unchanged", config_hash="x", baseline_version=None))
    return done


def _dropped(*_: object) -> dict[str, object]:
    raise structlog.DropEvent


_SILENCE = b'{"matchers":["field=amount"],"for":"2h","reason":"r","author":"a"}'
SEEDS = (
    *(
        b"GET " + path + b"\n" + _AUTHORIZED
        for path in (b"/", b"/?all", b"/metrics", b"/api/v1/status", b"/readyz?verbose")
    ),
    b"GET /api/v1/profile?field=amount&segment=%3Cscript%3Ealert(1)\n" + _AUTHORIZED,
    b"GET /fields/..%2f..%2fetc/passwd?segment=country%3DDE\n"
    + _AUTHORIZED
    + b"\naccept: application/openmetrics-text",
    b"GET /api/v1/verdicts?level=ok&field=\xff\nauthorization: Basic OmEtdG9rZW4tZm9yLXRlc3Rz",
    b"POST /api/v1/silences\n" + _AUTHORIZED + b"\n" + _JSON + b"\n\n" + _SILENCE,
    b"POST /api/v1/silences\n"
    + _AUTHORIZED
    + b"\n"
    + _JSON
    + b'\n\n{"matchers":["a=~(x+)+"],"starts_at":"0001-01-01T00:00:00+23:59","ends_at":"9999-12-31T23:59:59-23:59"}',
    b"DELETE /api/v1/silences/abc\n" + _AUTHORIZED,
    b"POST /-/reload\n" + _AUTHORIZED + b"\nsec-fetch-site: cross-site",
    b"HEAD /livez\naccept-encoding: gzip;q=1e999",
)
TARGET = Target(build, SEEDS)
