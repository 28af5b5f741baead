"""The judged windows that a store keeps, read without its lock and without changing it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from monitor.checkpoint import StoredWindow
from monitor.errors import DAMAGE, SurroundingsError
from monitor.protocols import State


def stored_windows(path: Path) -> Iterator[StoredWindow]:
    """Yield the windows, oldest first, as of one moment; raises SurroundingsError when the file cannot be read."""
    query = "SELECT start_ms, end_ms, windows, rows, lines, profile FROM windows ORDER BY end_ms"
    for row in _rows(path, query):
        yield StoredWindow(*row)


def observed_values(path: Path) -> State:
    """Return the values of segments that were observed, by field, as of now; raises SurroundingsError likewise."""
    try:
        monitors = [json.loads(value) for (value,) in _rows(path, "SELECT value FROM meta WHERE key = 'monitor'")]
    except DAMAGE as error:
        raise SurroundingsError(f"the store {path} is damaged: {error}") from error
    return next((dict(found.get("observed", {})) for found in monitors), {})


def _rows(path: Path, query: str) -> Iterator[tuple[Any, ...]]:
    if not path.is_file():
        raise SurroundingsError(f"there is no store {path}; check store.path, or give --input or --from")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as db:
            yield from db.execute(query)
    except sqlite3.Error as error:
        raise SurroundingsError(f"the store {path} cannot be read: {error}") from error
