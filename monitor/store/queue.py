"""The writer's side of the outbox: its tables, and how transitions are queued in the checkpoint's transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from monitor.types import Alert

_TABLES = (
    """CREATE TABLE IF NOT EXISTS outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        sink TEXT NOT NULL, fingerprint TEXT NOT NULL, severity TEXT NOT NULL, status TEXT NOT NULL,
        alert TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, next_attempt_ms INTEGER NOT NULL DEFAULT 0, error TEXT,
        since_ms INTEGER NOT NULL DEFAULT 0, held TEXT,
        UNIQUE (sink, fingerprint, severity, status))""",
    "CREATE INDEX IF NOT EXISTS outbox_order ON outbox (sink, id)",
    """CREATE TABLE IF NOT EXISTS firing (
        fingerprint TEXT NOT NULL, severity TEXT NOT NULL, alert TEXT NOT NULL,
        since_ms INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (fingerprint, severity)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS told (
        sink TEXT NOT NULL, fingerprint TEXT NOT NULL, severity TEXT NOT NULL,
        PRIMARY KEY (sink, fingerprint, severity)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS refused (
        id INTEGER PRIMARY KEY, sink TEXT NOT NULL, alert TEXT NOT NULL, error TEXT NOT NULL)""",
)
_ADDED = (
    ("outbox", "since_ms", "INTEGER NOT NULL DEFAULT 0"),
    ("outbox", "held", "TEXT"),
    ("firing", "since_ms", "INTEGER NOT NULL DEFAULT 0"),
)
"""Columns that stores of earlier versions lack."""
_INSERT = "INSERT INTO outbox (sink, fingerprint, severity, status, alert, since_ms) VALUES (?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True)
class SinkRoute:
    """A sink by name, the least severity it is told about, and how long an alert of each must have fired before."""

    name: str
    min_severity: Literal["warning", "critical"] = "warning"
    warning_after_ms: int = 0
    critical_after_ms: int = 0

    def takes(self, alert: Alert) -> bool:
        """Whether the alert is severe enough for the sink."""
        return self.min_severity == "warning" or alert.severity == "critical"

    def after_ms(self, alert: Alert) -> int:
        """Return how long the alert must have fired before the sink is told."""
        return self.critical_after_ms if alert.severity == "critical" else self.warning_after_ms


def create_tables(connection: sqlite3.Connection) -> None:
    """Create what is missing; neither begins nor ends a transaction."""
    for statement in _TABLES:
        connection.execute(statement)
    for table, column, kind in _ADDED:
        known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})").fetchall()}
        if column not in known:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


def put(
    connection: sqlite3.Connection,
    sinks: Sequence[SinkRoute],
    alerts: Sequence[Alert],
    *,
    collapse: bool = False,
    now_ms: int = 0,
) -> None:
    """Queue transitions, in order, in the caller's transaction, and keep the table of what fires.

    `now_ms` is the wall clock, from which the age of an alert counts (0: it is as old as can be).

    With `collapse` (catching up after downtime) only the final state is sent: a trigger and a resolve that both
    still wait cancel out, and a sink hears of the end of an alert only if it may have heard of its beginning.
    """
    ended: dict[tuple[str, int], int] = {}
    for alert in alerts:
        text = json.dumps(asdict(alert), separators=(",", ":"))
        key = alert.identity
        since_ms = now_ms
        if alert.status == "firing":
            # what began as a warning has fired since then, also once it is critical
            since_ms = ended.get((alert.fingerprint, alert.starts_at_ms), now_ms)
            connection.execute("INSERT OR REPLACE INTO firing VALUES (?, ?, ?, ?)", (*key, text, since_ms))
        else:
            query = "DELETE FROM firing WHERE fingerprint = ? AND severity = ? RETURNING since_ms"
            for (began_ms,) in connection.execute(query, key).fetchall():
                ended[alert.fingerprint, alert.starts_at_ms] = began_ms
        for sink in sinks:
            told = alert.status == "resolved" and _is_told(connection, sink.name, alert)
            if collapse:
                other = "resolved" if alert.status == "firing" else "firing"
                _withdraw(connection, sink.name, alert, other)
            # whoever was told of the beginning hears of the end, even if `min_severity` has been raised since
            if told or (sink.takes(alert) and not (collapse and alert.status == "resolved")):
                replaced = _withdraw(connection, sink.name, alert, alert.status)
                if replaced and alert.status == "firing" and not _is_told(connection, sink.name, alert):
                    # the end of a beginning that was never handed out and now never will be
                    _withdraw(connection, sink.name, alert, "resolved")
                connection.execute(_INSERT, (sink.name, *key, alert.status, text, since_ms))


def _is_told(connection: sqlite3.Connection, sink: str, alert: Alert) -> bool:
    """Return whether the sink may have seen the trigger of this alert and has not yet seen its end."""
    query = "SELECT 1 FROM told WHERE sink = ? AND fingerprint = ? AND severity = ?"
    return connection.execute(query, (sink, *alert.identity)).fetchone() is not None


def _withdraw(connection: sqlite3.Connection, sink: str, alert: Alert, status: str) -> bool:
    """Take back what waits for the sink with this alert's identity and that status; return whether anything did."""
    query = "DELETE FROM outbox WHERE sink = ? AND fingerprint = ? AND severity = ? AND status = ?"
    return connection.execute(query, (sink, *alert.identity, status)).rowcount > 0
