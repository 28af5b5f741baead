"""The only place that reads a clock; everything else is told what time it is."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the wall clock (for event time) and a monotonic clock (for durations)."""

    def now_ms(self) -> int:
        """Return milliseconds since the Unix epoch."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        """Return the wall clock in milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Return the monotonic clock in seconds."""
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is moved; for tests and replay."""

    def __init__(self, now_ms: int = 0) -> None:
        """Start at `now_ms`."""
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Return the time last set, in milliseconds since the Unix epoch."""
        return self._now_ms

    def monotonic_s(self) -> float:
        """Return the time last set, in seconds."""
        return self._now_ms / 1000

    def set(self, now_ms: int) -> None:
        """Move to `now_ms`, forward or back."""
        self._now_ms = now_ms

    def advance(self, by_ms: int) -> None:
        """Move forward by `by_ms`."""
        self._now_ms += by_ms
