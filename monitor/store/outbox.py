"""Where notifications wait for their sinks: written with the checkpoint, read by the dispatcher.

For each sink, fingerprint and severity (the severity is a label, so the identity that a sink knows) there
wait at most one trigger and one resolve. A newer one takes the older one's place and goes to the end of the
queue, so the last state always arrives last; nothing else is ever dropped. Its size is therefore bounded by
2 x sinks x severities x fingerprints.

Four tables: `outbox`, what waits; `firing`, what fires now, for sinks that want to be told again; `told`,
which triggers a sink may have seen (noted before they are handed out, so also after a crash); `refused`, the
last notifications that a sink refused for good.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from monitor.errors import Retryable
from monitor.types import Alert

REFUSED_KEPT = 1_000
LONGEST_WAIT_MS = 6 * 3_600_000
_BUSY_TIMEOUT_S = 10.0

_TABLES = (
    """CREATE TABLE IF NOT EXISTS outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        sink TEXT NOT NULL, fingerprint TEXT NOT NULL, severity TEXT NOT NULL, status TEXT NOT NULL,
        alert TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, next_attempt_ms INTEGER NOT NULL DEFAULT 0, error TEXT,
        UNIQUE (sink, fingerprint, severity, status))""",
    "CREATE INDEX IF NOT EXISTS outbox_order ON outbox (sink, id)",
    """CREATE TABLE IF NOT EXISTS firing (
        fingerprint TEXT NOT NULL, severity TEXT NOT NULL, alert TEXT NOT NULL,
        PRIMARY KEY (fingerprint, severity)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS told (
        sink TEXT NOT NULL, fingerprint TEXT NOT NULL, severity TEXT NOT NULL,
        PRIMARY KEY (sink, fingerprint, severity)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS refused (
        id INTEGER PRIMARY KEY, sink TEXT NOT NULL, alert TEXT NOT NULL, error TEXT NOT NULL)""",
)

# An item waits behind an earlier one of its alert that is postponed. A time further ahead than any wait was
# written before the wall clock was set back, and does not count.
_DUE = """SELECT id, alert, attempts FROM outbox AS item
    WHERE sink = :sink AND next_attempt_ms NOT BETWEEN :now_ms + 1 AND :now_ms + :longest_ms
    AND NOT EXISTS (
        SELECT 1 FROM outbox AS earlier
        WHERE earlier.sink = item.sink AND earlier.fingerprint = item.fingerprint AND earlier.id < item.id
        AND earlier.next_attempt_ms BETWEEN :now_ms + 1 AND :now_ms + :longest_ms)
    ORDER BY id LIMIT :limit"""

_FIRING = """SELECT alert FROM firing WHERE NOT EXISTS (
        SELECT 1 FROM outbox WHERE outbox.sink = ? AND outbox.fingerprint = firing.fingerprint
        AND outbox.severity = firing.severity AND outbox.status = 'firing')
    ORDER BY fingerprint, severity"""


@dataclass(frozen=True)
class SinkRoute:
    """A sink by name and the least severity it is told about."""

    name: str
    min_severity: Literal["warning", "critical"] = "warning"

    def takes(self, alert: Alert) -> bool:
        """Whether the alert is severe enough for the sink."""
        return self.min_severity == "warning" or alert.severity == "critical"


@dataclass(frozen=True)
class Waiting:
    """A notification that is due; `id` grows with every one ever queued and is never used twice."""

    id: int
    alert: Alert
    attempts: int


@dataclass(frozen=True)
class Refused:
    """A notification that its sink refused for good, and why."""

    sink: str
    alert: Alert
    error: str


def create_tables(connection: sqlite3.Connection) -> None:
    """Create what is missing; neither begins nor ends a transaction."""
    for statement in _TABLES:
        connection.execute(statement)


def put(
    connection: sqlite3.Connection, sinks: Sequence[SinkRoute], alerts: Sequence[Alert], *, collapse: bool = False
) -> None:
    """Queue transitions, in order, in the caller's transaction, and keep the table of what fires.

    With `collapse` (catching up after downtime) only the final state is sent: a trigger and a resolve that both
    still wait cancel out, and a sink hears of the end of an alert only if it may have heard of its beginning.
    """
    for alert in alerts:
        text = json.dumps(asdict(alert), separators=(",", ":"))
        key = (alert.fingerprint, alert.severity)
        if alert.status == "firing":
            connection.execute("INSERT OR REPLACE INTO firing VALUES (?, ?, ?)", (*key, text))
        else:
            connection.execute("DELETE FROM firing WHERE fingerprint = ? AND severity = ?", key)
        for sink in sinks:
            told = alert.status == "resolved" and _is_told(connection, sink.name, alert)
            if collapse:
                other = "resolved" if alert.status == "firing" else "firing"
                _withdraw(connection, sink.name, alert, other)
            # whoever was told of the beginning hears of the end, even if `min_severity` has been raised since
            if told or (sink.takes(alert) and not (collapse and alert.status == "resolved")):
                _withdraw(connection, sink.name, alert, alert.status)
                connection.execute(
                    "INSERT INTO outbox (sink, fingerprint, severity, status, alert) VALUES (?, ?, ?, ?, ?)",
                    (sink.name, *key, alert.status, text),
                )


def _is_told(connection: sqlite3.Connection, sink: str, alert: Alert) -> bool:
    """Return whether the sink may have seen the trigger of this alert and has not yet seen its end."""
    query = "SELECT 1 FROM told WHERE sink = ? AND fingerprint = ? AND severity = ?"
    return connection.execute(query, (sink, alert.fingerprint, alert.severity)).fetchone() is not None


def _withdraw(connection: sqlite3.Connection, sink: str, alert: Alert, status: str) -> None:
    """Take back what waits for the sink with this alert's identity and that status."""
    connection.execute(
        "DELETE FROM outbox WHERE sink = ? AND fingerprint = ? AND severity = ? AND status = ?",
        (sink, alert.fingerprint, alert.severity, status),
    )


def _decode(text: str) -> Alert:
    """Return the alert that was queued."""
    return Alert(**json.loads(text))


class Outbox:
    """The dispatcher's side, on a connection of its own; to be used by one thread at a time.

    Every method raises Retryable when the database is locked for too long or the disk fails.
    """

    def __init__(self, path: Path | str) -> None:
        """Open the SQLite file and create the tables that are missing."""
        with _surroundings():
            # not bound to this thread: whoever opens it hands it to the dispatcher's thread
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
        with self._transaction() as connection:
            create_tables(connection)

    def due(self, sink: str, now_ms: int, limit: int) -> list[Waiting]:
        """Return at most `limit` notifications for a sink whose time has come, oldest first.

        One more where it is of the same alert as the last and `limit` is not 1: the resolve and the trigger of a
        change of severity stay together, so that a sink can see that the alert goes on.
        Notes that the sink may know of them, so that from now on the end of these alerts is sent in any case.
        Writes nothing when there is nothing.
        """
        with _surroundings():
            if self._connection.execute("SELECT 1 FROM outbox WHERE sink = ? LIMIT 1", (sink,)).fetchone() is None:
                return []
        one_more = limit + (limit > 1)
        query = {"sink": sink, "now_ms": now_ms, "longest_ms": LONGEST_WAIT_MS, "limit": one_more}
        with self._transaction() as connection:
            rows = connection.execute(_DUE, query).fetchall()
            waiting = [Waiting(number, _decode(text), attempts) for number, text, attempts in rows]
            if len(waiting) > limit and waiting[-1].alert.fingerprint != waiting[-2].alert.fingerprint:
                waiting.pop()
            told = [(sink, w.alert.fingerprint, w.alert.severity) for w in waiting if w.alert.status == "firing"]
            connection.executemany("INSERT OR IGNORE INTO told VALUES (?, ?, ?)", told)
        return waiting

    def next_due_ms(self, sink: str, now_ms: int) -> int | None:
        """Return when the next notification for a sink that waits for its time is due; None when none does."""
        with _surroundings():
            (found,) = self._connection.execute(
                "SELECT MIN(next_attempt_ms) FROM outbox WHERE sink = ? AND next_attempt_ms > ?", (sink, now_ms)
            ).fetchone()
        return None if found is None else int(found)

    def delivered(self, ids: Sequence[int]) -> None:
        """Remove what was delivered; an item that was replaced since has another id and stays."""
        with self._transaction() as connection:
            for number in sorted(ids):
                row = connection.execute(
                    "DELETE FROM outbox WHERE id = ? RETURNING sink, fingerprint, severity, status", (number,)
                ).fetchone()
                if row is None:
                    continue
                if row[3] == "firing":
                    connection.execute("INSERT OR IGNORE INTO told VALUES (?, ?, ?)", row[:3])
                else:
                    connection.execute("DELETE FROM told WHERE (sink, fingerprint, severity) = (?, ?, ?)", row[:3])

    def postpone(self, ids: Sequence[int], next_attempt_ms: int, error: str) -> None:
        """Keep the items for a later attempt and note why."""
        update = "UPDATE outbox SET attempts = attempts + 1, next_attempt_ms = ?, error = ? WHERE id = ?"
        with self._transaction() as connection:
            connection.executemany(update, [(next_attempt_ms, error, number) for number in ids])

    def refuse(self, ids: Sequence[int], error: str) -> None:
        """Move the items to the table of the refused, which keeps the last REFUSED_KEPT."""
        with self._transaction() as connection:
            move = "INSERT INTO refused (sink, alert, error) SELECT sink, alert, ? FROM outbox WHERE id = ?"
            connection.executemany(move, [(error, number) for number in sorted(ids)])
            connection.executemany("DELETE FROM outbox WHERE id = ?", [(number,) for number in ids])
            connection.execute("DELETE FROM refused WHERE id <= (SELECT MAX(id) FROM refused) - ?", (REFUSED_KEPT,))

    def refused(self) -> list[Refused]:
        """Return the last refused notifications, oldest first."""
        with _surroundings():
            rows = self._connection.execute("SELECT sink, alert, error FROM refused ORDER BY id").fetchall()
        return [Refused(sink, _decode(text), error) for sink, text, error in rows]

    def sizes(self) -> dict[str, int]:
        """Return how many notifications wait for each sink that has any, also for one no longer configured."""
        with _surroundings():
            return dict(self._connection.execute("SELECT sink, COUNT(*) FROM outbox GROUP BY sink").fetchall())

    def firing(self, sink: str = "") -> list[Alert]:
        """Return the alerts that fire; for a sink, without those whose trigger still waits for it."""
        with _surroundings():
            return [_decode(text) for (text,) in self._connection.execute(_FIRING, (sink,)).fetchall()]

    def close(self) -> None:
        """Close the connection; may be called twice."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block in a write transaction, taken at once: one that read first could not wait for a writer."""
        with _surroundings(), self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection


@contextmanager
def _surroundings() -> Iterator[None]:
    """Turn a locked, full or unreadable database into Retryable."""
    try:
        yield
    except sqlite3.OperationalError as error:
        message = f"the outbox is unavailable: {error}"
        raise Retryable(message) from error
