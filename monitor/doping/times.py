"""Times in a column, whatever they are written as."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.doping.cells import is_number
from monitor.doping.fault import with_column
from monitor.types import FloatArray, IntArray, MaskArray

HOUR_MS = 3_600_000
_NUMBERS = ((1e17, 1e-6), (1e14, 1e-3), (1e11, 1.0), (0.0, 1e3))
"""From which size on a number counts nanoseconds, microseconds, milliseconds and seconds, and that in milliseconds."""

_DATE, _TIME, _ZONE = r"\d{4}-\d{2}-\d{2}", r"\d{2}:\d{2}(:\d{2}([.]\d{1,6})?)?", r"(Z|[+-]\d{2}:?\d{2})"


def times_ms(column: pa.ChunkedArray) -> IntArray:
    """Return the times in milliseconds; one that is none is the one before it, the first 0.

    Numbers count whatever gives years about ours; texts are ISO 8601, in UTC where they name no zone.
    """
    if is_number(column):
        numbers = column.to_numpy().astype(np.float64)
        found = np.floor(numbers * _in_ms(numbers))
    else:
        micros = _parsed(column)
        found = micros.cast(pa.int64()).to_numpy().astype(np.float64) // 1_000
    known = np.isfinite(found)
    last = np.maximum.accumulate(np.where(known, np.arange(found.size), 0))
    filled = np.where(known[last], found[last], 0.0) if found.size else found
    times: IntArray = filled.astype(np.int64)
    return times


def with_times(table: pa.Table, field: str, times: IntArray, changed: MaskArray) -> pa.Table:
    """Return the table with other times where `changed`, written as the others are."""
    column = table[field].combine_chunks()
    if is_number(column):
        numbers = column.to_numpy(zero_copy_only=False).astype(np.float64)
        exact = times / _in_ms(numbers)
        written = pa.array(exact if pa.types.is_floating(column.type) else np.round(exact))
    elif pa.types.is_timestamp(column.type):
        written = pa.array(times).cast(pa.timestamp("ms"))
    else:
        instants = pa.array(times).cast(pa.timestamp("ms"))
        written = pc.binary_join_element_wise(pc.strftime(instants, format="%Y-%m-%dT%H:%M:%S"), "Z", "")
    known = pc.and_(pa.array(changed), column.is_valid())
    return with_column(table, field, pc.if_else(known, written.cast(column.type), column))


def _in_ms(numbers: FloatArray) -> float:
    """Return how many milliseconds a number counts."""
    size = float(np.nanmax(np.abs(numbers), initial=0.0))
    return next(factor for least, factor in _NUMBERS if size >= least)


def _parsed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts or timestamps as timestamps in microseconds; null where a text is none."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", column.type.tz))
    # A text with a zone and one without cannot be read alike; whole columns of ours are of one form.
    shaped = pc.match_substring_regex(
        column, r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.]\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?$"
    )
    zoned = pc.match_substring_regex(column, r"(Z|[+-]\d{2}:?\d{2})$")
    utc = pc.if_else(zoned, column, pc.binary_join_element_wise(column, "Z", ""))
    return pc.if_else(shaped, utc, None).cast(pa.timestamp("us", "UTC"))
