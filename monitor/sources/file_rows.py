"""Reads the rows of one file as JSON bytes with row number, timestamp and partition, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from monitor.duck import connect
from monitor.errors import SurroundingsError
from monitor.sources.file_settings import FilesSpec
from monitor.sources.lines import read_lines
from monitor.types import IntArray

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_COMPRESSIONS = (".gz", ".zst", ".bz2", ".lz4", ".br")
_LINES = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a file: their numbers, JSON bytes, times in ms (-1 = none) and partition labels (or None)."""

    numbers: IntArray
    values: pa.BinaryArray
    timestamps_ms: IntArray
    labels: pa.StringArray | None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.numbers)

    def take(self, rows: IntArray) -> Rows:
        """Return some of the rows."""
        index = pa.array(rows)
        labels = None if self.labels is None else self.labels.take(index)
        return Rows(self.numbers[rows], self.values.take(index), self.timestamps_ms[rows], labels)

    def slice(self, first: int, last: int) -> Rows:
        """Return the rows from `first` up to `last`, without a copy."""
        labels = None if self.labels is None else self.labels[first:last]
        return Rows(self.numbers[first:last], self.values[first:last], self.timestamps_ms[first:last], labels)


def kind_of(path: Path) -> str:
    """Return `lines`, `csv` or `parquet` by the name's suffix; raises SurroundingsError for any other."""
    suffixes = path.suffixes[:-1] if path.suffix in _COMPRESSIONS else path.suffixes
    suffix = suffixes[-1].lower() if suffixes else ""
    if suffix in _LINES:
        return "lines"
    if suffix in (".csv", ".tsv", ".parquet"):
        return "parquet" if suffix == ".parquet" else "csv"
    raise SurroundingsError(f"{path}: not a kind of file that can be read; name it .jsonl, .csv or .parquet (or .gz)")


def read_rows(path: Path, spec: FilesSpec) -> Iterator[Rows]:
    """Yield the rows of a file in their order; raises SurroundingsError for one that is missing or malformed."""
    # A row group of a Parquet file may be large.
    connection = connect("SET memory_limit='80%'", reads=[path])
    try:
        if kind_of(path) == "lines":
            for numbers, values in read_lines(path):
                yield _read_columns(connection, numbers, values, spec)
        else:
            yield from _query(connection, path, spec)
    except (OSError, duckdb.Error) as error:
        raise SurroundingsError(f"{path} cannot be read: {error}") from error
    finally:
        connection.close()


def _read_columns(
    connection: duckdb.DuckDBPyConnection, numbers: IntArray, values: pa.BinaryArray, spec: FilesSpec
) -> Rows:
    """Return JSON lines with the columns that the configuration names; a line that is no JSON has none."""
    if spec.timestamp_column is None and spec.partition_column is None:
        return Rows(numbers, values, np.full(len(numbers), -1, np.int64), None)
    document = "TRY(TRY(decode(line))::JSON)"
    time = f"{document} ->> {_text(spec.timestamp_column)}" if spec.timestamp_column else "NULL"
    label = f"{document} ->> {_text(spec.partition_column)}" if spec.partition_column else "NULL"
    lines = pa.table({"line": values})
    connection.register("lines", lines)
    found = connection.sql(
        f"SELECT coalesce({_milliseconds(time, spec)}, -1) AS time_ms, {label} AS label FROM lines"  # noqa: S608
    ).to_arrow_table()
    return Rows(numbers, values, _times(found), _labels(found, spec))


def _query(connection: duckdb.DuckDBPyConnection, path: Path, spec: FilesSpec) -> Iterator[Rows]:
    """Yield the rows of a CSV or Parquet file, each made a JSON object of its columns."""
    table = _table(path, spec)
    columns = {name: str(kind) for name, kind, *_ in connection.sql(f"DESCRIBE FROM {table}").fetchall()}
    for wanted in (spec.timestamp_column, spec.partition_column):
        if wanted is not None and wanted not in columns:
            raise SurroundingsError(f"{path} has no column {wanted}; it has {', '.join(columns)}")
    fields = ", ".join(f"{_name(name)} := {_json_value(name, kind)}" for name, kind in columns.items())
    time = f"{_name(spec.timestamp_column)}::VARCHAR" if spec.timestamp_column else "NULL"
    label = f"{_name(spec.partition_column)}::VARCHAR" if spec.partition_column else "NULL"
    reader = connection.sql(
        f"SELECT encode(to_json(struct_pack({fields}))::VARCHAR) AS line, "  # noqa: S608 - names are quoted
        f"coalesce({_milliseconds(time, spec)}, -1) AS time_ms, {label} AS label FROM {table}"
    ).to_arrow_reader(min(spec.max_poll_records, 20_000))
    number = 0
    for batch in reader:
        numbers = np.arange(number, number + len(batch), dtype=np.int64)
        number += len(batch)
        found = pa.Table.from_batches([batch])
        yield Rows(numbers, batch.column("line"), _times(found), _labels(found, spec))


def _table(path: Path, spec: FilesSpec) -> str:
    """Return the SQL that reads the file; the types of a CSV's columns come from all of its rows."""
    if kind_of(path) == "parquet":
        return f"read_parquet({_text(str(path))})"
    nulls = "[" + ", ".join(_text(value) for value in spec.null_values) + "]"
    types = "{" + ", ".join(f"{_text(name)}: {_text(kind)}" for name, kind in spec.column_types.items()) + "}"
    fixed = f", types={types}" if spec.column_types else ""
    return f"read_csv({_text(str(path))}, sample_size=-1, nullstr={nulls}{fixed})"


def _json_value(name: str, kind: str) -> str:
    """Return the SQL for a column's value in JSON: times get the form that everybody reads."""
    if kind.startswith("TIMESTAMP"):
        return f"strftime(make_timestamp(epoch_us({_name(name)})), '%Y-%m-%dT%H:%M:%S.%fZ')"
    return _name(name)


def _milliseconds(text: str, spec: FilesSpec) -> str:
    """Return the SQL for milliseconds since the epoch from a text: a number in the configured unit, or a date."""
    number = f"TRY_CAST({text} AS DECIMAL(38, 9)) * 1000 / {_PER_SECOND[spec.timestamp_unit]}"
    return f"coalesce(TRY_CAST(floor({number}) AS BIGINT), epoch_ms(TRY_CAST({text} AS TIMESTAMPTZ)))"


def _times(table: pa.Table) -> IntArray:
    times: IntArray = table.column("time_ms").to_numpy().astype(np.int64, copy=False)
    return times


def _labels(table: pa.Table, spec: FilesSpec) -> Any:
    return table.column("label").combine_chunks().cast(pa.string()) if spec.partition_column else None


def _text(value: str | None) -> str:
    """Return an SQL string."""
    return "'" + str(value).replace("'", "''") + "'"


def _name(value: str | None) -> str:
    """Return an SQL identifier."""
    return '"' + str(value).replace('"', '""') + '"'
