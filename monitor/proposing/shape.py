"""Which fields records have, and of which JSON types: the structure of every record, counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.config.paths import checked_path, confusable
from monitor.config.sections import LimitsSpec
from monitor.decoders.duck import Duck, quoted
from monitor.decoders.tokens import pointer
from monitor.types import Fetch, IntArray

MAX_DEPTH = 8
"""Objects nested deeper than this are named in a comment and not taken apart."""
_MOST_ODD = 2_000
_MOST_MEASURED = 2_000
_SHORTEST_VECTOR = 8
"""A shorter array of numbers is sooner a list of things than a point in a space."""
_LONGEST_VECTOR = LimitsSpec().max_vector_dimension
_NEARLY_ALL = 0.9
_STRUCTURE = "SELECT TRY(json_structure(TRY(decode(v)))) FROM bytes"
_NUMBERS = {"UBIGINT": "integer", "BIGINT": "integer", "HUGEINT": "integer", "UHUGEINT": "integer", "DOUBLE": "number"}
_KINDS = {**_NUMBERS, "VARCHAR": "text", "BOOLEAN": "boolean", "NULL": "null"}


@dataclass
class Shape:
    """Rows by dotted path and JSON kind: integer, number, text, boolean, null, array, object, too deep."""

    rows: int = 0
    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    unreachable: Counter[str] = field(default_factory=Counter)
    """Names that no field path can spell, such as one with a dot, and the rows that have them."""
    lengths: dict[str, Counter[int]] = field(default_factory=dict)
    """How long the arrays of numbers are, by path, in some of the rows."""

    def add(self, fetch: Fetch, rows: IntArray, duck: Duck) -> None:
        """Count the structures of some records of a fetch, all of which must be JSON objects."""
        values = fetch.values.take(rows)
        self.rows += len(values)
        structures = duck.ask(_STRUCTURE, values)
        for entry in pc.value_counts(structures):
            structure = json.loads(entry["values"].as_py() or "null")
            if isinstance(structure, dict):
                self._walk(structure, "", entry["counts"].as_py(), 1)
        self._measure(values, duck)
        # DuckDB gives up on records with names that differ only in letter case; of those some are looked at here.
        odd = pc.fill_null(pc.not_equal(pc.utf8_slice_codeunits(structures, 0, 1), "{"), fill_value=True)
        for value in values.filter(odd)[:_MOST_ODD].to_pylist():
            structure = _structure(_parsed(value))
            if isinstance(structure, dict):
                self._walk(structure, "", 1, 1)

    def _measure(self, values: pa.BinaryArray, duck: Duck) -> None:
        """Count the lengths of the arrays of numbers at the paths that have any, in some of the records."""
        paths = [path for path, counts in self.kinds.items() if counts["numbers"] and "*" not in path]
        sample = values[:_MOST_MEASURED]
        if not paths or not len(sample):
            return
        pointers = ", ".join(quoted(pointer(path)) for path in paths)
        asked = f"SELECT TRY(json_array_length(TRY(decode(v)), [{pointers}])) FROM bytes"  # noqa: S608 - quoted
        found = duck.ask(asked, sample).flatten().fill_null(0).to_numpy().reshape(-1, len(paths))
        for column, path in zip(found.T, paths, strict=True):
            lengths, counts = np.unique(column[column > 0], return_counts=True)
            self.lengths.setdefault(path, Counter()).update(dict(zip(lengths.tolist(), counts.tolist(), strict=True)))

    def _walk(self, node: Mapping[str, Any], prefix: str, n: int, depth: int) -> None:
        for name, inner in node.items():
            path = prefix + name
            if not _reachable(name, path):
                self.unreachable[path] += n
                continue
            kinds = self.kinds.setdefault(path, Counter())
            if isinstance(inner, dict):
                kinds["object" if depth < MAX_DEPTH else "too deep"] += n
                if depth < MAX_DEPTH:
                    self._walk(inner, f"{path}.", n, depth + 1)
            else:
                kinds[_array(inner) if isinstance(inner, list) else _KINDS.get(inner, "mixed")] += n


@dataclass(frozen=True)
class Leaf:
    """A path that can be a field: what most of its values are, and what else was seen there."""

    path: str
    kind: str
    """`number`, `integer`, `boolean`, `text` or `vector`."""
    counts: Mapping[str, int]
    present: int
    """Rows that have the path, null or not."""
    dimension: int | None = None
    """How many numbers nearly all arrays have, of a vector."""


def leaves(shape: Shape) -> tuple[list[Leaf], dict[str, str]]:
    """Return the possible fields in the order first seen, and why each other path is none.

    Of two paths that the decoder could not tell apart the more frequent one stays.
    """
    found: list[Leaf] = []
    left_out = {
        path: f"in {n:,} rows; its name cannot be written as a field path" for path, n in shape.unreachable.items()
    }
    for path, counts in shape.kinds.items():
        scalars = {kind: counts[kind] for kind in ("integer", "number", "text", "boolean") if counts[kind]}
        numbers = counts["integer"] + counts["number"]
        dimension = _dimension(shape, path)
        if dimension is not None:
            found.append(Leaf(path, "vector", dict(counts), counts.total(), dimension))
            continue
        arrays = counts["array"] + counts["numbers"]
        nested = counts["object"] + arrays + counts["too deep"] + counts["mixed"]
        most = max(numbers, counts["text"], counts["boolean"])
        if not scalars or nested > most:
            if arrays + counts["mixed"] + counts["too deep"] >= max(counts["object"], 1):
                kind = "an array" if arrays else "nested too deeply" if counts["too deep"] else "of mixed kinds"
                why = "only arrays of 8 numbers or more, all of one length, have statistics"
                left_out[path] = f"{kind} in {nested:,} of {shape.rows:,} rows; {why}"
            elif not counts["object"]:
                left_out[path] = f"null in all {counts['null']:,} rows that have it"
            continue
        if numbers == most:
            kind = "number" if counts["number"] else "integer"
        else:
            kind = "text" if counts["text"] == most else "boolean"
        found.append(Leaf(path, kind, dict(counts), counts.total()))
    frequent = sorted((leaf.path for leaf in found), key=lambda p: -shape.kinds[p].total())
    clashing = {path: f"cannot be told apart from {other}: {why}" for path, other, why in confusable(frequent)}
    return [leaf for leaf in found if leaf.path not in clashing], left_out | clashing


def _dimension(shape: Shape, path: str) -> int | None:
    """Return how long nearly all values at a path are that are arrays of numbers; None where they are no vectors."""
    counts, lengths = shape.kinds[path], shape.lengths.get(path)
    if not lengths or counts["numbers"] < _NEARLY_ALL * (counts.total() - counts["null"]):
        return None
    length, n = lengths.most_common(1)[0]
    return length if _SHORTEST_VECTOR <= length <= _LONGEST_VECTOR and n >= _NEARLY_ALL * lengths.total() else None


def _array(inner: list[Any]) -> str:
    """Return whether the structure of an array is that of numbers only."""
    return "numbers" if len(inner) == 1 and isinstance(inner[0], str) and inner[0] in _NUMBERS else "array"


def _parsed(value: bytes) -> Any:
    """Return the JSON value of a record, None where Python's parser will not have it."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _structure(value: Any) -> Any:
    """Return the structure of a parsed value, as DuckDB would have spelled it."""
    if isinstance(value, dict):
        return {name: _structure(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return ["DOUBLE"] if value and all(map(_is_number, value)) else []
    if isinstance(value, bool) or value is None:
        return "NULL" if value is None else "BOOLEAN"
    return "VARCHAR" if isinstance(value, str) else "BIGINT" if isinstance(value, int) else "DOUBLE"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _reachable(name: str, path: str) -> bool:
    """Return whether a field path can lead to this name."""
    if "." in name or path.startswith("$"):
        return False
    try:
        checked_path(path)
    except ValueError:
        return False
    return True
