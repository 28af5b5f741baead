"""A schema registry that answers anything: the client has a schema, has none, or is told to try again."""

from __future__ import annotations

import gzip
import math

import httpx

from monitor.errors import Retryable
from tests.fuzz.answers import registry_answering, response_of, response_text
from tests.fuzz.target import Target, Try

_SEPARATOR = b"\n~\n"


def build() -> Try:
    """Return what plays a registry whose answers are an input's parts, over and over."""
    parts = [b""]
    asked = 0

    def reply(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        assert asked <= 3000, "asks without end"
        return response_of(parts[asked % len(parts)])

    client = registry_answering(reply)

    def attempt(data: bytes) -> None:
        nonlocal parts, asked
        parts, asked = data.split(_SEPARATOR), 0
        client._known.clear()
        client._unknown.clear()
        for ask in (lambda: client.schemas([1, 2, -5]), lambda: client.latest("a/../b?")):
            try:
                ask()
            except Retryable as error:
                assert error.retry_after_s is not None
                assert math.isfinite(error.retry_after_s)
                assert len(str(error)) < 10_000

    return attempt


_REFERRING = {"schema": "{}", "references": [{"name": "a", "subject": "b", "version": 1}]}
SEEDS = (
    response_text(200, {"schema": '"long"', "id": 3}),
    _SEPARATOR.join((response_text(200, _REFERRING), response_text(200, {"schema": "{}", "schemaType": "JSON"}))),
    response_text(200, {"schema": "", "references": [{"subject": 1}], "schemaType": 7, "id": "x"}),
    response_text(429, b"", "120"),
    response_text(503, b"", "Wed, 21 Oct 2015 07:28:00 GMT"),
    response_text(200, gzip.compress(b'{"schema":"x"}', mtime=0), "", "gzip"),
    response_text(200, b"[" * 200),
)
TARGET = Target(build, SEEDS)
