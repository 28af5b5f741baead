"""A DuckDB connection that can do nothing but compute: no files, no network, no settings changed later."""

from __future__ import annotations

import duckdb
import pyarrow as pa

_LOCKDOWN = (
    "SET enable_external_access=false",
    "SET python_enable_replacements=false",
    "SET autoinstall_known_extensions=false",
    "SET TimeZone='UTC'",
    "SET lock_configuration=true",
)


def connect() -> duckdb.DuckDBPyConnection:
    """Return a locked-down in-memory connection for one thread.

    One DuckDB thread each: on batches of this size a second one inside a query does not pay, a second
    connection in another Python thread does.
    """
    connection = duckdb.connect(":memory:", config={"threads": 1})
    for statement in _LOCKDOWN:
        connection.execute(statement)
    return connection


def query(connection: duckdb.DuckDBPyConnection, sql: str, values: pa.Array, *params: object) -> pa.Table:
    """Run `sql` over the one-column table `batch(v)` of `values` and return the result."""
    connection.register("batch", pa.table({"v": values}))
    try:
        return connection.sql(sql, params=list(params)).to_arrow_table()
    finally:
        connection.unregister("batch")
