"""A DuckDB connection that can do nothing but compute: no files, no network, no settings changed later."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

MEMORY_LIMIT = "1GiB"
"""What one connection's buffers may take; DuckDB's own default is four fifths of the machine."""

_LOCKDOWN = (
    "SET enable_external_access=false",
    "SET python_enable_replacements=false",
    "SET autoinstall_known_extensions=false",
    "SET autoload_known_extensions=false",
    "SET allow_community_extensions=false",
    "SET allow_persistent_secrets=false",
    "SET TimeZone='UTC'",
)


def connect(*settings: str, reads: Sequence[Path] = ()) -> duckdb.DuckDBPyConnection:
    """Return a locked-down in-memory connection for one thread; Arrow streams can still be registered with it.

    Further `settings` are SET statements; after them nothing can be set any more. Of all files only `reads` can be
    opened. No more than MEMORY_LIMIT, and nothing goes to disk: a query that needs more fails.

    One DuckDB thread each: on batches of this size a second one inside a query does not pay, a second
    connection in another Python thread does.
    """
    connection = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": MEMORY_LIMIT, "temp_directory": ""})
    if reads:
        paths = ", ".join("'" + str(path).replace("'", "''") + "'" for path in reads)
        connection.execute(f"SET allowed_paths=[{paths}]")
    for statement in (*_LOCKDOWN, *settings, "SET lock_configuration=true"):
        connection.execute(statement)
    return connection


class Feed:
    """An Arrow stream to register under a fixed name, over whatever table was put in last.

    Registered once and for all: a query that is bound to it need not be parsed and bound again for each table.
    """

    def __init__(self, table: pa.Table) -> None:
        """Hold an empty table with the columns that all others have."""
        self._empty = table
        self.table = table

    def clear(self) -> None:
        """Let go of the table."""
        self.table = self._empty

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the table as a stream of batches (the Arrow PyCapsule interface)."""
        return self.table.__arrow_c_stream__(requested_schema)
