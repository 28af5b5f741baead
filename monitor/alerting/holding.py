"""Why a notification is held back: silences, maintenance windows, inhibition, and the age a sink asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from monitor.alerting.inhibition import Inhibition, inhibited
from monitor.alerting.matching import match_all
from monitor.alerting.schedule import MaintenanceWindow
from monitor.alerting.silence import Silence
from monitor.types import Alert, AlertIdentity

HoldKind = Literal["silence", "maintenance", "inhibition", "after"]
HOLD_KINDS: tuple[HoldKind, ...] = ("silence", "maintenance", "inhibition", "after")


@dataclass(frozen=True)
class Hold:
    """One reason: `by` is the silence's id, the window's name, the other alert's fingerprint or the sink's name.

    `until_ms` is None where no time ends it.
    """

    kind: HoldKind
    by: str
    reason: str
    until_ms: int | None = None


@dataclass(frozen=True)
class Gate:
    """What the configuration holds back; silences come and go and are handed in."""

    windows: tuple[MaintenanceWindow, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()

    def holds(
        self, alerts: Sequence[Alert], firing: Sequence[Alert], silences: Sequence[Silence], now_ms: int
    ) -> Mapping[AlertIdentity, tuple[Hold, ...]]:
        """Return every reason for which each of the alerts is held for all sinks; those without one are left out.

        A pure function: `firing` is all that fires, of which inhibition is made.
        """
        active = [silence for silence in silences if silence.state(now_ms) == "active"]
        open_windows = [
            (window, until_ms) for window in self.windows if (until_ms := window.schedule.until_ms(now_ms)) is not None
        ]
        behind = inhibited(self.inhibitions, alerts, firing)
        found: dict[AlertIdentity, tuple[Hold, ...]] = {}
        for alert in alerts:
            holds = [
                Hold("silence", silence.id, silence.reason, silence.ends_at_ms)
                for silence in active
                if silence.matches(alert.labels)
            ]
            holds += [
                Hold("maintenance", window.name, window.reason, until_ms)
                for window, until_ms in open_windows
                if match_all(window.matchers, alert.labels)
            ]
            source = behind.get(alert.identity)
            if source is not None:
                holds.append(Hold("inhibition", source.fingerprint, _named(source)))
            if holds:
                found[alert.identity] = tuple(holds)
        return found


def too_young(sink: str, after_ms: int, since_ms: int, ended_at_ms: int | None, now_ms: int) -> Hold | None:
    """Return the hold of a sink that wants to hear only of what has fired for `after_ms`, None when it has.

    `since_ms` is when the trigger was queued; an alert that has ended by now is as old as it got. A `since_ms` ahead
    of `now_ms` was written before the wall clock was set back and holds nothing: better too early than never.
    """
    until_ms = since_ms + after_ms
    age_end_ms = now_ms if ended_at_ms is None else min(ended_at_ms, now_ms)
    if since_ms > now_ms or age_end_ms >= until_ms:
        return None
    return Hold("after", sink, "has not fired long enough for this sink", until_ms)


def _named(alert: Alert) -> str:
    """Return which alert it is, in the words of its labels."""
    parts = [alert.labels.get(name, "") for name in ("rule", "field", "segment", "severity")]
    return f"{' '.join(part for part in parts if part)} fires"
