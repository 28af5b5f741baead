"""A local HTTP server that remembers what it got and answers as it is told to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    """What arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What to answer; `hang` answers nothing until the receiver closes."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False


Behaviour = Callable[[Request], Reply]


def always(status: int, **headers: str) -> Behaviour:
    """Answer everything with one status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Reply(status, b"said \x1b[31mso\nbefore", named)


class Receiver:
    """A server on a free port of the loopback; a context manager."""

    def __init__(self, behave: Behaviour | None = None) -> None:
        """Accept everything unless told otherwise; `behave` may be replaced at any time."""
        self.behave: Behaviour = behave or always(200)
        self.requests: list[Request] = []
        self._arrived = threading.Condition()
        self._closing = threading.Event()
        self._hanging_up = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def speak_tls(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on; a handshake that fails ends that connection only. Call it before the first request."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def hang_up(self) -> None:
        """End every connection after its next answer, so that each request begins with a handshake."""
        self._hanging_up += 1

    def wait_for(self, wanted: Callable[[list[Request]], bool], timeout_s: float = 180.0) -> None:
        """Return as soon as the requests are as wanted; fails when they are not in time."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: wanted(self.requests), timeout_s), self.requests

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        """Return the handler class that works for this receiver."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # without it Nagle's algorithm and delayed acknowledgements cost 40 ms a request
            disable_nagle_algorithm = True

            def setup(self) -> None:
                """Note when the connection came."""
                super().setup()
                self._since = receiver._hanging_up

            def do_POST(self) -> None:
                """Remember the request, then answer as told."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = Request(self.path, dict(self.headers), body)
                reply = receiver.behave(request)
                with receiver._arrived:
                    receiver.requests.append(request)
                    receiver._arrived.notify_all()
                if reply.hang:
                    receiver._closing.wait()
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
                if self._since != receiver._hanging_up:
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Keep the test's output clean."""

        return Handler
