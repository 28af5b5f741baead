"""A DuckDB connection that can do nothing but compute: no files, no network, no settings changed later."""

from __future__ import annotations

import duckdb

_LOCKDOWN = (
    "SET enable_external_access=false",
    "SET python_enable_replacements=false",
    "SET autoinstall_known_extensions=false",
    "SET TimeZone='UTC'",
)


def connect(*settings: str) -> duckdb.DuckDBPyConnection:
    """Return a locked-down in-memory connection for one thread; Arrow streams can still be registered with it.

    Further `settings` are SET statements; after them nothing can be set any more.

    One DuckDB thread each: on batches of this size a second one inside a query does not pay, a second
    connection in another Python thread does.
    """
    connection = duckdb.connect(":memory:", config={"threads": 1})
    for statement in (*_LOCKDOWN, *settings, "SET lock_configuration=true"):
        connection.execute(statement)
    return connection
