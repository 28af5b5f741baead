"""A DuckDB connection that can do nothing but compute: no files, no network, no settings changed later."""

from __future__ import annotations

from functools import lru_cache

import duckdb
import pyarrow as pa

from monitor.duck import connect
from monitor.errors import SurroundingsError

_REMEMBERED = 64
"""So many questions are kept bound; a decoder has three or four, and one for each set of fields that held NULLs."""


class _Feed:
    """An Arrow stream under a fixed name, over whatever array was put in last."""

    def __init__(self, kind: pa.DataType) -> None:
        """Hold an empty array of `kind`."""
        self._empty = pa.array([], kind)
        self.values = self._empty

    def clear(self) -> None:
        """Let go of the array."""
        self.values = self._empty

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the array as a stream of one-column batches (the Arrow PyCapsule interface)."""
        return pa.table({"v": self.values}).__arrow_c_stream__(requested_schema)


class Duck:
    """A locked-down in-memory connection for one thread, and the one array that it can see.

    One DuckDB thread each: on batches of this size a second one inside a query does not pay, a second
    connection in another Python thread does. The array is registered once and for all and every question
    is bound once: of a query over 500 records, registering and binding were more than half the time.
    """

    def __init__(self) -> None:
        """Open the connection and lock it."""
        connection = connect()
        self._feeds = {"texts": _Feed(pa.string()), "bytes": _Feed(pa.binary())}
        for name, feed in self._feeds.items():
            connection.register(name, feed)
        self._bound = lru_cache(_REMEMBERED)(connection.sql)

    def ask(self, sql: str, values: pa.Array) -> pa.Array:
        """Return the column that `sql` selects from `texts(v)`, or from `bytes(v)` for a binary array.

        There must be one answer for each value. Raises SurroundingsError where there is not, as with DuckDB 1,
        which goes on seeing the first array that it saw.
        """
        feed = self._feeds["bytes" if pa.types.is_binary(values.type) else "texts"]
        feed.values = values
        try:
            answers = self._bound(sql).to_arrow_table().column(0).combine_chunks()
        finally:
            feed.clear()
        if len(answers) != len(values):
            raise SurroundingsError(f"DuckDB {duckdb.__version__} cannot be used; install duckdb 2.0 or later")
        return answers


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
