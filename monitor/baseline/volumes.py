"""How many rows the baseline had in each hour of the week."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from monitor.types import IntArray

HOUR_MS = 3_600_000
HOURS = 168
_DAY = 24


@dataclass(frozen=True, eq=False)
class Volumes:
    """Rows and covered milliseconds, int64 (168) each, by hour of the week in UTC; hour 0 begins Thursday (the epoch).

    Covered is the time between the baseline's first and last event time, so its rows must be all there were then.
    """

    rows: IntArray
    covered_ms: IntArray

    @classmethod
    def of(cls, times_ms: Iterable[IntArray]) -> Volumes:
        """Return the volumes of event times in any order; without any, nothing is covered."""
        rows = np.zeros(HOURS, np.int64)
        first, last = None, None
        for times in times_ms:
            if times.size:
                rows += np.bincount(times // HOUR_MS % HOURS, minlength=HOURS)
                low, high = int(times.min()), int(times.max())
                first, last = min(low, low if first is None else first), max(high, high if last is None else last)
        if first is None or last is None:
            return cls(rows, np.zeros(HOURS, np.int64))
        return cls(rows, _overlaps(first, last + 1))

    def expected(self, start_ms: int, end_ms: int) -> float | None:
        """Return the rows that [start, end) would have had in the baseline; None where that covers nothing.

        An hour of the week that the baseline covered for less than half an hour has the rate of its hour of the day,
        and where that was not covered either, of the whole baseline.
        """
        total_ms = int(self.covered_ms.sum())
        if total_ms < HOUR_MS // 60:
            return None
        wanted = _overlaps(start_ms, end_ms)
        rates = np.full(HOURS, self.rows.sum() / total_ms)
        by_day = np.arange(HOURS) % _DAY
        day_rows = np.bincount(by_day, self.rows, minlength=_DAY)[by_day]
        day_ms = np.bincount(by_day, self.covered_ms, minlength=_DAY)[by_day]
        for rows, covered in ((day_rows, day_ms), (self.rows, self.covered_ms)):
            np.divide(rows, covered, out=rates, where=covered >= HOUR_MS // 2)
        return float(rates @ wanted)


def _overlaps(start_ms: int, end_ms: int) -> IntArray:
    """Return how long [start, end) lies in each hour of the week, in milliseconds, int64 (168)."""
    weeks, rest = divmod(end_ms - start_ms, HOURS * HOUR_MS)
    spent = np.full(HOURS, weeks * HOUR_MS, np.int64)
    if rest:
        begins = np.arange(start_ms // HOUR_MS, (start_ms + rest - 1) // HOUR_MS + 1)
        inside = np.minimum((begins + 1) * HOUR_MS, start_ms + rest) - np.maximum(begins * HOUR_MS, start_ms)
        np.add.at(spent, begins % HOURS, inside)
    return spent
