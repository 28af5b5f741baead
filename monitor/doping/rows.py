"""Faults of rows: missing, twice, late, or with a clock that is wrong."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from monitor.doping.fault import Fault, exceptional, fewer, more
from monitor.doping.times import HOUR_MS, times_ms, with_times


def volume_drop(table: pa.Table, _field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Drop a share of the rows."""
    return table.filter(pa.array(rng.random(table.num_rows) >= severity))


def duplicates(table: pa.Table, _field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let a share of the rows come twice, the second right after the first."""
    repeats = 1 + (rng.random(table.num_rows) < severity).astype(np.int64)
    return table.take(pa.array(np.repeat(np.arange(table.num_rows), repeats)))


def late_rows(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let a share of the rows come an hour later than they should, by the times in `field`; those are kept."""
    arrival = np.maximum.accumulate(times_ms(table[field])) if table.num_rows else np.zeros(0, np.int64)
    held = rng.random(table.num_rows) < severity
    return table.take(pa.array(np.argsort(arrival + held * HOUR_MS, kind="stable")))


def clock_shift(table: pa.Table, field: str, severity: float, rng: np.random.Generator) -> pa.Table:
    """Let a share of the rows say a time that is an hour too early, as another time zone does."""
    wrong = rng.random(table.num_rows) < severity
    return with_times(table, field, times_ms(table[field]) - wrong * HOUR_MS, wrong)


ROW_FAULTS = (
    Fault("volume_drop", "{} of the rows are missing", "share", 1.0, "time", volume_drop, fewer, rows=True),
    Fault("duplicates", "{} of the rows come twice", "share", 1.0, "time", duplicates, more, rows=True),
    Fault("late_rows", "{} of the rows come an hour late", "share", 1.0, "time", late_rows, exceptional, rows=True),
    Fault("clock_shift", "{} of the rows say a time that is an hour too early", "share", 1.0, "time", clock_shift,
          exceptional, rows=True),
)  # fmt: skip
