"""Finds the field that says when an event happened, by its name and by what its values would mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from monitor.decoders import EventTimePlan, TimeUnit
from monitor.decoders.duck import Duck
from monitor.decoders.event_time import event_times
from monitor.errors import SurroundingsError
from monitor.proposing.table import Table
from monitor.types import Column, IntArray, MaskArray

MIN_SHARE = 0.99
"""A field is the event time only if at least this share of rows has a plausible time in it; the rest is rejected."""
_UNITS: tuple[tuple[TimeUnit, float], ...] = (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9))
_FROM_S, _TO_S = 946_684_800.0, 2_524_608_000.0
"""From 2000 to 2050: wide enough for data, narrow enough that the units' ranges are far apart."""
_NAMES = (
    r"event_?(time|ts|timestamp|date)(_?(ms|us|ns|s|utc))?",
    r"(occurred|happened|recorded|measured|transaction)_?(at|on|time|ts|timestamp|date)?",
    r"(timestamp|ts|time|datetime|time_?stamp)(_?(ms|us|ns|s|utc|hour))?",
    r"(created|sent|produced|emitted|ordered|published)_?(at|on|time|ts|timestamp)?",
    r".*(_|^)(at|time|ts|timestamp|datetime|date)(_?(ms|us|ns|s|utc))?",
)
_DATETIME = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?"


@dataclass(frozen=True, eq=False)
class EventTime:
    """The event time of the n rows in ms and which rows have one; `field` None: the Kafka timestamp."""

    field: str | None
    unit: TimeUnit
    times_ms: IntArray
    timed: MaskArray
    why: str
    others: tuple[str, ...] = ()
    """Further fields that could be meant."""


@dataclass(frozen=True, eq=False)
class _Candidate:
    path: str
    unit: TimeUnit
    times_ms: IntArray
    timed: MaskArray
    rank: int

    @property
    def order(self) -> tuple[int, int, int, str]:
        """Sort key: the name first, then how finely it tells rows apart, then nesting."""
        return self.rank, -np.unique(self.times_ms[self.timed][:5000]).size, self.path.count("."), self.path


def event_time_of(table: Table, wanted: str | None = None) -> EventTime:
    """Return the event time: the `wanted` field, else the likeliest, else the records' Kafka timestamps.

    Raises SurroundingsError when nothing in the records can be it.
    """
    duck = Duck()
    paths = [wanted] if wanted is not None else list(table.columns)
    found = sorted(
        (c for path in paths for c in _candidates(duck, table, path, asked=wanted is not None)), key=lambda c: c.order
    )
    if wanted is not None and not found:
        raise SurroundingsError(f"{wanted} holds no plausible times in {MIN_SHARE:.0%} of the rows; see --time-field")
    if found:
        best = found[0]
        share = best.timed.mean()
        how = "chosen by --time-field" if wanted else "its name and values say so"
        why = f"{share:.2%} of {len(table):,} rows are plausible times in {best.unit}; {how}"
        others = tuple(f"{c.path} ({c.unit})" for c in found[1:])
        return EventTime(best.path, best.unit, best.times_ms, best.timed, why, others)
    stamped = table.timestamps_ms > 0
    if not len(table) or stamped.mean() < MIN_SHARE:
        raise SurroundingsError("no field holds plausible times, and windows need one; name it with --time-field")
    why = "no field holds plausible times, so the records' Kafka timestamps are used"
    return EventTime(None, "ms", table.timestamps_ms, stamped, why)


def _candidates(duck: Duck, table: Table, path: str, *, asked: bool) -> Iterator[_Candidate]:
    """Yield the readings of a field as time that fit nearly all rows."""
    column = table.columns.get(path)
    if column is None or not column.ok.any():
        return
    rank = _rank(path)
    for unit in _units(column):
        if unit != "iso8601" and rank is None and not asked:
            continue  # a number in the right range may be anything
        times, faults = event_times(duck, EventTimePlan(path, unit), column, table.timestamps_ms)
        timed = faults == 0
        if timed.mean() >= MIN_SHARE:
            yield _Candidate(path, unit, times, timed, len(_NAMES) if rank is None else rank)


def _units(column: Column) -> list[TimeUnit]:
    """Return the units in which the values lie between the years 2000 and 2050."""
    if not isinstance(column.values, np.ndarray):
        head = column.valid[:200].to_pylist()
        matching = sum(re.fullmatch(_DATETIME, text) is not None for text in head)
        return ["iso8601"] if matching >= MIN_SHARE * len(head) else []
    if column.values.ndim > 1:
        return []
    middle = float(np.median(column.valid))
    return [unit for unit, per_s in _UNITS if _FROM_S * per_s <= middle < _TO_S * per_s]


def _rank(path: str) -> int | None:
    """Return how much a name sounds like the event time, 0 the most; None: not at all."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", path.rsplit(".", 1)[-1]).lower().replace("-", "_")
    return next((rank for rank, pattern in enumerate(_NAMES) if re.fullmatch(pattern, name)), None)
