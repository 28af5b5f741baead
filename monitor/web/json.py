"""Answers in JSON."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


def json_response(document: Any, status: int = 200) -> Response:
    """Return a document as JSON; escaped to ASCII, so that no text from a record can break it."""
    return Response(json.dumps(document, allow_nan=False) + "\n", status, media_type="application/json")


def problem(status: int, error: str, remedy: str) -> Response:
    """Return what is wrong and what to do about it."""
    return json_response({"error": error, "remedy": remedy}, status)
