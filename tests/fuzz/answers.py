"""The other side of a connection, as the fuzzer plays it: without a socket, and with any answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import httpx

from monitor.clock import ManualClock
from monitor.decoders.registry import RegistrySpec, SchemaRegistry
from tests.support.snapshots import T0_MS

Reply = Callable[[httpx.Request], httpx.Response]
_STATUSES = (200, 200, 200, 201, 204, 301, 400, 401, 404, 408, 413, 422, 425, 429, 500, 503, 599, 100)


def client_of(reply: Reply, **options: object) -> httpx.Client:
    """Return a client whose every request is answered by `reply`."""
    return httpx.Client(transport=httpx.MockTransport(reply), **options)  # type: ignore[arg-type]


def registry_of(known: Mapping[str, Mapping[str, object]]) -> SchemaRegistry:
    """Return a registry's client, and behind it a registry that has one answer for each path."""

    def reply(request: httpx.Request) -> httpx.Response:
        found = known.get(request.url.path)
        return response_of(response_text(404 if found is None else 200, {} if found is None else found))

    return registry_answering(reply)


def registry_answering(reply: Reply) -> SchemaRegistry:
    """Return a registry's client that is answered by `reply`."""
    client = SchemaRegistry(RegistrySpec(url="http://registry"), ManualClock(T0_MS))
    headers = client._client.headers
    client._client.close()
    client._client = client_of(reply, headers=headers)
    return client


def response_of(data: bytes) -> httpx.Response:
    """Return the answer that bytes describe: a status, a line for Retry-After, a line for the encoding, a body."""
    status = _STATUSES[data[0] % len(_STATUSES)] if data else 200
    wait, _, rest = data[1:].partition(b"\n")
    encoding, _, body = rest.partition(b"\n")
    headers = [(b"Retry-After", wait)] if wait else []
    if encoding:
        headers.append((b"Content-Encoding", encoding))
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


def response_text(status: int, body: object, wait: str = "", encoding: str = "") -> bytes:
    """Return the bytes of which `response_of` makes this answer."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return bytes([_STATUSES.index(status)]) + f"{wait}\n{encoding}\n".encode() + text
