"""The routes of the HTTP server; every answer is made from the last snapshot and touches nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from monitor.in_force import Loaded
from monitor.snapshot import ProfileView, Snapshot
from monitor.web import api
from monitor.web.console import Console
from monitor.web.guard import Guard
from monitor.web.json import json_response, problem
from monitor.web.reload import ReloadPage
from monitor.web.settings import HttpSpec
from monitor.web.silences import SilencePages, Silencing
from monitor.web.text import shown

_MAX_OFFERED = 50


class MetricsPage(Protocol):
    """A finished answer to a scrape."""

    @property
    def body(self) -> bytes:
        """The exposition, compressed when `gzipped`."""
        ...

    @property
    def content_type(self) -> str:
        """The format it is in."""
        ...

    @property
    def gzipped(self) -> bool:
        """Whether the body is compressed."""
        ...


class Metrics(Protocol):
    """Renders a snapshot for Prometheus; `monitor.export.exposition.Exposition` is one."""

    def page(self, snapshot: Snapshot, *, accept: str = "", accept_encoding: str = "") -> MetricsPage:
        """Return the answer in the format and encoding that the request headers prefer."""
        ...


class Switch:
    """An app that hands every request to another one, which may be exchanged between two requests."""

    def __init__(self, app: ASGIApp) -> None:
        """Hand requests to `app` until another one takes its place."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app in place does."""
        await self.app(scope, receive, send)


def create_app(
    view: Callable[[], Snapshot],
    *,
    alive: Callable[[], bool],
    metrics: Metrics,
    spec: HttpSpec,
    silencer: Silencing | None = None,
    reload: Callable[[], Future[Loaded]] | None = None,
) -> ASGIApp:
    """Return the ASGI app over the latest snapshot, and with a `silencer` over the silences; `reload` asks for one.

    `view` returns the latest snapshot and `alive` whether the data thread's heartbeat is fresh; both are
    called once or twice per request, from the HTTP thread, and must not block. Nor must `reload`.
    """
    pages = _Pages(view, alive, metrics)
    routes = [
        Route("/livez", pages.livez),
        Route("/healthz", pages.livez),
        Route("/readyz", pages.readyz),
        Route("/metrics", pages.metrics),
        Route("/api/v1/status", pages.status),
        Route("/api/v1/verdicts", pages.verdicts),
        Route("/api/v1/alerts", pages.alerts),
        Route("/api/v1/incidents", pages.incidents),
        Route("/api/v1/profile", pages.profile),
    ]
    if silencer is not None:
        pages_of_silences = SilencePages(silencer)
        routes += [
            Route("/api/v1/silences", pages_of_silences.all, methods=["GET", "POST"]),
            Route("/api/v1/silences/{id}", pages_of_silences.one, methods=["DELETE"]),
        ]
    if spec.reload and reload is not None:
        routes.append(Route("/-/reload", ReloadPage(reload).reload, methods=["POST"]))
    if spec.console:
        routes += [Route("/", pages.console), Route("/model", pages.model), Route("/fields/{field:path}", pages.field)]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused, Exception: _failed})
    # A redirect would be built from the Host header, which anybody can write.
    app.router.redirect_slashes = False
    # Outermost, so that even the answer to an error of ours carries the security headers.
    return Guard(app, token=spec.token)


