"""What a fault is, and how severe it must be to be as plain as another one in another column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from monitor.doping.cells import Cells, distance, is_number

Apply = Callable[[pa.Table, str, float, np.random.Generator], pa.Table]
"""A fault itself: table, field, severity and randomness to the table with the fault; the old table stays as it is."""
Curve = Callable[[float], float]
"""From a severity to the noncentrality that one row adds."""
Unit = Literal["share", "deviations", "factor"]
Scope = Literal["number", "text", "any", "time"]

_SAMPLE_ROWS = 5_000
_STEPS = 40
_SEED = 20


@dataclass(frozen=True)
class Fault:
    """A kind of fault: `says` in words, what its severity counts, up to how much, and in which fields it can be.

    `apply` may change values of the field, and drop, repeat or reorder rows; columns that it does not know stay with
    their rows. `curve` gives, of a table and field, how plain a severity is; a constant 0 where it changes nothing.
    `rows`: it is about rows, so that no field is the right one to name.
    """

    name: str
    says: str
    unit: Unit
    most: float
    scope: Scope
    apply: Apply
    curve: Callable[[pa.Table, str], Curve]
    rows: bool = False

    def fits(self, table: pa.Table, field: str) -> bool:
        """Return whether the field is one that it can be in."""
        if self.scope in {"any", "time"}:
            return True
        return is_number(table[field]) == (self.scope == "number")


def severity_of(fault: Fault, table: pa.Table, field: str, noncentrality: float, rows: int) -> float | None:
    """Return how severe a fault in a field has to be for this noncentrality in a window of so many rows.

    `table` is what the column is like without fault; a few thousand rows are looked at. None where the fault does not
    fit, or cannot be as plain as that however severe it is.
    """
    if not fault.fits(table, field) or not table.num_rows:
        return None
    curve = fault.curve(sample(table), field)
    wanted = noncentrality / max(rows, 1)
    low, high = 0.0, fault.most
    if curve(high) < wanted:
        return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if curve(middle) < wanted else (low, middle)
        if high - low <= 1e-4 * high:
            break
    return high


def sample(table: pa.Table) -> pa.Table:
    """Return at most 5,000 rows, from all over the table."""
    every = -(-table.num_rows // _SAMPLE_ROWS)
    return table if every <= 1 else table.take(pa.array(np.arange(0, table.num_rows, every)))


def replaced(apply: Apply) -> Callable[[pa.Table, str], Curve]:
    """Return the curve of a fault whose severity is the share of rows that get another value: a mixture."""

    def of(table: pa.Table, field: str) -> Curve:
        cells = Cells.of(table[field])
        before = cells.shares(table[field])
        whole = cells.shares(apply(table, field, 1.0, np.random.default_rng(_SEED))[field])
        return lambda severity: distance(before, before + severity * (whole - before))

    return of


def tried(apply: Apply) -> Callable[[pa.Table, str], Curve]:
    """Return the curve of a fault that is in all rows alike: what comes of them when it is applied."""

    def of(table: pa.Table, field: str) -> Curve:
        cells = Cells.of(table[field])
        before = cells.shares(table[field])
        column = table.select([field])
        return lambda severity: distance(
            before, cells.shares(apply(column, field, severity, np.random.default_rng(_SEED))[field])
        )

    return of


def exceptional(_table: pa.Table, _field: str) -> Curve:
    """Return the curve of a share of rows that are as no row was before: Cohen's h against 0."""
    return lambda share: distance(np.array([1.0, 0.0]), np.array([1 - share, share]))


def fewer(_table: pa.Table, _field: str) -> Curve:
    """Return the curve of a share of rows that is missing, as a Poisson count shows it."""
    return lambda share: float(4 * (1 - np.sqrt(1 - share)) ** 2)


def more(_table: pa.Table, _field: str) -> Curve:
    """Return the curve of a share of rows that is too many, as a Poisson count shows it."""
    return lambda share: float(4 * (np.sqrt(1 + share) - 1) ** 2)


def with_column(table: pa.Table, field: str, values: pa.Array) -> pa.Table:
    """Return the table with another column in place of `field`, of the same type."""
    place = table.column_names.index(field)
    return table.set_column(place, table.schema.field(field), pa.chunked_array([values.cast(table[field].type)]))
