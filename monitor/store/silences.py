"""Where silences are kept: in the file of the checkpoint, so they survive what alerts survive."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

from monitor.alerting.matching import Matcher
from monitor.alerting.silence import Silence, TooManySilences
from monitor.store.connecting import Beside

KEPT_MS = 5 * 86_400_000
"""How long one that has ended is still listed."""
_BUSY_TIMEOUT_S = 5.0
_TABLE = """CREATE TABLE IF NOT EXISTS silences (
    id TEXT PRIMARY KEY, matchers TEXT NOT NULL, starts_at_ms INTEGER NOT NULL, ends_at_ms INTEGER NOT NULL,
    reason TEXT NOT NULL, author TEXT NOT NULL, created_at_ms INTEGER NOT NULL) WITHOUT ROWID"""
_COLUMNS = "id, matchers, starts_at_ms, ends_at_ms, reason, author, created_at_ms"


class Silences:
    """The silences on a connection of their own, beside those of the checkpoint and the outbox; for any thread.

    At most `limit` that have not ended, and as many again that have; the oldest of these go first, at the latest
    KEPT_MS after their end. Every method raises Retryable when the database is locked for too long or the disk fails.
    """

    def __init__(self, path: Path | str, *, limit: int = 500) -> None:
        """Open the SQLite file and create the table where it is missing."""
        self._limit = limit
        self._lock = threading.Lock()
        # not NORMAL: who was told that a silence is in force must find it after a power cut
        self._file = Beside(path, "the silences are", timeout_s=_BUSY_TIMEOUT_S, synchronous="FULL")
        with self._file.reading():
            self._file.connection.execute(_TABLE)

    def all(self, now_ms: int) -> list[Silence]:
        """Return the silences that are kept, the latest end first."""
        with self._lock, self._file.reading():
            return kept(self._file.connection, now_ms)

    def allow(self, limit: int) -> None:
        """Keep at most so many from the next one on; for any thread."""
        self._limit = limit

    def add(self, silence: Silence, now_ms: int) -> None:
        """Keep a silence; raises TooManySilences when there is no room."""
        matchers = json.dumps([[m.name, m.operator, m.value] for m in silence.matchers])
        row = (silence.id, matchers, silence.starts_at_ms, silence.ends_at_ms, silence.reason, silence.author)
        with self._lock, self._file.writing() as db:
            self._prune(db, now_ms)
            (n,) = db.execute("SELECT COUNT(*) FROM silences WHERE ends_at_ms > ?", (now_ms,)).fetchone()
            if n >= self._limit:
                raise TooManySilences(f"there are {n} silences, as many as limits.max_silences allows")
            db.execute("INSERT INTO silences VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, silence.created_at_ms))

    def expire(self, silence_id: str, now_ms: int) -> Silence | None:
        """End a silence now and return it as it is then; None when there is none of this id.

        One that has ended already stays as it is; one that has not begun ends as it begins.
        """
        with self._lock, self._file.writing() as db:
            row = db.execute(f"SELECT {_COLUMNS} FROM silences WHERE id = ?", (silence_id,)).fetchone()  # noqa: S608
            if row is None:
                return None
            found = _silence(row)
            if found.ends_at_ms <= now_ms:
                return found
            ended = replace(found, starts_at_ms=min(found.starts_at_ms, now_ms), ends_at_ms=now_ms)
            update = "UPDATE silences SET starts_at_ms = ?, ends_at_ms = ? WHERE id = ?"
            db.execute(update, (ended.starts_at_ms, ended.ends_at_ms, silence_id))
        return ended

    def close(self) -> None:
        """Close the connection; may be called twice."""
        with self._lock:
            self._file.close()

    def _prune(self, db: sqlite3.Connection, now_ms: int) -> None:
        """Forget what ended long ago, and of the rest that has ended all but the latest `limit`."""
        db.execute("DELETE FROM silences WHERE ends_at_ms <= ?", (now_ms - KEPT_MS,))
        newest = "SELECT id FROM silences WHERE ends_at_ms <= :now ORDER BY ends_at_ms DESC, id LIMIT :kept"
        db.execute(
            f"DELETE FROM silences WHERE ends_at_ms <= :now AND id NOT IN ({newest})",  # noqa: S608 - constants
            {"now": now_ms, "kept": self._limit},
        )


def kept(connection: sqlite3.Connection, now_ms: int) -> list[Silence]:
    """Return the silences that are kept, the latest end first."""
    query = f"SELECT {_COLUMNS} FROM silences WHERE ends_at_ms > ? ORDER BY ends_at_ms DESC, id"  # noqa: S608
    return [_silence(row) for row in connection.execute(query, (now_ms - KEPT_MS,)).fetchall()]


def _silence(row: tuple[str, str, int, int, str, str, int]) -> Silence:
    matchers = tuple(Matcher(*each) for each in json.loads(row[1]))
    return Silence(row[0], matchers, *row[2:])
