"""Alerts with their whole life: one row from firing to the end, however often the severity changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from monitor.alerting import Key
from monitor.types import Alert

Severity = Literal["warning", "critical"]


@dataclass(frozen=True)
class Spell:
    """A time at one severity, between the ends of the windows that began and ended it; None: to the end of history."""

    severity: Severity
    from_ms: int
    to_ms: int | None = None


@dataclass
class FiredAlert:
    """One alert: `starts_at_ms` is the start of its first breaching window, its spells begin where it fired.

    `summary` is what it said when it fired, `incident` the id of what it was part of then.
    """

    key: Key
    fingerprint: str
    starts_at_ms: int
    summary: str = ""
    incident: str = ""
    spells: list[Spell] = field(default_factory=list)

    @property
    def fired_at_ms(self) -> int:
        """The end of the window in which it fired."""
        return self.spells[0].from_ms

    @property
    def ends_at_ms(self) -> int | None:
        """The end of the window in which it resolved; None while it fires."""
        return self.spells[-1].to_ms

    @property
    def severity(self) -> Severity:
        """The worst that it was."""
        return "critical" if any(spell.severity == "critical" for spell in self.spells) else "warning"

    def firing_ms(self, until_ms: int) -> int:
        """Return for how long it fired, up to `until_ms`."""
        end_ms = until_ms if self.ends_at_ms is None else min(self.ends_at_ms, until_ms)
        return max(0, end_ms - self.fired_at_ms)


class Firings:
    """Collects transitions into alerts, in the order in which they fired."""

    def __init__(self) -> None:
        """Begin with none."""
        self.alerts: list[FiredAlert] = []
        self._open: dict[tuple[str, int], FiredAlert] = {}

    def hear(self, transitions: Iterable[tuple[int, Alert]]) -> None:
        """Take transitions with the ends of their windows, in order."""
        for at_ms, alert in transitions:
            life = (alert.fingerprint, alert.starts_at_ms)
            known = self._open.get(life)
            if alert.status == "firing":
                if known is None:
                    known = self._open[life] = _begun(alert)
                    self.alerts.append(known)
                known.spells.append(Spell(alert.severity, at_ms))
            elif known is not None:
                last = known.spells[-1]
                known.spells[-1] = Spell(last.severity, last.from_ms, at_ms)


def _begun(alert: Alert) -> FiredAlert:
    """Return an alert that fires, with no spell yet."""
    key = Key(*(alert.labels.get(name, "") for name in ("rule", "field", "segment")))
    summary, incident = (alert.annotations.get(name, "") for name in ("summary", "incident"))
    return FiredAlert(key, alert.fingerprint, alert.starts_at_ms, summary, incident)
