"""Reads the values of a file in bounded memory: one a line, or one column of CSV, JSON lines or Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json
import pyarrow.parquet as pq

from monitor.checks.fitting import Misfit, did_you_mean

MAX_FILE_BYTES = 1 << 30
"""A file of more is refused: it would take minutes to read at every start."""
_COMPRESSED = (".gz", ".zst", ".bz2", ".lz4", ".br")
_NO_CHARACTER = "\x1f"


class UnfitFile(ValueError):  # noqa: N818 - what a user's file is, not a failure of ours
    """A file from which no values can be had; `misfit` says which setting, what is wrong and the remedy."""

    def __init__(self, setting: str, message: str, remedy: str) -> None:
        """Keep the misfit."""
        super().__init__(f"{setting}: {message}; {remedy}")
        self.misfit = Misfit(setting, message, remedy)


def read_values(file: str, column: str | None) -> Iterator[Any]:
    """Yield Arrow arrays of the values, nulls left out: of a column, or of the lines of a file without columns.

    Values of CSV and of lines are texts as they stand, not trimmed; empty ones are left out. Raises UnfitFile
    when the file is missing, empty, too large or malformed, or does not have the column.
    """
    path = Path(file)
    kind = _kind(path, column)
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise UnfitFile("file", f"{file} has {size} bytes, more than {MAX_FILE_BYTES}", "use a smaller file")
        if size == 0:
            raise UnfitFile("file", f"{file} is empty", "write the values into it")
        for chunk in _READERS[kind](path, column):
            yield _told(chunk)
    except OSError as error:
        reason = error.strerror or str(error).splitlines()[0]
        raise UnfitFile("file", f"{file} cannot be read: {reason}", "check the path and its rights") from error
    except KeyError as error:
        names = error.args[0]
        message = f"{file} has no column {column}; it has {', '.join(names)}"
        raise UnfitFile(
            "column", message, did_you_mean(str(column), names).replace(" to fields", " to the file")
        ) from error
    except pa.ArrowException as error:
        message = f"{file} cannot be read as {kind}: {str(error).splitlines()[0]}"
        raise UnfitFile("file", message, "repair it, or name it by what it is") from error


def _kind(path: Path, column: str | None) -> str:
    """Return `csv`, `jsonl`, `parquet` or `lines`, by the name's suffix."""
    suffixes = path.suffixes[:-1] if path.suffix in _COMPRESSED else path.suffixes
    suffix = suffixes[-1].lower() if suffixes else ""
    kinds = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet"} | dict.fromkeys(
        (".jsonl", ".ndjson", ".json"), "jsonl"
    )
    kind = kinds.get(suffix, "lines")
    if kind == "lines" and column is not None:
        raise UnfitFile("column", f"{path} has lines and no columns", "leave it out, or name the file .csv or .jsonl")
    if kind != "lines" and column is None:
        raise UnfitFile("column", f"which column of {path} has the values is not said", "add `column: NAME`")
    return kind


def _told(values: Any) -> Any:
    """Return the values that are there as they are compared: text as strings, numbers as they are."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    values = values.drop_null()
    if pa.types.is_boolean(values.type) or pa.types.is_large_string(values.type) or pa.types.is_null(values.type):
        values = values.cast(pa.string())
    if pa.types.is_string(values.type):
        return values.filter(pc.not_equal(values, ""))
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return values
    raise pa.ArrowInvalid(f"values of type {values.type} are neither text nor numbers")


def _lines(path: Path, _: str | None) -> Iterator[Any]:
    yield from _csv_column(path, "value", pa_csv.ReadOptions(column_names=["value"]), _NO_CHARACTER, quoted=False)


def _csv(path: Path, column: str | None) -> Iterator[Any]:
    tabs = ".tsv" in path.suffixes
    yield from _csv_column(path, str(column), pa_csv.ReadOptions(), "\t" if tabs else ",", quoted=True)


def _csv_column(path: Path, column: str, options: pa_csv.ReadOptions, delimiter: str, *, quoted: bool) -> Iterator[Any]:
    with pa.input_stream(str(path)) as stream:
        reader = pa_csv.open_csv(
            stream,
            read_options=options,
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, quote_char='"' if quoted else False, newlines_in_values=quoted
            ),
            convert_options=pa_csv.ConvertOptions(column_types={column: pa.string()}, strings_can_be_null=False),
        )
        yield from (batch.column(_found(column, batch.schema)) for batch in reader)


def _jsonl(path: Path, column: str | None) -> Iterator[Any]:
    with pa.input_stream(str(path)) as stream:
        for batch in pa_json.open_json(stream):
            yield batch.column(_found(str(column), batch.schema))


def _parquet(path: Path, column: str | None) -> Iterator[Any]:
    with pq.ParquetFile(path) as file:
        _found(str(column), file.schema_arrow)
        yield from (batch.column(0) for batch in file.iter_batches(columns=[column]))


def _found(column: str, schema: pa.Schema) -> int:
    """Return the column's number; raises KeyError with the names that there are."""
    index: int = schema.get_field_index(column)
    if index < 0:
        raise KeyError(schema.names)
    return index


_READERS = {"lines": _lines, "csv": _csv, "jsonl": _jsonl, "parquet": _parquet}
