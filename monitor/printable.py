"""Text from records and configuration made safe to print (short, one line, no control characters), and times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_MS = 253_402_300_799_999


def printable(text: str, limit: int) -> str:
    """Return `text` with at most `limit` characters, control and direction characters replaced."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return _UNPRINTABLE.sub("\ufffd", short)


def iso(ms: int | None) -> str | None:
    """Return a time as ISO 8601 in UTC with milliseconds; None when it is outside the years 1970 to 9999."""
    if ms is None or not 0 <= ms <= _MAX_MS:
        return None
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
