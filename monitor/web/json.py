"""Answers in JSON."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from monitor.printable import iso
from monitor.web.text import shown

_MAX_CHARS = 1_000


def text(value: str) -> str:
    """Return a text that may come from a record, printable and not too long."""
    return shown(value, _MAX_CHARS)


def moment(name: str, ms: int | None) -> dict[str, Any]:
    """Return a time twice: ISO 8601 under `name`, milliseconds under `name_ms`."""
    return {name: iso(ms), f"{name}_ms": ms}


def json_response(document: Any, status: int = 200) -> Response:
    """Return a document as JSON; escaped to ASCII, so that no text from a record can break it."""
    return Response(json.dumps(document, allow_nan=False) + "\n", status, media_type="application/json")


def problem(status: int, error: str, remedy: str) -> Response:
    """Return what is wrong and what to do about it."""
    return json_response({"error": error, "remedy": remedy}, status)
