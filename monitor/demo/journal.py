"""What happened, told once each: read off successive snapshots, for the screen and for logs without a terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from monitor.demo.shop import FAULT
from monitor.snapshot import Snapshot
from monitor.types import Alert

EventKind = Literal["fault", "healed", "firing", "resolved"]


@dataclass(frozen=True)
class Event:
    """Something that happened, so many seconds after the start, in words."""

    at_s: float
    kind: EventKind
    text: str

    @property
    def line(self) -> str:
        """The event as one line."""
        return f"{self.at_s:3.0f} s  {self.text}"


@dataclass
class Journal:
    """The events of the demo in the order in which they were seen; `fired` and `resolved` count alerts."""

    events: list[Event] = field(default_factory=list)
    fired: int = 0
    resolved: int = 0
    _firing: dict[str, tuple[Alert, float]] = field(default_factory=dict)
    _faulty: bool = False

    @property
    def firing(self) -> int:
        """How many alerts fire now."""
        return len(self._firing)

    def see(self, at_s: float, snapshot: Snapshot, *, faulty: bool) -> list[Event]:
        """Compare with what was seen before; return the new events."""
        before = len(self.events)
        if faulty != self._faulty:
            self._faulty = faulty
            if faulty:
                self._add(at_s, "fault", f"FAULT    {FAULT}")
            else:
                self._add(at_s, "healed", "REPAIRED the release was rolled back")
        now = {alert.fingerprint: alert for alert in snapshot.alerts}
        for fingerprint, alert in now.items():
            self._see_firing(at_s, alert, self._firing.get(fingerprint))
        for fingerprint in [known for known in self._firing if known not in now]:
            alert, since_s = self._firing.pop(fingerprint)
            self.resolved += 1
            self._add(at_s, "resolved", f"RESOLVED {_name(alert)}, after {at_s - since_s:.0f} s")
        return self.events[before:]

    def _see_firing(self, at_s: float, alert: Alert, seen: tuple[Alert, float] | None) -> None:
        """Take an alert that fires: it is new, or is as severe as before, or has become better or worse."""
        if seen is None:
            self.fired += 1
            self._add(at_s, "firing", f"FIRING   {alert.severity}: {alert.annotations.get('summary', _name(alert))}")
        elif seen[0].severity != alert.severity:
            self._add(at_s, "firing", f"CHANGED  {_name(alert)} is now {alert.severity}")
        self._firing[alert.fingerprint] = alert, seen[1] if seen is not None else at_s

    def _add(self, at_s: float, kind: EventKind, text: str) -> None:
        self.events.append(Event(at_s, kind, text))


def _name(alert: Alert) -> str:
    """Return what an alert is about, such as `amount (psi)`."""
    rule, path = alert.labels.get("rule", ""), alert.labels.get("field", "")
    return f"{path} ({rule})" if path else rule
