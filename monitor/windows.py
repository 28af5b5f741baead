"""Event-time arithmetic: panes, windows and which rows are late. Pure functions over arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from monitor.types import IntArray, MaskArray

NEVER_MS = -(2**62)
"""A watermark before all time: nothing is known to be complete."""


@dataclass(frozen=True)
class PaneGrid:
    """Panes of `pane_ms` from the epoch on; a window is `size_ms / pane_ms` successive panes."""

    size_ms: int
    pane_ms: int

    def starts(self, times_ms: IntArray) -> IntArray:
        """Return the start of the pane that each time falls into (panes are `[start, end)`)."""
        return times_ms // self.pane_ms * self.pane_ms

    def start(self, time_ms: int) -> int:
        """Return the start of the pane that `time_ms` falls into."""
        return time_ms // self.pane_ms * self.pane_ms

    def panes(self, end_ms: int) -> range:
        """Return the starts of the panes of the window that ends at `end_ms`."""
        return range(end_ms - self.size_ms, end_ms, self.pane_ms)


def late_rows(
    grid: PaneGrid, times_ms: IntArray, starts_ms: IntArray, max_before_ms: int, lateness_ms: int
) -> MaskArray:
    """Return which rows are late: their pane ended at or before their partition's watermark.

    The watermark before a row is the running maximum of the event times before it (`max_before_ms` for
    the first) minus the lateness, so the answer does not depend on where a fetch ends.
    """
    if not times_ms.size:
        return np.zeros(0, bool)
    late: MaskArray = starts_ms + grid.pane_ms <= _reached(times_ms, max_before_ms) - lateness_ms
    return late


def newest_panes(grid: PaneGrid, times_ms: IntArray, max_before_ms: int) -> IntArray:
    """Return for each row the start of the newest pane that its partition had reached before it."""
    return grid.starts(_reached(times_ms, max_before_ms))


def _reached(times_ms: IntArray, max_before_ms: int) -> IntArray:
    """Return the running maximum of the event times before each row, at least one row."""
    return np.maximum.accumulate(np.concatenate(([max_before_ms], times_ms[:-1])))


def by_pane(starts_ms: IntArray) -> Iterator[tuple[int, IntArray | None]]:
    """Yield each pane's start and the indices of its rows, ascending; None instead of all rows."""
    if not starts_ms.size:
        return
    first = int(starts_ms[0])
    if (starts_ms == first).all():
        yield first, None
        return
    order = np.argsort(starts_ms, kind="stable")
    ordered = starts_ms[order]
    cuts = np.flatnonzero(np.diff(ordered)) + 1
    for rows in np.split(order, cuts):
        yield int(starts_ms[rows[0]]), rows
