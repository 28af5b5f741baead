"""The store: an SQLite file in which one transaction makes a checkpoint durable, whole or not at all."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from monitor.checkpoint import Checkpoint, StoredEvent
from monitor.errors import Retryable, StoreError, SurroundingsError
from monitor.store.outbox import SinkRoute, create_tables, put
from monitor.types import TopicPartition

FORMAT = 1
_FILE = "driftline.sqlite3"
_META = "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
_TABLES = (
    """CREATE TABLE IF NOT EXISTS partitions (
        topic TEXT NOT NULL, partition INTEGER NOT NULL, head BLOB NOT NULL,
        PRIMARY KEY (topic, partition)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS panes (
        topic TEXT NOT NULL, partition INTEGER NOT NULL, start_ms INTEGER NOT NULL, state BLOB NOT NULL,
        PRIMARY KEY (topic, partition, start_ms))""",
    """CREATE TABLE IF NOT EXISTS windows (
        end_ms INTEGER PRIMARY KEY, start_ms INTEGER NOT NULL, windows INTEGER NOT NULL, rows INTEGER NOT NULL,
        revised_rows INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL, lines TEXT NOT NULL, profile BLOB)""",
    """CREATE TABLE IF NOT EXISTS memory (
        check_key TEXT NOT NULL, block TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (check_key, block))""",
    "CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, line TEXT NOT NULL)",
)
_PRUNE_EVERY = 100
_PAGE_BYTES = 16_384
"""Panes and windows of a wide monitor are megabytes, which are written in less than half the time in such pages."""
_BUSY_TIMEOUT_S = 10.0


def file_in(directory: Path) -> Path:
    """Return the SQLite file of a store's directory."""
    return directory / _FILE


class Store:
    """The daemon's side of the store, on a connection of its own; one process at a time holds its lock.

    WAL with `synchronous = NORMAL`: a crash of the process loses nothing committed; a crash of the machine
    may lose the last commits, but always offsets and statistics together, so nothing is counted twice.
    """

    def __init__(self, directory: Path | str) -> None:
        """Open or create the store; raises SurroundingsError when it is locked or not writable."""
        self.directory = Path(directory)
        self._commits = 0
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._lock = locked(self.directory / "lock")
        except OSError as error:
            raise self._unusable(error) from error
        try:
            # Not bound to this thread: whoever opens the store hands it to the data thread.
            self._db = sqlite3.connect(
                self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            self._lock.close()
            raise self._unusable(error) from error
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _unusable(self, error: Exception) -> SurroundingsError:
        message = f"the store in {self.directory} cannot be opened: {error}; check store.path and its permissions"
        return SurroundingsError(message)

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return file_in(self.directory)

    def _open(self) -> None:
        """Create what is missing; raises StoreError for a file that is damaged or not ours."""
        try:
            with _surroundings(self.path):
                # Of a new file; one that exists keeps its own. Before WAL, which fixes it.
                self._db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")
            with self._transaction() as db:
                db.execute(_META)
                db.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (str(FORMAT),))
            found = self.get("format")
            if found not in (str(FORMAT), str(FORMAT).encode()):
                raise StoreError(
                    f"{self.path} has format {found!r}, this version reads {FORMAT}; "
                    "use the program that wrote it, or move it away to start afresh"
                )
            with self._transaction() as db:
                for statement in _TABLES:
                    db.execute(statement)
                create_tables(db)
        except Retryable as error:
            raise self._unusable(error) from error

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return what a query finds; raises Retryable when disk or lock do not allow it, StoreError on damage."""
        with _surroundings(self.path):
            return self._db.execute(query, values).fetchall()

    def get(self, key: str) -> bytes | str | None:
        """Return a value kept under a name, None when there is none."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def put(self, values: Mapping[str, str | bytes]) -> None:
        """Keep values under names; raises Retryable when the disk or a lock does not allow it."""
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))

    def head(self, partition: TopicPartition) -> bytes | None:
        """Return the stored head of a partition."""
        rows = self._rows("SELECT head FROM partitions WHERE (topic, partition) = (?, ?)", partition)
        return rows[0][0] if rows else None

    def heads(self) -> dict[TopicPartition, bytes]:
        """Return the stored heads of all partitions."""
        rows = self._rows("SELECT topic, partition, head FROM partitions ORDER BY topic, partition")
        return {TopicPartition(topic, partition): head for topic, partition, head in rows}

    def panes(self, partition: TopicPartition) -> dict[int, bytes]:
        """Return the stored open panes of a partition by their start."""
        query = "SELECT start_ms, state FROM panes WHERE (topic, partition) = (?, ?) ORDER BY start_ms"
        return {start: state for start, state in self._rows(query, partition)}  # noqa: C416 - rows are tuples of Any

    def memory(self) -> dict[tuple[str, str], bytes]:
        """Return the stored blocks of what checks remember, by the check's key and the block's name."""
        rows = self._rows("SELECT check_key, block, content FROM memory ORDER BY check_key, block")
        return {(check, block): content for check, block, content in rows}

    def windows(self, *, from_ms: int = 0, limit: int = 1_000_000) -> Iterator[tuple[int, int, int, int, int, str]]:
        """Yield (start, end, windows, rows, revised rows, lines) of the judged windows, oldest first."""
        query = """SELECT start_ms, end_ms, windows, rows, revised_rows, lines FROM windows
            WHERE end_ms > ? ORDER BY end_ms LIMIT ?"""
        with _surroundings(self.path):
            yield from self._db.execute(query, (from_ms, limit))

    def window_profiles(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield (start, end, merged profile) of the judged windows that had rows, oldest first."""
        with _surroundings(self.path):
            yield from self._db.execute(
                "SELECT start_ms, end_ms, profile FROM windows WHERE profile IS NOT NULL ORDER BY end_ms"
            )

    def events(self, *, limit: int = 1_000_000) -> list[StoredEvent]:
        """Return the last events, oldest first."""
        rows = self._rows("SELECT at_ms, line FROM events ORDER BY id DESC LIMIT ?", (limit,))
        return [StoredEvent(at_ms, line) for at_ms, line in reversed(rows)]

    def commit(
        self, checkpoint: Checkpoint, sinks: Sequence[SinkRoute] = (), *, collapse: bool = False, now_ms: int = 0
    ) -> None:
        """Make a checkpoint durable; raises Retryable, and then nothing of it is stored. `now_ms`: see `put`."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('monitor', ?)", (checkpoint.monitor,))
            if checkpoint.configuration is not None:
                db.execute("INSERT OR REPLACE INTO meta VALUES ('configuration', ?)", (checkpoint.configuration,))
            db.executemany(
                "INSERT OR REPLACE INTO partitions VALUES (?, ?, ?)",
                [(*partition, head) for partition, head in checkpoint.heads.items()],
            )
            dropped = [(*tp, start) for (tp, start), state in checkpoint.panes.items() if state is None]
            db.executemany("DELETE FROM panes WHERE (topic, partition, start_ms) = (?, ?, ?)", dropped)
            kept = [(*tp, start, state) for (tp, start), state in checkpoint.panes.items() if state is not None]
            db.executemany("INSERT OR REPLACE INTO panes VALUES (?, ?, ?, ?)", kept)
            gone = [key for key, content in checkpoint.memory.items() if content is None]
            db.executemany("DELETE FROM memory WHERE (check_key, block) = (?, ?)", gone)
            blocks = [(*key, content) for key, content in checkpoint.memory.items() if content is not None]
            db.executemany("INSERT OR REPLACE INTO memory VALUES (?, ?, ?)", blocks)
            rows = [
                (w.end_ms, w.start_ms, w.windows, w.rows, len(w.lines) + len(w.profile or b""), w.lines, w.profile)
                for w in checkpoint.windows
            ]
            db.executemany(
                """INSERT OR REPLACE INTO windows (end_ms, start_ms, windows, rows, bytes, lines, profile)
                VALUES (?, ?, ?, ?, ?, ?, ?)""",
                rows,
            )
            # Windows judged after the rows came hold them already, and are not revised by them.
            db.executemany(
                """UPDATE windows SET revised_rows = revised_rows + ?
                WHERE start_ms <= ? AND end_ms > ? AND end_ms <= ?""",
                [(n, start, start, judged_ms) for (start, judged_ms), n in checkpoint.revised.items()],
            )
            events = [(event.at_ms, event.line) for event in checkpoint.events]
            db.executemany("INSERT INTO events (at_ms, line) VALUES (?, ?)", events)
            put(db, sinks, checkpoint.alerts, collapse=collapse, now_ms=now_ms)
        self._commits += 1

    def prune(self, before_ms: int, max_bytes: int) -> None:
        """Forget the windows that ended before `before_ms`, then the oldest until `max_bytes` are kept.

        Does its work every hundredth call only.
        """
        if self._commits % _PRUNE_EVERY:
            return
        with self._transaction() as db:
            db.execute("DELETE FROM windows WHERE end_ms < ?", (before_ms,))
            # The newest says what is in force, however long ago it came.
            db.execute("DELETE FROM events WHERE at_ms < ? AND id < (SELECT max(id) FROM events)", (before_ms,))
            db.execute(
                """DELETE FROM windows WHERE end_ms IN (SELECT end_ms FROM (
                    SELECT end_ms, sum(bytes) OVER (ORDER BY end_ms DESC) AS kept FROM windows) WHERE kept > ?)""",
                (max_bytes,),
            )

    def close(self) -> None:
        """Close the file and give the lock back; may be called twice."""
        self._db.close()
        self._lock.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _surroundings(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has rolled it back already
                    self._db.execute("ROLLBACK")
                raise


@contextmanager
def _surroundings(path: Path) -> Iterator[None]:
    """Turn a locked, full or unreadable database into Retryable, a damaged one into StoreError."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Retryable(f"the store {path} is unavailable: {error}") from error
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:  # its subclasses are bugs of ours
            raise
        raise StoreError(f"{path} is damaged: {error}; move it away to start afresh") from error


def locked(path: Path) -> TextIO:
    """Return the open lock file, held until it is closed or the process ends, however it ends."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise SurroundingsError(
            f"another process uses the store {path.parent}; one process judges a monitor"
        ) from error
    return file
