"""Runs the HTTP app in one daemon thread, next to the data thread."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from monitor.errors import SurroundingsError
from monitor.web.settings import HttpSpec

_START_TIMEOUT_S: Final = 10.0
_STOP_TIMEOUT_S: Final = 5.0
# Longer than a usual scrape interval, so that Prometheus keeps its connection.
_KEEP_ALIVE_S: Final = 75


class HttpServer:
    """Serves an ASGI app on the address of a HttpSpec; `start` once, `stop` once or more."""

    def __init__(self, app: ASGIApp, spec: HttpSpec) -> None:
        """Keep what is to be served; nothing is opened yet."""
        self._app = app
        self._spec = spec
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._bound: tuple[str, int] | None = None

    @property
    def url(self) -> str:
        """Where this machine reaches the server, without a slash at the end; RuntimeError before `start`."""
        if self._bound is None:
            raise RuntimeError("the server has not been started")
        host, port = self._bound
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if self._spec.tls else 'http'}://{shown}:{port}"

    def start(self) -> None:
        """Listen and return once requests are answered.

        Raises SurroundingsError, with the address, when it cannot be listened on, or when the certificate
        cannot be read.
        """
        server = _Server(self._config())
        listener = self._listen()
        self._server = server
        self._bound = listener.getsockname()[:2]
        self._thread = threading.Thread(target=server.run, args=([listener],), name="driftline-http", daemon=True)
        self._thread.start()
        if not server.answering.wait(_START_TIMEOUT_S):
            self.stop()
            raise SurroundingsError(f"the HTTP server on {self._spec.listen} did not start; see the log")

    def stop(self) -> None:
        """Stop listening, finish the requests under way, end the thread; does nothing when not started."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(_STOP_TIMEOUT_S)
        self._server = self._thread = None

    def _config(self) -> uvicorn.Config:
        """Return uvicorn's settings with the certificate loaded."""
        tls = self._spec.tls
        config = uvicorn.Config(
            self._app,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=2,
            ssl_certfile=tls.cert_file if tls else None,
            ssl_keyfile=tls.key_file if tls else None,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            where = f"{tls.cert_file} and {tls.key_file}" if tls else "no TLS"
            raise SurroundingsError(f"cannot serve HTTPS on {self._spec.listen} with {where}: {error}") from error
        return config

    def _listen(self) -> socket.socket:
        """Return the listening socket."""
        host, port = self._spec.address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            return socket.create_server((host, port), family=family, backlog=128)
        except OSError as error:
            remedy = "is another driftline running? set http.listen to a free address"
            raise SurroundingsError(f"cannot listen on {self._spec.listen}: {error.strerror}; {remedy}") from error


class _Server(uvicorn.Server):
    """Uvicorn's server that also says when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.answering = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, then say so."""
        await super().startup(sockets)
        self.answering.set()
