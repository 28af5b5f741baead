"""What a store holds, read without its lock and without changing it, however old or damaged it is."""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from monitor.codec import decode
from monitor.errors import StoreError, SurroundingsError
from monitor.store.sqlite import FORMAT, file_in

_PROBLEMS = 10
_PARTITIONS = """SELECT p.topic, p.partition, p.head, count(n.start_ms), coalesce(sum(length(n.state)), 0)
    FROM partitions AS p LEFT JOIN panes AS n ON (n.topic, n.partition) = (p.topic, p.partition)
    GROUP BY p.topic, p.partition ORDER BY p.topic, p.partition"""
_WINDOWS = "SELECT count(*), min(start_ms), max(end_ms), coalesce(sum(rows), 0), coalesce(sum(bytes), 0) FROM windows"
_OUTBOX = "SELECT sink, status, count(*), max(attempts), sum(held IS NOT NULL) FROM outbox GROUP BY sink, status"
_HEAD = ("topic_id", "from_offset", "next_offset", "max_event_ms", "records", "rows", "filtered", "late_rows", "missed")
_LINES = {
    "meta": "SELECT key, value FROM meta ORDER BY key",
    "partition": "SELECT topic, partition, head FROM partitions ORDER BY topic, partition",
    "pane": "SELECT topic, partition, start_ms, length(state) AS bytes FROM panes ORDER BY topic, partition, start_ms",
    "memory": "SELECT check_key, block, length(content) AS bytes FROM memory ORDER BY check_key, block",
    "window": "SELECT start_ms, end_ms, windows, rows, lines FROM windows ORDER BY end_ms",
    "event": "SELECT at_ms, line FROM events ORDER BY id",
    "firing": "SELECT severity, alert FROM firing ORDER BY fingerprint, severity",
    "outbox": "SELECT sink, severity, status, attempts, alert FROM outbox ORDER BY id",
    "silence": "SELECT id, matchers, starts_at_ms, ends_at_ms, reason, author FROM silences ORDER BY id",
}
_LACKS = "no such "
_JSON = frozenset({"head", "line", "alert", "matchers"})


def inspected(directory: Path) -> dict[str, Any]:
    """Return what the store in a directory holds, as JSON-able values; what cannot be read says so in its place.

    `problems` is empty for a store that is whole; `lacks` is what an older version had no place for. Raises
    SurroundingsError when there is none.
    """
    path = _existing(directory)
    problems: list[str] = []
    log = path.with_name(path.name + "-wal")
    found: dict[str, Any] = {"path": str(path), "bytes": _size(path), "wal_bytes": _size(log)}
    found["in_use"] = in_use(directory)
    with _reading(path) as db:
        damage = [row[0] for row in _rows(db, f"PRAGMA quick_check({_PROBLEMS})", problems) if row[0] != "ok"]
        problems += [line for text in damage for line in str(text).splitlines() if line]
        stored = {key: value for key, value in _rows(db, "SELECT key, value FROM meta", problems)}  # noqa: C416 - Any
        found["format"] = _text(stored.get("format"))
        if found["format"] not in (None, str(FORMAT)):
            problems.append(f"format {found['format']} is not the one that this version reads, {FORMAT}")
        monitor = _object(stored.get("monitor"), "monitor", problems)
        found["epoch"], found["baseline"] = monitor.get("epoch"), monitor.get("baseline")
        found["partitions"] = [_partition(row, problems) for row in _rows(db, _PARTITIONS, problems)]
        problems += _damaged_panes(db)
        memory = _rows(db, "SELECT check_key, sum(length(content)) FROM memory GROUP BY check_key", problems)
        found["memory"] = [{"of": of, "bytes": size} for of, size in memory]
        for n, first, last, rows, size in _rows(db, _WINDOWS, problems):
            found["windows"] = {"count": n, "first_ms": first, "last_ms": last, "rows": rows, "bytes": size}
        names = ("sink", "status", "waiting", "attempts", "held")
        found["outbox"] = [dict(zip(names, row, strict=True)) for row in _rows(db, _OUTBOX, problems)]
        for name, table in (("alerts_firing", "firing"), ("silences", "silences"), ("events", "events")):
            counted = _rows(db, f"SELECT count(*) FROM {table}", problems)  # noqa: S608 - from the line above
            found[name] = counted[0][0] if counted else None
    lacks = [problem for problem in dict.fromkeys(problems) if problem.startswith(_LACKS)]
    found["lacks"] = lacks
    found["problems"] = [problem for problem in dict.fromkeys(problems) if problem not in lacks]
    if found["format"] is None and not found["problems"]:
        found["problems"] = ["there is no state in it"]
    return found


