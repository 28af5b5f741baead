"""Between JSON records and the columns that faults are applied to: only what changed is written anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.duck import connect
from monitor.types import IntArray, MaskArray

_NUMBERS = frozenset({"number", "integer"})
_NULL = '"driftline-dope-null-4f1b"'
"""Stands for null while a record is written: a merge patch takes null for `remove`."""
_WHOLE = 9e18
_NUMERIC = "('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE')"


class Records:
    """Reads fields out of JSON records, and writes new values of one field into them. Use in one thread."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        """Take the paths of scalar fields with their types; paths that begin with $ are not in the record."""
        self._fields = {path: kind for path, kind in fields.items() if not path.startswith("$")}
        self._connection = connect()

    def table(self, values: pa.BinaryArray) -> pa.Table:
        """Return a column a field: numbers as doubles, everything else as text; null where there is none such."""
        columns = ", ".join(f"{_read(path, kind)} AS f{n}" for n, (path, kind) in enumerate(self._fields.items()))
        if not columns:
            return pa.table({})
        query = f"SELECT {columns} FROM (SELECT {_document('value')} AS doc FROM records)"  # noqa: S608 - paths are quoted
        found = self._ask(query, {"value": values})
        return found.rename_columns(list(self._fields))

    def written(self, values: pa.BinaryArray, path: str, column: pa.Array) -> pa.BinaryArray:
        """Return the records with other values of one field; what is no JSON object stays as it is."""
        pointer = _pointer(path)
        if self._fields[path] in _NUMBERS:
            whole = f"new = floor(new) AND abs(new) < {_WHOLE:g}"
            token = f"CASE WHEN {whole} THEN new::BIGINT::VARCHAR ELSE new::VARCHAR END"
        else:  # a category may be written as a number or a boolean
            kind = f"json_type(doc, {pointer})"
            plain = f"{kind} <> 'VARCHAR' AND json_type(TRY(new::JSON)) = {kind}"
            token = f"CASE WHEN {plain} THEN new ELSE to_json(new)::VARCHAR END"
        names = path.split(".")
        before = "".join("{" + json.dumps(name) + ":" for name in names)
        patch = f"({_text(before)} || coalesce({token}, {_text(_NULL)}) || {_text('}' * len(names))})::JSON"
        merged = f"replace(json_merge_patch(doc, {patch})::VARCHAR, {_text(_NULL)}, 'null')"
        query = (
            f"SELECT CASE WHEN json_type(doc) = 'OBJECT' THEN encode({merged}) ELSE value END AS value "  # noqa: S608
            f"FROM (SELECT value, new, {_document('value')} AS doc FROM records)"
        )
        return self._ask(query, {"value": values, "new": column})["value"].combine_chunks().cast(pa.binary())

    def _ask(self, query: str, columns: Mapping[str, Any]) -> pa.Table:
        self._connection.register("records", pa.table(dict(columns)))
        found = self._connection.sql(query).to_arrow_table()
        self._connection.unregister("records")
        return found


def changed(before: pa.Array, after: pa.Array) -> IntArray:
    """Return the rows in which two columns differ; null is equal to null."""
    differ = pc.fill_null(pc.not_equal(before, after), fill_value=False).to_numpy(zero_copy_only=False)
    gone: MaskArray = before.is_null().to_numpy(zero_copy_only=False) != after.is_null().to_numpy(zero_copy_only=False)
    return np.flatnonzero(differ | gone)


def _document(value: str) -> str:
    return f"TRY(TRY(decode({value}))::JSON)"


def _read(path: str, kind: str) -> str:
    pointer = _pointer(path)
    if kind in _NUMBERS:
        return f"CASE WHEN json_type(doc, {pointer}) IN {_NUMERIC} THEN TRY_CAST(doc ->> {pointer} AS DOUBLE) END"
    return f"doc ->> {pointer}"


def _pointer(path: str) -> str:
    """Return the JSON pointer to a field as an SQL string."""
    return _text("".join("/" + name.replace("~", "~0").replace("/", "~1") for name in path.split(".")))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
