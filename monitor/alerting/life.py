"""The hysteresis of one stream of levels: inactive, pending, firing, resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Self

from monitor.alerting.flap import Bouts, Flap
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
    has only zeros and can be forgotten, but for its bouts: `fired` of firing, `worse` of being critical.
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
    fired: Bouts = field(default_factory=Bouts)
    worse: Bouts = field(default_factory=Bouts)

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Self:
        """Return the life that was stored as a mapping, also by versions that did not know of bouts."""
        bouts = {name: Bouts(**saved[name]) for name in ("fired", "worse") if name in saved}
        return cls(**{**saved, **bouts})

    @property
    def active(self) -> bool:
        """Whether there is anything to remember: pending or firing."""
        return self.severity is not None or self.breaches > 0

    @property
    def to_resolve(self) -> int:
        """After how many OK windows in a row it resolves."""
        return max(self.clear_after, self.fired.quiet)

    @property
    def to_calm(self) -> int:
        """After how many windows in a row below critical it is critical no longer."""
        return max(self.clear_after, self.worse.quiet)

    def recent(self, at_ms: int, horizon_ms: int) -> bool:
        """Return whether its bouts still matter for windows from this one on."""
        return self.fired.recent(at_ms, horizon_ms) or self.worse.recent(at_ms, horizon_ms)

    def run(
        self, level: Level, window_start_ms: int, stride_ms: int, windows: int, flap: Flap | None = None
    ) -> Iterator[tuple[int, Transition]]:
        """Yield the transitions, with the number (from 0) of their window, of `windows` windows of one level.

        Equal to as many runs of one window. Cost does not grow with `windows`: after the longest of the
        hysteresis lengths a constant level changes nothing but counters.
        """
        longest = max(self.raise_after, self.to_resolve, self.to_calm)
        decisive = 1 if level is Level.UNKNOWN else min(windows, longest)
        for number in range(decisive):
            start_ms = window_start_ms + number * stride_ms
            before = self.severity
            transitions = list(self._window(level, start_ms))
            if flap is not None and self.severity != before:
                self._note_bouts(before, start_ms, stride_ms, flap)
            for transition in transitions:
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

    def _note_bouts(self, before: Severity | None, at_ms: int, stride_ms: int, flap: Flap) -> None:
        """Note what began and what ended with a window that changed the severity."""
        for bouts, was, now in (
            (self.fired, before is not None, self.severity is not None),
            (self.worse, before == "critical", self.severity == "critical"),
        ):
            if now and not was:
                bouts.begin(at_ms, self.clear_after, stride_ms, flap)
            elif was and not now:
                bouts.end(at_ms)

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
        if self.oks >= self.to_resolve:
            return None
        if self.criticals >= self.raise_after:
            return "critical"
        if self.severity == "critical" and self.calms >= self.to_calm:
            return "warning"
        return self.severity


def flapping(life: Life) -> dict[str, str]:
    """Return the annotation that says that an alert flaps, and what it waits for; nothing for one that does not."""
    said = []
    if life.fired.doublings:
        said.append(f"it keeps firing and resolving, so it resolves after {life.to_resolve} quiet windows")
    if life.severity == "critical" and life.worse.doublings:
        said.append(f"it keeps becoming critical, so it is a warning after {life.to_calm} calmer windows")
    return {"flapping": "; ".join(said)} if said else {}
