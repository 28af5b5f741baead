"""The hysteresis of one stream of levels: inactive, pending, firing, resolved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from monitor.types import Level

Severity = Literal["warning", "critical"]


class Transition(NamedTuple):
    """A step in an alert's life; `starts_at_ms` is the start of the first breaching window."""

    status: Literal["firing", "resolved"]
    severity: Severity
    starts_at_ms: int


@dataclass(slots=True)
class Life:
    """Counters of consecutive windows and what they add up to; UNKNOWN windows are transparent to all of them.

    `breaches` (level at least warning) and `criticals` count towards raising; `oks` and `calms` (below
    critical) count towards clearing and only while firing, so a life that is neither pending nor firing
    has only zeros and can be forgotten.
    """

    raise_after: int
    clear_after: int
    severity: Severity | None = None
    starts_at_ms: int = 0
    breaches: int = 0
    criticals: int = 0
    oks: int = 0
    calms: int = 0
    stale: bool = False

    @property
    def active(self) -> bool:
        """Whether there is anything to remember: pending or firing."""
        return self.severity is not None or self.breaches > 0

    def run(self, level: Level, window_start_ms: int, stride_ms: int, windows: int) -> Iterator[tuple[int, Transition]]:
        """Yield the transitions, with the number (from 0) of their window, of `windows` windows of one level.

        Equal to as many runs of one window. Cost does not grow with `windows`: after the longer of the two
        hysteresis lengths a constant level changes nothing but counters.
        """
        decisive = 1 if level is Level.UNKNOWN else min(windows, max(self.raise_after, self.clear_after))
        for number in range(decisive):
            for transition in self._window(level, window_start_ms + number * stride_ms):
                yield number, transition
        if level is not Level.UNKNOWN and self.active:
            self._count(level, windows - decisive)

    def _window(self, level: Level, window_start_ms: int) -> Iterator[Transition]:
        """Take one window and yield what it brings about; a change of severity resolves the old one first."""
        if level is Level.UNKNOWN:
            self.stale = self.severity is not None
            return
        self.stale = False
        if self.severity is None and self.breaches == 0:
            self.starts_at_ms = window_start_ms
        self._count(level, 1)
        before, self.severity = self.severity, self._due_severity()
        if before is not None and self.severity != before:
            yield Transition("resolved", before, self.starts_at_ms)
        if self.severity is not None and self.severity != before:
            yield Transition("firing", self.severity, self.starts_at_ms)
        if not self.active:
            self.starts_at_ms = self.oks = self.calms = 0

    def _count(self, level: Level, windows: int) -> None:
        """Lengthen the streaks that `level` continues by `windows` and break the others."""
        firing = self.severity is not None
        self.breaches = self.breaches + windows if level >= Level.WARNING else 0
        self.criticals = self.criticals + windows if level == Level.CRITICAL else 0
        self.oks = self.oks + windows if level == Level.OK and firing else 0
        self.calms = self.calms + windows if level < Level.CRITICAL and firing else 0

    def _due_severity(self) -> Severity | None:
        """Return the severity that the counters ask for, None when nothing (or nothing yet) fires."""
        if self.severity is None:
            if self.breaches < self.raise_after:
                return None
            return "critical" if self.criticals >= self.raise_after else "warning"
        if self.oks >= self.clear_after:
            return None
        if self.criticals >= self.raise_after:
            return "critical"
        if self.severity == "critical" and self.calms >= self.clear_after:
            return "warning"
        return self.severity
