"""How sinks write moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_402_300_799_999


def rfc3339(ms: int) -> str:
    """Return milliseconds since the epoch as RFC 3339 in UTC, clamped to the years 1970 to 9999."""
    moment = _EPOCH + timedelta(milliseconds=min(max(ms, 0), _LAST_MS))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
