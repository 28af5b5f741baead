"""Columns of points in time, as milliseconds since the epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from monitor.checks.fitting import Misfit, unfitting
from monitor.checks.texts import TEXTS
from monitor.duck import Feed, connect
from monitor.types import Column, FieldType, FloatArray

NumericUnit = Literal["s", "ms", "us", "ns"]
Unit = Literal["s", "ms", "us", "ns", "iso8601"]
NUMBERS: frozenset[FieldType] = frozenset({"number", "integer"})
PER_UNIT_MS: Mapping[str, float] = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}

_PARSE = "SELECT epoch_us(TRY_CAST(v AS TIMESTAMPTZ)) / 1000.0 FROM texts"


def unit_misfits(spec: Any, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
    """Yield that the field of a Spec with a `unit` is not of a type that can hold such times."""
    problem = unfitting(spec.kind, "field", spec.field, fields, TEXTS if spec.unit == "iso8601" else NUMBERS)
    if problem is not None:
        yield Misfit("field", f"{problem.message} for the unit {spec.unit}", problem.remedy)


def numbers_ms(column: Column, unit: str) -> FloatArray:
    """Return the milliseconds of every row of a number column, to the microsecond; NaN where it is not usable.

    Times beyond float64 are ±inf. Raises TypeError when the values are texts.
    """
    if not isinstance(column.values, np.ndarray):
        raise TypeError(f"a column of texts has no times in {unit}")
    with np.errstate(over="ignore"):
        # Today's nanoseconds are float64s to 256 ns only; rounded, a whole millisecond is one.
        return np.round(np.where(column.ok, column.values, np.nan) * PER_UNIT_MS[unit], 3)


class IsoTimes:
    """Reads columns of ISO 8601 texts, by DuckDB's cast to TIMESTAMPTZ; for one thread.

    A time without an offset is UTC, a day by itself its first moment.
    """

    def __init__(self) -> None:
        """Open a connection and bind the one question that is asked."""
        self._feed = Feed(pa.table({"v": pa.array([], pa.string())}))
        connection = connect()
        connection.register("texts", self._feed)
        self._question = connection.sql(_PARSE)

    def ms(self, column: Column) -> FloatArray:
        """Return the milliseconds of every row; NaN where it is not usable or no time that can be read.

        Raises TypeError when the values are numbers.
        """
        if isinstance(column.values, np.ndarray):
            raise TypeError("a column of numbers has no ISO 8601 times")
        times = np.full(len(column), np.nan)
        if column.ok.any():
            self._feed.table = pa.table({"v": column.valid})
            try:
                parsed = self._question.to_arrow_table().column(0)
            finally:
                self._feed.clear()
            times[column.ok] = parsed.to_numpy()  # null is NaN
        return times
