"""One HTTP POST and what its answer means for the outbox."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from monitor.errors import Retryable, SurroundingsError
from monitor.sinks.tap import Message, Tap

_TRY_AGAIN = frozenset({408, 425, 429})
_ANSWER_BYTES = 1000
_LONGEST_TOLD_S = 86_400.0


@dataclass(frozen=True)
class Answer:
    """A status of 2xx or 4xx, and the beginning of the body, printable, for the log."""

    status: int
    text: str

    @property
    def accepted(self) -> bool:
        """Whether the other side took it."""
        return self.status < 300


def open_client(
    *,
    timeout_ms: int,
    ca_file: Path | None,
    headers: Mapping[str, str],
    auth: httpx.Auth | None = None,
    tap: Tap | None = None,
) -> httpx.Client:
    """Return a client that follows no redirect; each phase of a request may take `timeout_ms`.

    With a `tap` nothing is sent: it is shown each request, which is then answered with 202.

    Proxies are taken from the environment. Raises SurroundingsError when `ca_file` cannot be used.
    """
    # httpx logs every URL at INFO, and a webhook's path may be its password
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        message = f"ca_file {ca_file} cannot be used: {error}"
        raise SurroundingsError(message) from error
    return httpx.Client(
        timeout=timeout_ms / 1000,
        verify=context,
        auth=auth,
        transport=None if tap is None else _tapped(tap),
        headers={"User-Agent": "driftline", "Accept-Encoding": "identity", **headers},
    )


def _tapped(tap: Tap) -> httpx.MockTransport:
    """Return a transport that shows requests to `tap` and says that they were accepted."""

    def answer(request: httpx.Request) -> httpx.Response:
        tap(Message(str(request.url), request.read(), dict(request.headers)))
        return httpx.Response(202, stream=httpx.ByteStream(b""))

    return httpx.MockTransport(answer)


def post(client: httpx.Client, url: str, body: bytes, *, headers: Mapping[str, str], now_ms: int) -> Answer:
    """Send `body` as JSON and return the answer, of which no more than a kilobyte is read.

    Raises Retryable for anything that may pass: no answer, 408, 425, 429, 5xx, and 3xx, where somebody stands
    in between. Messages hold neither URL nor headers.
    """
    everything = {"Content-Type": "application/json", **headers}
    try:
        with client.stream("POST", url, content=body, headers=everything) as response:
            text = _beginning(response)
    except httpx.HTTPError as error:
        message = f"no answer ({type(error).__name__})"
        raise Retryable(message) from error
    status = response.status_code
    if status in _TRY_AGAIN or not (200 <= status < 300 or 400 <= status < 500):
        message = f"HTTP {status}: {text}"
        raise Retryable(message, retry_after_s=_retry_after_s(response.headers.get("Retry-After"), now_ms))
    return Answer(status, text)


def _beginning(response: httpx.Response) -> str:
    """Return the first bytes of an answer as one printable line; it comes from outside."""
    read = b""
    for chunk in response.iter_raw():
        read += chunk
        if len(read) >= _ANSWER_BYTES:
            break
    line = " ".join(read[:_ANSWER_BYTES].decode("utf-8", "replace").split())
    return "".join(character for character in line if character.isprintable())[:200]


def _retry_after_s(value: str | None, now_ms: int) -> float | None:
    """Return the seconds a Retry-After header asks for, as a number or as an HTTP date; None when it is neither.

    No more than a day: the header comes from outside, and a thousand digits are infinity.
    """
    if value is None:
        return None
    if value.strip().isdecimal():
        return min(float(value), _LONGEST_TOLD_S)
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, OverflowError, TypeError, IndexError):  # of a year or a zone that no calendar has
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max(0.0, when.timestamp() - now_ms / 1000), _LONGEST_TOLD_S)
