"""The judged windows that a store keeps, read without its lock and without changing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from monitor.checkpoint import StoredWindow
from monitor.errors import SurroundingsError


def stored_windows(path: Path) -> Iterator[StoredWindow]:
    """Yield the windows, oldest first, as of one moment; raises SurroundingsError when the file cannot be read."""
    if not path.is_file():
        raise SurroundingsError(f"there is no store {path}; check store.path, or give --input or --from")
    query = "SELECT start_ms, end_ms, windows, rows, lines, profile FROM windows ORDER BY end_ms"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as db:
            for row in db.execute(query):
                yield StoredWindow(*row)
    except sqlite3.Error as error:
        raise SurroundingsError(f"the store {path} cannot be read: {error}") from error
