"""What a store says of alerts, read without its lock and without changing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from monitor.alerting.silence import Silence
from monitor.errors import SurroundingsError
from monitor.store.held import all_firing, held_counts
from monitor.store.silences import kept
from monitor.types import Alert


@dataclass(frozen=True)
class StoredAlerts:
    """The state of the monitor as it was saved (None: never), what fires, what is held for whom, and the silences."""

    monitor: bytes | str | None
    firing: tuple[Alert, ...]
    held: Mapping[tuple[str, str], list[tuple[str, str]]]
    silences: tuple[Silence, ...]


def stored_alerts(path: Path, now_ms: int) -> StoredAlerts:
    """Return what the file says, all of it as of one moment; raises SurroundingsError when it cannot be read."""
    if not path.is_file():
        raise SurroundingsError(f"there is no store {path}; check store.path, or start the daemon")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as db:
            db.execute("BEGIN")
            row = db.execute("SELECT value FROM meta WHERE key = 'monitor'").fetchone()
            return StoredAlerts(
                None if row is None else row[0], tuple(all_firing(db)), held_counts(db), tuple(kept(db, now_ms))
            )
    except sqlite3.Error as error:
        raise SurroundingsError(f"the store {path} cannot be read: {error}; start the daemon, and ask it") from error
