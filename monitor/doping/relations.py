"""Faults that only show beside other columns: a correlation that breaks, and one producer alone that is wrong."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.doping.cells import by_frequency, is_number
from monitor.doping.fault import Curve, Fault, tried
from monitor.doping.numbers import mean_shift, numbers_of, with_numbers
from monitor.types import FloatArray, MaskArray

_HIGHEST = 0.999
_LEAST = 0.1
_PRODUCERS = range(2, 51)


def correlation_break(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Deal the values of a share of the rows out anew among these rows; the values as a whole stay as they are."""
    values, usable = numbers_of(table, field)
    chosen = np.flatnonzero(usable & (rng.random(values.size) < severity))
    after = values.copy()
    after[chosen] = values[rng.permutation(chosen)]
    return with_numbers(table, field, after, usable, rng)


def _correlating(table: pa.Table, field: str) -> Curve:
    """Return the curve by Fisher's z of the strongest correlation with another number; 0 without one above 0.1."""
    own, usable = numbers_of(table, field)
    strongest = 0.0
    for name in table.column_names:
        if name != field and is_number(table[name]):
            other, also = numbers_of(table, name)
            strongest = max(strongest, _correlation(own, other, usable & also))
    rho = min(strongest, _HIGHEST)
    if rho < _LEAST:
        return lambda _severity: 0.0
    return lambda severity: float((np.arctanh(rho) - np.arctanh(rho * (1 - severity))) ** 2)


def _correlation(one: FloatArray, other: FloatArray, rows: MaskArray) -> float:
    if rows.sum() < 3 or not one[rows].std() or not other[rows].std():
        return 0.0
    return float(abs(np.corrcoef(one[rows], other[rows])[0, 1]))


def one_producer(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Add so many standard deviations to the values of one producer: the rows with one value of another column.

    The column is the first text with 2 to 50 values, the value its most frequent one. Without such a column nothing
    changes.
    """
    rows = _producer(table, field)
    if rows is None:
        return table
    shifted, usable = numbers_of(mean_shift(table, field, severity, rng), field)
    return with_numbers(table, field, shifted, usable & rows, rng)


def _producing(table: pa.Table, field: str) -> Curve:
    """Return the curve in the producer's own rows, which are that share of all."""
    rows = _producer(table, field)
    if rows is None:
        return lambda _severity: 0.0
    # Standard deviations are those of all rows.
    whole, own = numbers_of(table, field)[0], table.filter(pa.array(rows))
    spread, spread_of_own = float(np.nanstd(whole)), float(np.nanstd(numbers_of(own, field)[0]))
    if not spread_of_own > 0:
        return lambda _severity: 0.0
    inside, share = tried(mean_shift)(own, field), own.num_rows / max(table.num_rows, 1)
    return lambda severity: share * inside(severity * spread / spread_of_own)


def _producer(table: pa.Table, field: str) -> MaskArray | None:
    for name in table.column_names:
        column = table[name]
        if name != field and (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            values = by_frequency(column)
            if len(values) in _PRODUCERS:
                rows: MaskArray = pc.fill_null(pc.equal(column, values[0]), fill_value=False).to_numpy()
                return rows
    return None


RELATION_FAULTS = (
    Fault("correlation_break", "{} of the values are another row's", "share", 1.0, "number", correlation_break,
          _correlating),
    Fault("one_producer", "one producer's values are {} higher", "deviations", 10.0, "number", one_producer,
          _producing),
)  # fmt: skip