async def _refused(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    what = "no such page" if status == 404 else "the request was refused"
    return problem(status, what, "see /metrics, /readyz, /api/v1/status, /api/v1/verdicts, /api/v1/alerts, /")


async def _failed(_request: Request, _error: Exception) -> Response:
    # The server logs the error with its trace; the client learns nothing from it.
    return problem(500, "internal error", "see the daemon's log")


class _Pages:
    """The handlers; they share what they read from."""

    def __init__(self, view: Callable[[], Snapshot], alive: Callable[[], bool], metrics: Metrics) -> None:
        self._view = view
        self._alive = alive
        self._metrics = metrics
        self._console = Console()

    async def livez(self, request: Request) -> Response:
        """200 while the data thread's heartbeat is fresh; says nothing about Kafka."""
        if self._alive():
            return PlainTextResponse("ok\n")
        return PlainTextResponse("the data thread's heartbeat is stale\n", 503)

    async def readyz(self, request: Request) -> Response:
        """200 once partitions are assigned and state is restored, else 503 with the reason."""
        s, alive = self._view(), self._alive()
        ready = s.ready and alive
        reason = shown(s.ready_reason, 200) if not s.ready else "the data thread's heartbeat is stale"
        if "verbose" not in request.query_params:
            return PlainTextResponse("ok\n" if ready else f"{reason}\n", 200 if ready else 503)
        lines = [
            f"[{'+' if alive else '-'}] data thread alive",
            f"[{'+' if s.ready else '-'}] assigned and restored{'' if s.ready else f': {reason}'}",
            f"[{'+' if s.caught_up else ' '}] caught up (for information)",
            f"[ ] partitions owned: {len(s.partitions)} (for information)",
            "ready" if ready else "not ready",
        ]
        return PlainTextResponse("\n".join(lines) + "\n", 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        """The snapshot for Prometheus."""
        page = self._metrics.page(
            self._view(),
            accept=request.headers.get("accept", ""),
            accept_encoding=request.headers.get("accept-encoding", ""),
        )
        headers = {"content-type": page.content_type, "vary": "Accept, Accept-Encoding"}
        if page.gzipped:
            headers["content-encoding"] = "gzip"
        return Response(page.body, headers=headers)

    async def status(self, request: Request) -> Response:
        """The state of the monitor as JSON."""
        return json_response(api.status(self._view(), alive=self._alive()))

    async def verdicts(self, request: Request) -> Response:
        """The last verdicts and check outcomes as JSON; `field`, `segment` and `level` filter."""
        wanted = request.query_params
        level = wanted.get("level")
        if level not in {None, "ok", "warning", "critical", "unknown"}:
            return problem(400, f"no level {shown(level or '')}", "use ok, warning, critical or unknown")
        return json_response(
            api.verdicts(self._view(), field=wanted.get("field"), segment=wanted.get("segment"), level=level)
        )

    async def alerts(self, request: Request) -> Response:
        """The alerts as JSON."""
        return json_response(api.alerts(self._view()))

    async def incidents(self, request: Request) -> Response:
        """What moves together, and why, as JSON."""
        return json_response(api.incidents(self._view()))

    async def profile(self, request: Request) -> Response:
        """One field's distribution as JSON; 404 with what there is when it is unknown."""
        field, segment = request.query_params.get("field"), request.query_params.get("segment", "")
        if not field:
            return problem(400, "no field given", "ask for /api/v1/profile?field=NAME, and &segment=DIMENSION=VALUE")
        s = self._view()
        found = next((p for p in s.profiles if (p.field, p.segment) == (field, segment)), None)
        return _unknown_profile(s.profiles, field, segment) if found is None else json_response(api.profile(s, found))

    async def console(self, request: Request) -> Response:
        """The first page of the console."""
        return self._console.overview(self._view(), alive=self._alive(), show_all="all" in request.query_params)

    async def model(self, request: Request) -> Response:
        """The console's page of the model."""
        return self._console.model(self._view(), alive=self._alive(), show_all="all" in request.query_params)

    async def field(self, request: Request) -> Response:
        """The console's page of one field."""
        field, segment = request.path_params["field"], request.query_params.get("segment", "")
        return self._console.field(self._view(), field, segment, alive=self._alive())


def _unknown_profile(profiles: tuple[ProfileView, ...], field: str, segment: str) -> Response:
    """Return 404 with the names that would have been found."""
    if not profiles:
        return problem(404, "there is no profile yet", "wait for the first window to close; see /api/v1/status")
    segments = [p.segment for p in profiles if p.field == field]
    if segments:
        error, offered = f"no segment {shown(segment)} of field {shown(field)}", segments
    else:
        error, offered = f"no profile of field {shown(field)}", sorted({p.field for p in profiles})
    listed = ", ".join(json.dumps(shown(name)) for name in offered[:_MAX_OFFERED])
    more = f" and {len(offered) - _MAX_OFFERED} more" if len(offered) > _MAX_OFFERED else ""
    return problem(404, error, f"use one of {listed}{more}")