def exported(directory: Path) -> Iterator[dict[str, Any]]:
    """Yield every row of the store as a JSON-able object with its `kind`; of binary state only the size.

    Alerts, verdicts and the configuration as it is stored hold no secrets. What cannot be read is a line of the kind
    `problem`. Raises SurroundingsError when there is no store.
    """
    with _reading(_existing(directory)) as db:
        for kind, query in _LINES.items():
            try:
                rows = db.execute(query)
                names = [column[0] for column in rows.description]
                for row in rows:
                    yield {"kind": kind} | {name: _plain(name, value) for name, value in zip(names, row, strict=True)}
            except sqlite3.Error as error:
                if kind == "meta" or not str(error).startswith(_LACKS):
                    yield {"kind": "problem", "of": kind, "error": str(error)}


def in_use(directory: Path) -> bool:
    """Return whether a process holds the store's lock."""
    try:
        with (directory / "lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _existing(directory: Path) -> Path:
    path = file_in(directory)
    if not path.is_file():
        raise SurroundingsError(f"there is no store {path}; check store.path")
    return path


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file for reading; raises SurroundingsError when the system does not allow it."""
    try:
        with path.open("rb"):
            pass
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as db:
            yield db
    except (OSError, sqlite3.OperationalError) as error:
        raise SurroundingsError(f"the store {path} cannot be opened: {error}") from error


def _rows(db: sqlite3.Connection, query: str, problems: list[str]) -> list[tuple[Any, ...]]:
    """Return what a query finds; nothing, and a problem more, where the file does not allow it."""
    try:
        return db.execute(query).fetchall()
    except sqlite3.Error as error:
        problems.append(str(error))
        return []


def _damaged_panes(db: sqlite3.Connection) -> Iterator[str]:
    """Yield what is wrong with the open panes, one at a time in memory."""
    try:
        for topic, number, start_ms, state in db.execute("SELECT topic, partition, start_ms, state FROM panes"):
            try:
                decode(state)
            except (StoreError, TypeError) as error:
                yield f"pane {start_ms} of {topic}:{number}: {error}"
    except sqlite3.Error as error:
        yield str(error)


def _partition(row: tuple[Any, ...], problems: list[str]) -> dict[str, Any]:
    """Return what is shown of a partition, and its open panes."""
    topic, number, head, panes, size = row
    found = _object(head, f"head of {topic}:{number}", problems)
    shown = {name: found.get(name) for name in _HEAD}
    rejects = sum(found["rejects"].values()) if isinstance(found.get("rejects"), dict) else None
    return {"topic": topic, "partition": number, **shown, "rejects": rejects, "panes": panes, "pane_bytes": size}


def _object(value: Any, what: str, problems: list[str]) -> dict[str, Any]:
    """Return stored JSON as an object, an empty one where it is none."""
    if value is None:
        return {}
    try:
        found = json.loads(value)
    except (ValueError, TypeError, RecursionError) as error:
        problems.append(f"{what}: {error}")
        return {}
    return found if isinstance(found, dict) else {}


def _plain(name: str, value: Any) -> Any:
    """Return a column's value as JSON has it."""
    if name in _JSON or name == "value":
        try:
            return json.loads(value)
        except (ValueError, TypeError, RecursionError):
            pass
    return _text(value)


def _text(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
