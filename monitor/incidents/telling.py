"""What a sink has to be told, from what its ledger says that it knows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from monitor.incidents.ledger import Incident, Ledger
from monitor.incidents.words import message
from monitor.types import Alert

UPDATE_MS = 5 * 60_000
"""A storm that goes on is told again at most so often."""


@dataclass(frozen=True)
class Message:
    """Something to tell of an incident: an ordinary alert with the identity of the incident."""

    key: str
    alert: Alert


def messages(ledger: Ledger, touched: Collection[str], now_ms: int, *, updates: bool) -> Iterator[Message]:
    """Yield what has to be told: of the incidents that were touched, and of those left open by a crash or a failure.

    A trigger when an incident begins, and another one when it gets worse; a resolve when its last alert is over.
    `updates`: also a trigger when alerts join it, for receivers to whom a second one is no second page.
    """
    for key, incident in ledger.incidents.items():
        alert = _due(incident, key in touched, now_ms, updates=updates)
        if alert is not None:
            yield Message(key, alert)


def _due(incident: Incident, touched: bool, now_ms: int, *, updates: bool) -> Alert | None:  # noqa: FBT001
    """Return what has to be told of an incident now."""
    told, firing = incident.told, incident.firing
    if not firing:
        heard_of = told is not None or incident.handed or (touched and incident.news)
        return message(incident, "resolved") if heard_of else None
    begins = incident.closing or (told is None and (touched or incident.handed))
    worse = told is not None and told.severity == "warning" and firing[0].severity == "critical"
    if incident.storm:
        since_ms = now_ms - incident.told_at_ms
        joined = told is not None and incident.news and not 0 <= since_ms < UPDATE_MS
    else:
        joined = told is not None and incident.news and updates
    return message(incident, "firing") if begins or worse or joined else None


def update_interval_ms(ledger: Ledger) -> int | None:
    """Return in what time a storm that has grown is told again; None when there is none."""
    grown = any(each.storm and each.news and each.told is not None for each in ledger.incidents.values())
    return UPDATE_MS if grown else None


def handed_out(ledger: Ledger, told: Collection[Message]) -> Ledger:
    """Return the ledger that says that these messages are on their way."""
    incidents = dict(ledger.incidents)
    for item in told:
        closing = item.alert.status == "resolved"
        incident = incidents[item.key]
        incidents[item.key] = replace(
            incident, handed=incident.handed or not closing, closing=incident.closing or closing
        )
    return replace(ledger, incidents=incidents)


def taken(ledger: Ledger, item: Message, now_ms: int) -> Ledger:
    """Return the ledger after the receiver took a message; an incident that it knows to be over is forgotten."""
    if item.alert.status == "resolved":
        return replace(ledger, incidents={key: kept for key, kept in ledger.incidents.items() if key != item.key})
    known = replace(
        ledger.incidents[item.key], told=item.alert, told_at_ms=now_ms, handed=True, closing=False, news=False
    )
    return replace(ledger, incidents={**ledger.incidents, item.key: known})


def refused(ledger: Ledger, before: Ledger, item: Message, now_ms: int) -> Ledger:
    """Return the ledger after the receiver refused a message for good.

    One that it never knew of is tried again when something else happens in it; else it knows as much as it ever will.
    """
    was = before.incidents.get(item.key)
    if item.alert.status == "firing" and (was is None or was.told is None):
        handed = was is not None and was.handed
        unknown = replace(ledger.incidents[item.key], handed=handed, news=False)
        return replace(ledger, incidents={**ledger.incidents, item.key: unknown})
    return taken(ledger, item, now_ms)


def tidied(ledger: Ledger) -> Ledger:
    """Return the ledger without the incidents that are over and that the receiver never knew of."""
    kept = {
        key: incident
        for key, incident in ledger.incidents.items()
        if incident.told is not None or incident.handed or incident.firing
    }
    return replace(ledger, incidents=kept)
