"""Taking transitions into the ledger: which incident an alert belongs to, and when there are too many new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from monitor.digests import digest
from monitor.incidents.ledger import Incident, Ledger, transition_digest
from monitor.types import Alert

GroupBy = Literal["incident", "alert"]


@dataclass(frozen=True)
class Storm:
    """More than `most` new incidents within `per_ms` of the wall clock are told as one."""

    most: int
    per_ms: int


@dataclass(frozen=True)
class Heard:
    """A ledger after a delivery: `keys` holds, for each alert, the incident it concerns.

    None: nothing has to be said of it, since it has been heard already. "": nothing is known of it.
    `storms`: how many storms have begun; `changed`: whether anything is new at all.
    """

    ledger: Ledger
    keys: tuple[str | None, ...]
    storms: int
    changed: bool


def hear(
    ledger: Ledger, alerts: Sequence[Alert], now_ms: int, *, sink: str, group_by: GroupBy, storm: Storm | None
) -> Heard:
    """Return the ledger after the alerts, in their order; hearing them again changes nothing more.

    Transitions that the last delivery has done already, with which its successor begins when the process was killed
    before the outbox heard of it, are passed over: a trigger that comes again after its resolve would page again.
    """
    draft = _Draft(ledger, sink, group_by, storm)
    repeated = _repeated(ledger.last, alerts)
    keys = tuple(None if done else draft.hear(alert, now_ms) for alert, done in zip(alerts, repeated, strict=True))
    changed = "" in keys or draft.ledger.incidents != ledger.incidents
    return Heard(draft.ledger, keys, draft.storms, changed)


def home_of(alert: Alert, group_by: GroupBy) -> str:
    """Return the identity of the incident that an alert says it is part of: its own when it names none."""
    incident = alert.annotations.get("incident")
    if group_by == "alert" or not incident:
        return alert.fingerprint
    return digest(["incident", alert.labels.get("monitor", ""), incident])


def _repeated(last: Sequence[str], alerts: Sequence[Alert]) -> list[bool]:
    """Return which alerts the last delivery has done: of each fingerprint those at the beginning."""
    done, fresh = set(last), set()
    found = []
    for alert in alerts:
        again = alert.fingerprint not in fresh and transition_digest(alert) in done
        if not again:
            fresh.add(alert.fingerprint)
        found.append(again)
    return found


class _Draft:
    """A ledger in the making."""

    def __init__(self, ledger: Ledger, sink: str, group_by: GroupBy, storm: Storm | None) -> None:
        self._incidents = dict(ledger.incidents)
        self._opened_ms = ledger.opened_ms
        self._last = ledger.last
        self._sink, self._group_by, self._storm = sink, group_by, storm
        self._keys_of: dict[str, set[str]] = {}
        for key, incident in self._incidents.items():
            for fingerprint, _ in incident.members:
                self._keys_of.setdefault(fingerprint, set()).add(key)
        self.storms = 0

    @property
    def ledger(self) -> Ledger:
        """The ledger as it is now."""
        return Ledger(self._incidents, self._opened_ms, self._last)

    def hear(self, alert: Alert, now_ms: int) -> str:
        """Take one transition; return the key of the incident that it concerns."""
        key = self._resolved(alert) if alert.status == "resolved" else self._fired(alert, now_ms)
        if key:
            before = self._incidents[key].members.get(alert.identity)
            home = before.home if alert.status == "resolved" and before is not None else self._home(alert, key)
            self._incidents[key] = self._incidents[key].heard(alert, home)
            self._keys_of.setdefault(alert.fingerprint, set()).add(key)
        return key

    def _home(self, alert: Alert, key: str) -> str:
        """Return the incident an alert belongs to; of one that goes on, the one it has been in."""
        same = [m.home for m in self._incidents[key].members.values() if _same_life(m.alert, alert)]
        return same[0] if same else home_of(alert, self._group_by)

    def _resolved(self, alert: Alert) -> str:
        """Return where the alert fires, else where it did before; "" when it is not known."""
        member_key = alert.identity
        places = [(key, self._incidents[key].members) for key in sorted(self._keys_of.get(alert.fingerprint, ()))]
        known = [(not members[member_key].firing, key) for key, members in places if member_key in members]
        return min(known)[1] if known else ""

    def _fired(self, alert: Alert, now_ms: int) -> str:
        """Return where the alert goes: where it fires or has just changed its severity, else to its incident."""
        for key in sorted(self._keys_of.get(alert.fingerprint, ())):
            mine = [m for (name, _), m in self._incidents[key].members.items() if name == alert.fingerprint]
            if any(member.firing or _same_life(member.alert, alert) for member in mine):
                return key
        home = home_of(alert, self._group_by)
        if home in self._incidents:
            return home
        storms = [incident for incident in self._incidents.values() if incident.storm]
        return next((storm.key for storm in storms if home in storm.homes), "") or self._open(home, storms, now_ms)

    def _open(self, home: str, storms: Sequence[Incident], now_ms: int) -> str:
        """Return the key of a new incident, or of the storm that it is but a part of."""
        key = home
        if self._storm is not None:
            # a time ahead was written before the wall clock was set back
            lately = tuple(at for at in self._opened_ms if now_ms - self._storm.per_ms < at <= now_ms)
            self._opened_ms = (*lately, now_ms)[-self._storm.most :]
            if len(lately) >= self._storm.most:
                key = storms[0].key if storms else digest(["storm", self._sink, str(now_ms), home])
        if key not in self._incidents:
            stormy = key != home
            self._incidents[key] = Incident(key, stormy)
            self.storms += stormy
        return key


def _same_life(before: Alert, alert: Alert) -> bool:
    """Return whether an alert goes on with another severity."""
    return (before.fingerprint, before.starts_at_ms) == (alert.fingerprint, alert.starts_at_ms)


def settled(ledger: Ledger, alerts: Sequence[Alert], done: Sequence[bool]) -> Ledger:
    """Return the ledger that remembers which transitions of a delivery are done; if none is, those before."""
    digests = tuple(transition_digest(alert) for alert, was in zip(alerts, done, strict=True) if was)
    return replace(ledger, last=digests) if digests else ledger
