"""Event times of rows in milliseconds, and the rows that have none that is plausible."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from monitor.decoders.duck import query
from monitor.decoders.plan import EventTimePlan
from monitor.types import CodeArray, Column, FloatArray, IntArray, MaskArray, Presence

_PER_MS = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
FAULTS = ("", "event_time_missing", "event_time_invalid", "event_time_ahead")
_MISSING, _INVALID, _AHEAD = 1, 2, 3
_LATEST_MS = 253_402_300_800_000
"""The year 10000; no event is later."""


def event_times(
    connection: duckdb.DuckDBPyConnection, plan: EventTimePlan, column: Column | None, timestamps_ms: IntArray
) -> tuple[IntArray, CodeArray]:
    """Return each row's event time (ms) and what is wrong with it, as an index into FAULTS (0: nothing).

    A time at or before 1970-01-01, after the year 9999, or more than `max_ahead_ms` past the record's
    Kafka timestamp is not plausible. Where the record has no timestamp the last rule cannot be applied.
    """
    if column is None:
        return timestamps_ms, np.where(timestamps_ms > 0, 0, _MISSING).astype(np.int32)
    if plan.unit == "iso8601":
        times, unparsed = _parse_iso8601(connection, column)
    else:
        times = np.where(column.ok, np.asarray(column.values, np.float64), 0.0) * _PER_MS[plan.unit]
        unparsed = np.zeros(len(column), bool)
    plausible = column.ok & ~unparsed & (times > 0) & (times < _LATEST_MS)
    exact = np.floor(np.where(plausible, times, 0.0)).astype(np.int64)
    faults = np.where(plausible, 0, _INVALID).astype(np.int32)
    faults[plausible & (timestamps_ms > 0) & (exact > timestamps_ms + plan.max_ahead_ms)] = _AHEAD
    faults[(column.presence == Presence.ABSENT) | (column.presence == Presence.NULL)] = _MISSING
    return exact, faults


def _parse_iso8601(connection: duckdb.DuckDBPyConnection, column: Column) -> tuple[FloatArray, MaskArray]:
    """Return milliseconds and the rows that do not parse; a time without offset is UTC."""
    texts = column.values
    assert isinstance(texts, pa.Array)
    sql = "SELECT epoch_ms(TRY_CAST(v AS TIMESTAMPTZ)) AS t FROM batch"
    parsed = query(connection, sql, texts.cast(pa.string())).column("t").combine_chunks()
    unparsed = column.ok & np.asarray(parsed.is_null())
    return np.asarray(parsed.fill_null(0)).astype(np.float64), unparsed
