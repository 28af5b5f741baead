"""Which triggers in the outbox are held, and which of them cancel out with the end of their alert."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from monitor.types import Alert

_TRIGGERS = """SELECT id, alert, since_ms, held,
    (SELECT resolve.since_ms FROM outbox AS resolve WHERE resolve.sink = item.sink
        AND (resolve.fingerprint, resolve.severity) = (item.fingerprint, item.severity)
        AND resolve.status = 'resolved' AND resolve.id > item.id)
    FROM outbox AS item WHERE sink = ? AND status = 'firing' ORDER BY id"""

_CANCEL = """DELETE FROM outbox WHERE (sink, fingerprint, severity) = (?, ?, ?) AND status = 'resolved'
    AND NOT EXISTS (SELECT 1 FROM told WHERE (told.sink, told.fingerprint, told.severity)
        = (outbox.sink, outbox.fingerprint, outbox.severity))"""


@dataclass(frozen=True)
class Trigger:
    """A trigger that waits: since when its alert fires, and until when if it has ended (wall clock)."""

    alert: Alert
    since_ms: int
    ended_at_ms: int | None = None


Holding = Callable[[Sequence[Trigger], Sequence[Alert]], Sequence[str | None]]
"""For each of the triggers why it is held (None: it is not), given all alerts that fire."""


def nothing_held(triggers: Sequence[Trigger], _firing: Sequence[Alert]) -> Sequence[str | None]:
    """Hold nothing."""
    return [None] * len(triggers)


@lru_cache(maxsize=10_000)
def decode(text: str) -> Alert:
    """Return the alert that was queued; remembered, since one that is held is looked at again and again."""
    return Alert(**json.loads(text))


def all_firing(connection: sqlite3.Connection) -> list[Alert]:
    """Return the alerts that fire."""
    rows = connection.execute("SELECT alert FROM firing ORDER BY fingerprint, severity")
    return [decode(text) for (text,) in rows.fetchall()]


def note_held(connection: sqlite3.Connection, sink: str, holding: Holding) -> None:
    """Mark what is held of a sink's triggers, in the caller's transaction.

    A trigger that is or was held and whose alert has ended since is withdrawn, and with it the end, unless the sink
    may have been told of the beginning before: then it hears of the end, whatever is held.
    """
    rows = connection.execute(_TRIGGERS, (sink,)).fetchall()
    if not rows:
        return
    triggers = [Trigger(decode(text), since_ms, ended_ms) for _, text, since_ms, _, ended_ms in rows]
    held = holding(triggers, all_firing(connection))
    for (number, _, _, before, ended_ms), trigger, now in zip(rows, triggers, held, strict=True):
        if ended_ms is not None and (now or before):
            connection.execute("DELETE FROM outbox WHERE id = ?", (number,))
            connection.execute(_CANCEL, (sink, *trigger.alert.identity))
        elif now != before:
            connection.execute("UPDATE outbox SET held = ? WHERE id = ?", (now, number))


def held_counts(connection: sqlite3.Connection) -> Mapping[tuple[str, str], list[tuple[str, str]]]:
    """Return the identities (fingerprint, severity) of what is held, by sink and reason, as last marked."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    query = "SELECT sink, held, fingerprint, severity FROM outbox WHERE held IS NOT NULL ORDER BY id"
    for sink, reason, fingerprint, severity in connection.execute(query).fetchall():
        found.setdefault((sink, reason), []).append((fingerprint, severity))
    return found


def told_to(connection: sqlite3.Connection, sink: str) -> set[tuple[str, str]]:
    """Return the identities of the alerts that a sink may have seen the trigger of."""
    return set(connection.execute("SELECT fingerprint, severity FROM told WHERE sink = ?", (sink,)).fetchall())


def note_told(connection: sqlite3.Connection, sink: str, alerts: Sequence[Alert]) -> None:
    """Note that a sink may know of these alerts from now on, so that it hears of their end in any case."""
    told = [(sink, *alert.identity) for alert in alerts]
    connection.executemany("INSERT OR IGNORE INTO told VALUES (?, ?, ?)", told)
