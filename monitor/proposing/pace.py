"""How fast and how orderly rows come: from it window size, lateness and what volume is normal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.proposing.event_time import EventTime
from monitor.proposing.table import Table
from monitor.types import IntArray

WINDOWS_MS = (60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000, 604_800_000, 2_419_200_000)
DAY_MS = 86_400_000
ENOUGH_ROWS = 300
"""A window is long enough when nine in ten hold this many rows: PSI over ten cells has a noise of 0.03 then."""
_FEWEST_WINDOWS = 4
_GAP = 0.25
_STEPS_MS = (0, 1_000, 5_000, 15_000, 30_000, 60_000, 300_000, 900_000, 3_600_000, 21_600_000, 43_200_000, DAY_MS)
_DEFAULT_LATENESS_MS = 30_000
_MOST_PANES = 500


@dataclass(frozen=True)
class Pace:
    """The event times of the sample in numbers."""

    first_ms: int
    last_ms: int
    size_ms: int
    counts: tuple[int, ...]
    """Rows of each whole window of the stretch that all partitions cover, empty ones included."""
    disorder_ms: int
    """How far a row was behind the latest before it in its partition, at most."""
    lateness_ms: int
    late: int
    """Rows that this lateness leaves out."""

    @property
    def typical(self) -> int:
        """The median rows of a window."""
        return int(np.median(self.counts)) if self.counts else 0

    @property
    def few(self) -> int:
        """The rows of a window that is emptier than nine in ten of those with rows; 1 where that is not known."""
        counts = [count for count in self.counts if count]
        return max(int(np.quantile(counts, 0.1)), 1) if counts else 1

    @property
    def sparse(self) -> bool:
        """Whether the windows hold fewer rows than verdicts need."""
        return not self.counts or float(np.quantile(self.counts, 0.1)) < ENOUGH_ROWS


def pace_of(table: Table, time: EventTime, size_ms: int | None = None) -> Pace:
    """Return the pace of rows that have a time (at least one), with the given or the shortest fitting window."""
    times, owners = time.times_ms[time.timed], table.partitions[time.timed]
    behind = _behind(times, owners)
    start, end = _stretch(times, owners)
    inside = times[(times >= start) & (times <= end)]
    if size_ms is None:
        size_ms = _size(inside, start, end)
    lateness = _lateness(int(behind.max()), size_ms)
    return Pace(
        int(times.min()),
        int(times.max()),
        size_ms,
        tuple(_counts(inside, start, end, size_ms).tolist()),
        int(behind.max()),
        lateness,
        int((behind > lateness + size_ms).sum()),
    )


def _behind(times: IntArray, owners: IntArray) -> IntArray:
    """Return how far each row is behind the latest one before it in its partition (ms, 0: it is the latest)."""
    parts = [times[owners == owner] for owner in np.unique(owners)]
    return np.concatenate([np.maximum.accumulate(part) - part for part in parts])


def _stretch(times: IntArray, owners: IntArray) -> tuple[int, int]:
    """Return from when to when all partitions have rows; the whole sample if that is less than half of it."""
    parts = [times[owners == owner] for owner in np.unique(owners)]
    start, end = max(int(part.min()) for part in parts), min(int(part.max()) for part in parts)
    whole = int(times.min()), int(times.max())
    return _unbroken(times, *((start, end) if 2 * (end - start) >= whole[1] - whole[0] else whole))


def _unbroken(times: IntArray, start: int, end: int) -> tuple[int, int]:
    """Return the part with the most rows between gaps that are longer than a quarter of the whole."""
    inside = np.sort(times[(times >= start) & (times <= end)])
    gaps = np.flatnonzero(np.diff(inside) > _GAP * (end - start))
    if not gaps.size:
        return start, end
    firsts, lasts = np.concatenate(([0], gaps + 1)), np.concatenate((gaps, [inside.size - 1]))
    most = int(np.argmax(lasts - firsts))
    return int(inside[firsts[most]]), int(inside[lasts[most]])


def _size(times: IntArray, start: int, end: int) -> int:
    """Return the shortest window with enough rows, of those that fit into the sample a few times."""
    fitting = [size for size in WINDOWS_MS if (end - start) >= _FEWEST_WINDOWS * size] or [WINDOWS_MS[0]]
    for size in fitting:
        counts = _counts(times, start, end, size)
        if counts.size and np.quantile(counts, 0.1) >= ENOUGH_ROWS:
            return size
    return fitting[-1]


def _counts(times: IntArray, start: int, end: int, size: int) -> IntArray:
    """Return the rows of the windows that lie wholly between start and end."""
    first, last = -(-start // size), (end + 1) // size
    windows = times // size
    if last <= first or last - first > 10 * times.size:
        return np.empty(0, np.int64)
    return np.bincount(windows[(windows >= first) & (windows < last)] - first, minlength=last - first)


def _lateness(disorder: int, size: int) -> int:
    """Return a round lateness of at least twice the disorder, within what may be open at once."""
    wanted = max(2 * disorder, _DEFAULT_LATENESS_MS)
    steps = [*_STEPS_MS, *(days * DAY_MS for days in (2, 7, 14, 30, 60, 90, 180, 365, 730))]
    rounded = next((step for step in steps if step >= wanted), steps[-1])
    return min(rounded, _MOST_PANES * size)
