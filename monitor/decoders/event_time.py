"""Event times of rows in milliseconds, and the rows that have none that is plausible."""

from __future__ import annotations

import numpy as np

from monitor.decoders.duck import Duck
from monitor.decoders.plan import EventTimePlan
from monitor.types import CodeArray, Column, FloatArray, IntArray, MaskArray, Presence

FAULTS = ("", "event_time_missing", "event_time_invalid", "event_time_ahead")
_MISSING, _INVALID, _AHEAD = 1, 2, 3
_PER_MS = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
_EARLIEST_MS = 31_536_000_000
"""The year 1971: an earlier time is a placeholder or seconds taken for milliseconds, and opens decades of windows."""
_LATEST_MS = 253_402_300_800_000
"""The year 10000; no event is later."""
_ROUNDING_MS = 0.0005
"""A float64 holds today's nanoseconds only to 256 ns: a time this close below a millisecond is that millisecond."""
_PARSE = "SELECT epoch_us(TRY_CAST(v AS TIMESTAMPTZ)) // 1000 FROM texts"


def event_times(
    duck: Duck, plan: EventTimePlan, column: Column | None, timestamps_ms: IntArray
) -> tuple[IntArray, CodeArray]:
    """Return each row's event time (whole ms, rounded down) and its fault as an index into FAULTS (0: none).

    A time before the year 1971 or after 9999, or more than `max_ahead_ms` past the record's
    Kafka timestamp is not plausible. Where the record has no timestamp the last rule cannot be applied.
    """
    if column is None:
        return timestamps_ms, np.where(timestamps_ms > 0, 0, _MISSING).astype(np.int32)
    if plan.unit != "iso8601" and column.all_ok and len(column):
        exact = np.floor(np.asarray(column.values, np.float64) * _PER_MS[plan.unit] + _ROUNDING_MS)
        latest = min(_LATEST_MS - 1.0, int(timestamps_ms.min()) + plan.max_ahead_ms)
        if exact.min() > _EARLIEST_MS and exact.max() <= latest and timestamps_ms.min() > 0:  # as a rule
            return exact.astype(np.int64), np.zeros(len(column), np.int32)
    if plan.unit == "iso8601":
        times, parsed = _parse_iso8601(duck, column)
    else:
        times, parsed = np.where(column.ok, np.asarray(column.values, np.float64), 0.0) * _PER_MS[plan.unit], column.ok
    plausible = parsed & (times >= _EARLIEST_MS) & (times < _LATEST_MS)
    exact = np.floor(np.where(plausible, times, 0.0) + _ROUNDING_MS).astype(np.int64)
    faults = np.where(plausible, 0, _INVALID).astype(np.int32)
    faults[plausible & (timestamps_ms > 0) & (exact > timestamps_ms + plan.max_ahead_ms)] = _AHEAD
    faults[(column.presence == Presence.ABSENT) | (column.presence == Presence.NULL)] = _MISSING
    return exact, faults


def _parse_iso8601(duck: Duck, column: Column) -> tuple[FloatArray, MaskArray]:
    """Return milliseconds and the rows that could be read; a time without offset is UTC."""
    parsed = duck.ask(_PARSE, column.values)
    return np.asarray(parsed.fill_null(0)).astype(np.float64), column.ok & np.asarray(parsed.is_valid())
