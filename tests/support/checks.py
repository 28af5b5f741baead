"""Batches of made-up columns, and one of every row check that can be configured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from monitor.baseline import BaselineBuilder
from monitor.checks import Reference, RowCheckSpec, misfits, row_checks
from monitor.checks.format import Format
from monitor.checks.reference import NO_REFERENCE
from monitor.compile import reference_of
from monitor.types import Batch, Column, FieldType, MaskArray, TopicPartition

KNOWN_VALUES = Path(__file__).parents[1] / "data" / "known_values.csv"
"""A file of three columns: `number`, of numbers, `name`, of texts, and `empty`, of nothing."""
TEXT_MEASURES = ("words", "sentences", "mixed_scripts", "duplicate_ngrams", "whitespace")
"""One of each way to measure; the oracle tries them all."""
NEEDED: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "allowed": [
        {"values": ["a", 1]},
        {"values": "baseline"},
        {"file": str(KNOWN_VALUES), "column": "number"},
    ],
    "compare": [
        {"op": "<=", "other": "y"},
        {"op": "!=", "other": "y"},
        {"op": ">", "value": 1},
        {"op": "=", "value": "a"},
    ],
    "format": [{"format": name} for name in get_args(Format)],
    "freshness": [{"max_delay": "1ms"}],
    "length": [{"min": 1, "max": 3}],
    "range": [{"min": 0, "max": 1}],
    "referential": [{"file": str(KNOWN_VALUES), "column": "number"}],
    "regex": [{"pattern": "[a-c]+|\\d*"}],
    "sql": [
        {"name": "s", "expression": "x = y OR y IS NULL"},
        {"name": "s", "expression": "CAST(CAST(x AS VARCHAR) AS INT) > 0"},
    ],
    "text": [{"measure": name, "n": 2, "min": 0.25, "max": 0.5} for name in TEXT_MEASURES],
    "time_zone": [{}, {"unit": "iso8601"}],
}
"""What a check of each kind needs besides its field; a kind that is not here needs nothing."""


def column(values: Any, presence: Any = None) -> Column:
    """Return the column of texts or numbers; all usable unless presence says otherwise."""
    kept = values if isinstance(values, pa.Array | np.ndarray) else None
    if kept is None:
        texts = bool(values) and any(isinstance(value, str) for value in values)
        kept = pa.array(values, pa.string()) if texts else np.array(values, np.float64)
    return Column(kept, np.zeros(len(kept), np.uint8) if presence is None else np.array(presence, np.uint8))


def batch(**columns: Any) -> Batch:
    """Return a batch of columns, each given as values, (values, presence) or a Column; at least one."""
    built = {}
    for path, given in columns.items():
        built[path] = (
            given if isinstance(given, Column) else column(*given) if isinstance(given, tuple) else column(given)
        )
    numbers = np.arange(len(next(iter(built.values()))), dtype=np.int64)
    return Batch(TopicPartition("t", 0), numbers, numbers, numbers, built)


def reference_to(**columns: Any) -> Reference:
    """Return what checks read of a baseline of these columns; texts are categories."""
    fields: dict[str, FieldType] = {
        path: "number" if isinstance(given, np.ndarray) else "category" for path, given in columns.items()
    }
    builder = BaselineBuilder(fields, (), max_categories=100, max_rows=10**6)
    builder.add(batch(**columns))
    return reference_of(builder.build())


@cache
def reference(kind: FieldType) -> Reference:
    """Return a reference for fields `x` and `y` of a type."""
    if kind in ("number", "integer"):
        values: Any = np.arange(-100.0, 100.0)
    else:
        values = pa.array(["true"] if kind == "boolean" else ["a", "b", "c", "007"], pa.string())
    return reference_to(x=values, y=values)


def failing(
    spec: Any,
    rows: Batch,
    fields: Mapping[str, FieldType] | None = None,
    reference: Reference = NO_REFERENCE,
) -> tuple[list[bool], list[bool]]:
    """Return who fails and who is evaluated, of a check over columns of the given or the usual types."""
    types = fields or {
        path: "number" if isinstance(c.values, np.ndarray) else "text" for path, c in rows.columns.items()
    }
    failed, evaluated = masks(row_checks([spec], types, reference)[0], rows)
    return failed.tolist(), evaluated.tolist()


def masks(check: Any, rows: Batch) -> tuple[MaskArray, MaskArray]:
    """Return the masks of a check, which are masks of the batch's rows, and no row fails that is not evaluated."""
    failed, evaluated = check.failures(rows)
    assert failed.dtype == evaluated.dtype == np.bool_
    assert failed.shape == evaluated.shape == (len(rows),)
    assert not (failed & ~evaluated).any()
    return failed, evaluated


REMEMBERING = {"duplicates", "foreign_key", "monotonic", "near_duplicates", "sequence"}
"""Kinds that depend on the rows before; they have laws of their own."""


def kinds() -> dict[str, Any]:
    """Return the Spec of every kind of row check that remembers nothing."""
    specs = {get_args(spec.model_fields["kind"].annotation)[0]: spec for spec in get_args(get_args(RowCheckSpec)[0])}
    return {kind: spec for kind, spec in specs.items() if kind not in REMEMBERING}


def cases() -> list[tuple[Any, FieldType]]:
    """Return every row check on fields `x` and `y` of every type that it fits."""
    adapter: TypeAdapter[Any] = TypeAdapter(RowCheckSpec)
    found = []
    for kind, spec in kinds().items():
        for needed in NEEDED.get(kind, [{}]):
            own = {"field": "x"} if "field" in spec.model_fields else {}
            check = adapter.validate_python({"kind": kind, **own, **needed})
            fitting = [name for name in get_args(FieldType) if not list(misfits(check, {"x": name, "y": name}))]
            found += [(check, name) for name in fitting]
    return found


@cache
def built(spec: Any, kind: FieldType) -> Any:
    """Return the check of a case; the same each time, since a connection is slow to open."""
    return row_checks([spec], {"x": kind, "y": kind}, reference(kind))[0]
