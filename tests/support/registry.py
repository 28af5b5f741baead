"""A schema registry that serves the endpoints a consumer asks for, and fails as it is told to."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote


@dataclass
class RegistryServer:
    """Schemas by id and by subject on a free port of the loopback; a context manager.

    `failing`, when set, is the status that everything is answered with. `asked` holds every path in order.
    """

    prefix: str = ""
    failing: int | None = None
    failing_headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    authorization: str | None = None
    asked: list[str] = field(default_factory=list)
    _schemas: dict[int, dict[str, Any]] = field(default_factory=dict)
    _subjects: dict[str, list[int]] = field(default_factory=dict)

    def register(self, subject: str, schema: Any, *, kind: str = "AVRO", references: Any = (), id_: int | None = None):
        """Add the next version of a subject and return its schema's id."""
        schema_id = id_ if id_ is not None else len(self._schemas) + 1
        text = schema if isinstance(schema, str) else json.dumps(schema)
        entry: dict[str, Any] = {"schema": text}
        if kind != "AVRO":
            entry["schemaType"] = kind
        if references:
            entry["references"] = list(references)
        self._schemas[schema_id] = entry
        self._subjects.setdefault(subject, []).append(schema_id)
        return schema_id

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}{self.prefix}"

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, authorization: str | None) -> tuple[int, bytes]:
        """Return status and body for a request."""
        self.asked.append(path)
        if self.failing is not None:
            return self.failing, self.body or b"{}"
        if self.authorization is not None and authorization != self.authorization:
            return 401, b'{"error_code": 40101}'
        if self.body is not None:
            return 200, self.body
        found = self._find([unquote(part) for part in path.removeprefix(self.prefix).strip("/").split("/")])
        return (200, json.dumps(found).encode()) if found is not None else (404, b'{"error_code": 40403}')

    def _find(self, parts: list[str]) -> dict[str, Any] | None:
        match parts:
            case ["schemas", "ids", schema_id]:
                return self._schemas.get(int(schema_id))
            case ["subjects", subject, "versions", version] if subject in self._subjects:
                ids = self._subjects[subject]
                number = len(ids) if version == "latest" else int(version)
                if not 0 < number <= len(ids):
                    return None
                schema_id = ids[number - 1]
                return {"subject": subject, "version": number, "id": schema_id, **self._schemas[schema_id]}
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                status, body = server.answer(self.path, self.headers.get("Authorization"))
                self.send_response(status)
                for name, value in server.failing_headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Keep the test's output clean."""

        return Handler
