"""All SQL expressions of a monitor, evaluated by one query a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import ReferenceType, ref

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.checks.sql_tree import parsed, resolved
from monitor.duck import Feed, connect
from monitor.types import Batch, Column, FieldType, MaskArray

Masks = tuple[MaskArray, MaskArray]

_SPECIMENS = {"number": "[0::DOUBLE, 1, -1, 0.5, NULL]", "boolean": "['true', 'false', NULL]"}
_SPECIMENS["integer"] = _SPECIMENS["number"]
_TEXT_SPECIMENS = "['', 'a', '1', '2020-01-01', '2020-01-01T00:00:00Z', '{}', NULL]"
_STORED = {"number": "DOUBLE", "integer": "DOUBLE"}
# Else a subexpression that two expressions share, such as a cast, is computed before and outside of their TRYs,
# and one bad value ends the query (DuckDB 2.0.0; test_a_cast_that_two_checks_share_stays_within_their_tries).
_NO_SHARING = "SET disabled_optimizers='common_subexpressions'"
# A batch takes milliseconds. Were there an expression that takes for ever, it loses its batch and no other one does.
MAX_SECONDS = 60
_FOR_SO_LONG = f"SET max_execution_time={MAX_SECONDS * 1000}"
_SHOWN = {"integer": "TRY_CAST({0} AS BIGINT)", "boolean": "{0} = 'true'"}


@dataclass(frozen=True)
class Bound:
    """Expressions bound to fields: the SQL of each, and the fields that they refer to, first ones first.

    Column `c0` is the first field, `c1` the second, and so on.
    """

    conditions: tuple[str, ...]
    fields: Mapping[str, FieldType]

    def query(self, table: str) -> str:
        """Return the query of every condition over the columns as they are stored in `table`."""
        shown = (f"{_SHOWN.get(kind, '{0}').format(f'c{i}')} AS c{i}" for i, kind in enumerate(self.fields.values()))
        asked = (f"TRY({condition}) AS r{i}" for i, condition in enumerate(self.conditions))
        return f"SELECT {', '.join(asked)} FROM (SELECT {', '.join(shown)} FROM {table})"  # noqa: S608 - vetted, see sql_tree

    def only(self, index: int) -> Bound:
        """Return one of the conditions by itself."""
        return Bound((self.conditions[index],), self.fields)

    def specimens(self) -> str:
        """Return a table of a few values for every stored column, as a subquery."""
        columns = (
            f"unnest({_SPECIMENS.get(kind, _TEXT_SPECIMENS)}) AS c{i}" for i, kind in enumerate(self.fields.values())
        )
        return f"(SELECT {', '.join(columns)})"


def bound(expressions: Sequence[str], fields: Mapping[str, FieldType]) -> Bound:
    """Return the expressions bound to fields; raises ValueError for the first that does not fit them."""
    conditions = [parsed(expression) for expression in expressions]
    paths = {name: resolved(name, fields) for condition in conditions for name in condition.names()}
    used = list(dict.fromkeys(paths.values()))
    for path in used:
        if fields[path] == "vector":
            raise ValueError(f"{path} is a vector, and a condition is over single values; leave it out")
    columns = {name: f"c{used.index(path)}" for name, path in paths.items()}
    return Bound(tuple(c.rewritten(columns) for c in conditions), {path: fields[path] for path in used})


def refuse_unless_boolean(expression: str, fields: Mapping[str, FieldType]) -> None:
    """Raise ValueError unless an expression refers to fields, has right types and is true or false.

    It is tried on a few values, since of a wrong time zone or pattern nothing is known before.
    """
    one = bound([expression], fields)
    if not one.fields:
        raise ValueError("refers to no field, so it is the same in every row")
    connection = connect(_NO_SHARING, _FOR_SO_LONG)
    try:
        answers = connection.sql(one.query(one.specimens()))
        kind = str(answers.types[0])
        answers.fetchall()
    except duckdb.Error as error:
        raise ValueError(f"does not fit its fields: {str(error).splitlines()[0]}") from None
    finally:
        connection.close()
    if kind != "BOOLEAN":
        raise ValueError(f"is of type {kind}; write what must hold in a row, such as amount >= 0")


class SqlGroup:
    """Evaluates every SQL expression of a monitor once a batch and remembers the answers for that batch.

    Each expression stands in a TRY of its own: an error in a row (a cast, a division) makes that row NULL in
    that expression, as an unusable value is. NULL is not evaluated. Of the few errors that TRY does not hold,
    such as too little memory, an expression loses the whole batch, and no other one does. For one thread;
    holds no batch alive.
    """

    def __init__(self, expressions: Sequence[str], fields: Mapping[str, FieldType]) -> None:
        """Bind the expressions; raises ValueError when one does not fit the fields."""
        self._bound = bound(expressions, fields)
        numbers = {path: kind in _STORED for path, kind in self._bound.fields.items()}
        self._types = {path: pa.float64() if number else pa.string() for path, number in numbers.items()}
        schema = pa.schema([(f"c{i}", kind) for i, kind in enumerate(self._types.values())])
        self._feed = Feed(schema.empty_table())
        connection = connect(_NO_SHARING, _FOR_SO_LONG)
        connection.register("batch", self._feed)
        # Bound once: of a query over a few hundred rows, parsing and binding are most of the time.
        self._all = connection.sql(self._bound.query("batch"))
        self._each = [connection.sql(self._bound.only(i).query("batch")) for i in range(len(expressions))]
        self._seen: ReferenceType[Batch] | None = None
        self._masks: list[Masks] = []

    def masks(self, batch: Batch) -> list[Masks]:
        """Return the failing and the evaluated rows of each expression; KeyError when a column is not there."""
        if self._seen is None or self._seen() is not batch:
            self._masks = self._evaluate(batch)
            self._seen = ref(batch)
        return self._masks

    def _evaluate(self, batch: Batch) -> list[Masks]:
        arrays = [_nullable(batch.columns[path], kind) for path, kind in self._types.items()]
        self._feed.table = pa.table({f"c{i}": array for i, array in enumerate(arrays)})
        try:
            answers = self._all.to_arrow_table().columns
        except duckdb.Error:
            answers = [_alone(relation, len(batch)) for relation in self._each]
        finally:
            self._feed.clear()
        return [_masks(answer) for answer in answers]


def _alone(relation: duckdb.DuckDBPyRelation, rows: int) -> Any:
    """Return what one expression says of the batch: NULL of every row when even TRY does not hold its error."""
    try:
        return relation.to_arrow_table().column(0)
    except duckdb.Error:
        return pa.chunked_array([pa.nulls(rows, pa.bool_())])


def _nullable(column: Column, kind: pa.DataType) -> Any:
    """Return a column's values with NULL where they are not usable; TypeError when they are of another kind."""
    if isinstance(column.values, np.ndarray) != pa.types.is_floating(kind):
        raise TypeError("a column is not of the type that its field was configured with")
    if isinstance(column.values, np.ndarray):
        return pa.array(column.values, kind, mask=None if column.all_ok else ~column.ok)
    return column.values if column.all_ok else pc.if_else(pa.array(column.ok), column.values, pa.scalar(None, kind))


def _masks(answer: Any) -> Masks:
    """Return what is false and what is not NULL."""
    evaluated: MaskArray = answer.is_valid().to_numpy()
    held: MaskArray = answer.fill_null(True).to_numpy()  # noqa: FBT003 - Arrow's signature
    return ~held, evaluated
