"""What a sink was told of incidents, in tables of their own in the store's file: see `monitor.incidents`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from monitor.incidents import Incident, Ledger, Member
from monitor.store.connecting import Beside
from monitor.types import Alert

_TABLES = (
    """CREATE TABLE IF NOT EXISTS incidents (
        sink TEXT NOT NULL, key TEXT NOT NULL, facts TEXT NOT NULL,
        PRIMARY KEY (sink, key)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS incident_members (
        sink TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, severity TEXT NOT NULL,
        home TEXT NOT NULL, alert TEXT NOT NULL,
        PRIMARY KEY (sink, key, fingerprint, severity)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS incident_sinks (
        sink TEXT PRIMARY KEY, facts TEXT NOT NULL) WITHOUT ROWID""",
)


class IncidentTable:
    """The ledger of one sink, on a connection of its own; to be used by one thread at a time.

    Only what has changed is written. Every method raises Retryable when the database is locked for too long or the
    disk fails.
    """

    def __init__(self, path: Path | str, sink: str) -> None:
        """Open the SQLite file and create the tables that are missing."""
        self._sink = sink
        self._written = Ledger()
        self._file = Beside(path, "what sinks were told is")
        with self._file.writing() as db:
            for statement in _TABLES:
                db.execute(statement)

    def load(self) -> Ledger:
        """Return the ledger as it was written last."""
        db = self._file.connection
        with self._file.reading():
            incidents = db.execute("SELECT key, facts FROM incidents WHERE sink = ?", (self._sink,)).fetchall()
            query = "SELECT key, fingerprint, severity, home, alert FROM incident_members WHERE sink = ?"
            members = db.execute(query, (self._sink,)).fetchall()
            query = "SELECT facts FROM incident_sinks WHERE sink = ?"
            facts = db.execute(query, (self._sink,)).fetchone()
        of: dict[str, dict[tuple[str, str], Member]] = {key: {} for key, _ in incidents}
        for key, fingerprint, severity, home, alert in members:
            of[key][fingerprint, severity] = Member(Alert(**json.loads(alert)), home)
        found = {key: _incident(key, json.loads(text), of[key]) for key, text in incidents}
        own = json.loads(facts[0]) if facts is not None else {}
        self._written = Ledger(found, tuple(own.get("opened_ms", ())), tuple(own.get("last", ())))
        return self._written

    def write(self, ledger: Ledger) -> None:
        """Make the ledger durable, in one transaction."""
        before = self._written
        if ledger == before:
            return
        with self._file.writing() as db:
            for key in before.incidents.keys() - ledger.incidents.keys():
                db.execute("DELETE FROM incidents WHERE (sink, key) = (?, ?)", (self._sink, key))
                db.execute("DELETE FROM incident_members WHERE (sink, key) = (?, ?)", (self._sink, key))
            for key, incident in ledger.incidents.items():
                if (old := before.incidents.get(key)) is not incident:
                    self._write_incident(db, old, incident)
            facts = _json({"opened_ms": ledger.opened_ms, "last": ledger.last})
            db.execute("INSERT OR REPLACE INTO incident_sinks VALUES (?, ?)", (self._sink, facts))
        self._written = ledger

    def close(self) -> None:
        """Close the connection; may be called twice."""
        self._file.close()

    def _write_incident(self, db: sqlite3.Connection, old: Incident | None, incident: Incident) -> None:
        """Write an incident, and those of its members that have changed."""
        facts = {
            "storm": incident.storm,
            "told": None if incident.told is None else asdict(incident.told),
            "told_at_ms": incident.told_at_ms,
            "handed": incident.handed,
            "closing": incident.closing,
            "news": incident.news,
        }
        db.execute("INSERT OR REPLACE INTO incidents VALUES (?, ?, ?)", (self._sink, incident.key, _json(facts)))
        known: Mapping[tuple[str, str], Member] = {} if old is None else old.members
        gone = known.keys() - incident.members.keys()
        delete = "DELETE FROM incident_members WHERE (sink, key, fingerprint, severity) = (?, ?, ?, ?)"
        db.executemany(delete, [(self._sink, incident.key, *key) for key in gone])
        db.executemany(
            "INSERT OR REPLACE INTO incident_members VALUES (?, ?, ?, ?, ?, ?)",
            [
                (self._sink, incident.key, *key, member.home, _json(asdict(member.alert)))
                for key, member in incident.members.items()
                if known.get(key) is not member
            ],
        )


def _incident(key: str, facts: Mapping[str, Any], members: Mapping[tuple[str, str], Member]) -> Incident:
    told = facts["told"]
    return Incident(
        key,
        facts["storm"],
        members,
        None if told is None else Alert(**told),
        facts["told_at_ms"],
        facts["handed"],
        facts["closing"],
        facts["news"],
    )


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
