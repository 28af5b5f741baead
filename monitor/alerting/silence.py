"""Silences: who wants to hear nothing new of which alerts, until when, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from monitor.alerting.matching import Matcher, match_all
from monitor.errors import DriftlineError

SilenceState = Literal["pending", "active", "expired"]
SILENCE_STATES: tuple[SilenceState, ...] = ("pending", "active", "expired")


class TooManySilences(DriftlineError):  # noqa: N818 - a fact, for whoever wants one more
    """There are as many silences as the configuration allows."""


@dataclass(frozen=True)
class Silence:
    """Holds new notifications of the alerts whose labels fulfil all matchers; times are of the wall clock."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at_ms: int
    ends_at_ms: int
    reason: str
    author: str
    created_at_ms: int

    def state(self, now_ms: int) -> SilenceState:
        """Return `pending` before it starts, `active` until it ends (its end is no longer in it), then `expired`."""
        if now_ms >= self.ends_at_ms:
            return "expired"
        return "active" if now_ms >= self.starts_at_ms else "pending"

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether it is about an alert with these labels."""
        return match_all(self.matchers, labels)
