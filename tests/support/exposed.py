"""A server that exposes one snapshot for ever, for what a daemon takes days of event time to have."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from monitor.export.collector import SnapshotCollector
from monitor.export.exposition import CONTENT_TYPES
from monitor.export.text import render
from monitor.snapshot import Snapshot


@contextmanager
def exposed(snapshot: Snapshot) -> Iterator[str]:
    """Serve the snapshot's metrics at the yielded address."""
    body = render(SnapshotCollector(snapshot).collect(), "text")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer every path with the metrics."""
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPES["text"])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
