"""Takes things out of a store that no daemon uses: all, partitions, offsets or alerts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from monitor.errors import StoreError, SurroundingsError
from monitor.store.sqlite import file_in, locked
from monitor.types import TopicPartition

KEPT_AS = ".before-reset"
"""What is added to the name of a store that was reset whole."""

_ALERT_TABLES = ("outbox", "firing", "told", "refused", "incidents", "incident_members", "incident_sinks")


def reset_all(directory: Path) -> Path:
    """Move the store aside, in the place of one that was moved before; return where it is. Works on any damage.

    Raises SurroundingsError when a daemon uses it or it cannot be moved.
    """
    path = file_in(directory)
    kept = path.with_name(path.name + KEPT_AS)
    try:
        with closing(locked(directory / "lock")):
            for suffix in ("", "-wal", "-shm"):
                kept.with_name(kept.name + suffix).unlink(missing_ok=True)
                part = path.with_name(path.name + suffix)
                if part.exists():
                    part.rename(kept.with_name(kept.name + suffix))
    except OSError as error:
        raise SurroundingsError(f"the store {path} cannot be moved: {error}") from error
    return kept


def reset_partition(directory: Path, partition: TopicPartition, to_offset: int | None, never_ms: int) -> int | None:
    """Forget a partition, or let it go on at `to_offset`; return the offset where it stood, None if it is not stored.

    Forgotten, it begins where the configuration says. Going forward, what is skipped counts as missed. Going back,
    its open panes are dropped, as their rows come again, and so is the time up to which it was read (`never_ms`).
    Rows that checks with a memory have seen are not shown to them twice.
    """
    with _writing(directory) as db:
        row = db.execute("SELECT head FROM partitions WHERE (topic, partition) = (?, ?)", partition).fetchone()
        if row is None:
            return None
        head = _object(row[0], f"the head of {partition.topic}:{partition.partition}")
        at = int(head["next_offset"])
        if to_offset is None:
            db.execute("DELETE FROM partitions WHERE (topic, partition) = (?, ?)", partition)
        else:
            head["missed"] += max(0, to_offset - at)
            head |= {"next_offset": to_offset, "from_offset": min(int(head["from_offset"]), to_offset)}
            if to_offset < at:
                head |= {"max_event_ms": never_ms, "from_offset": to_offset}
            update = "UPDATE partitions SET head = ? WHERE (topic, partition) = (?, ?)"
            db.execute(update, (json.dumps(head).encode(), *partition))
        if to_offset is None or to_offset < at:
            db.execute("DELETE FROM panes WHERE (topic, partition) = (?, ?)", partition)
            _mark_seen(db, partition, at)
        return at


def reset_alerts(directory: Path, book: Mapping[str, Any]) -> int:
    """Forget what fires, what waits and what sinks were told, and put an empty `book` in place; return what fired."""
    with _writing(directory) as db:
        (firing,) = db.execute("SELECT count(*) FROM firing").fetchone()
        there = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in _ALERT_TABLES:
            if table in there:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - one of the above
        _change_monitor(db, lambda monitor: monitor | {"book": dict(book)})
        return int(firing)


def _mark_seen(db: sqlite3.Connection, partition: TopicPartition, at: int) -> None:
    """Note that checks with a memory have seen a partition up to an offset."""

    def marked(monitor: dict[str, Any]) -> dict[str, Any]:
        others = [mark for mark in monitor.get("seen_until", []) if tuple(mark[:2]) != tuple(partition)]
        own = [mark[2] for mark in monitor.get("seen_until", []) if tuple(mark[:2]) == tuple(partition)]
        return monitor | {"seen_until": [*others, [*partition, max([at, *own])]]}

    _change_monitor(db, marked)


def _change_monitor(db: sqlite3.Connection, change: Any) -> None:
    row = db.execute("SELECT value FROM meta WHERE key = 'monitor'").fetchone()
    if row is not None:
        changed = json.dumps(change(_object(row[0], "the state of the monitor"))).encode()
        db.execute("UPDATE meta SET value = ? WHERE key = 'monitor'", (changed,))


def _object(value: Any, what: str) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except (ValueError, TypeError) as error:
        raise StoreError(f"{what} is damaged ({error}); reset the store whole") from error
    if not isinstance(found, dict):
        raise StoreError(f"{what} is damaged; reset the store whole")
    return found


@contextmanager
def _writing(directory: Path) -> Iterator[sqlite3.Connection]:
    """Run the block in one transaction, with the store's lock.

    Raises SurroundingsError when a daemon uses it or there is none, StoreError when it is damaged.
    """
    path = file_in(directory)
    if not path.is_file():
        raise SurroundingsError(f"there is no store {path}; check store.path")
    try:
        with closing(locked(directory / "lock")), closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise SurroundingsError(f"the store {path} cannot be changed: {error}") from error
    except (sqlite3.DatabaseError, KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path} is damaged: {error}; reset it whole") from error
