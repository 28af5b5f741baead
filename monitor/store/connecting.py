"""Connections beside that of the checkpoint to the store's file: each for itself, all in the same way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from monitor.errors import Retryable


class Beside:
    """A connection to the store's SQLite file for one purpose, which `what` names in its errors.

    A database that is locked for longer than `timeout_s`, a full disk or a file that cannot be read is Retryable.
    """

    def __init__(
        self,
        path: Path | str,
        what: str,
        *,
        timeout_s: float = 10.0,
        synchronous: Literal["NORMAL", "FULL"] = "NORMAL",
    ) -> None:
        """Open the file, in WAL; not bound to this thread, whoever opens it hands it to the one that works with it."""
        self._what = what
        with self.reading():
            self.connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute(f"PRAGMA synchronous = {synchronous}")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn a locked, full or unreadable database into Retryable."""
        try:
            yield
        except sqlite3.OperationalError as error:
            message = f"{self._what} unavailable: {error}"
            raise Retryable(message) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Run the block in a write transaction, taken at once: one that read first could not wait for a writer."""
        with self.reading(), self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection

    def close(self) -> None:
        """Close the connection; may be called twice."""
        self.connection.close()
