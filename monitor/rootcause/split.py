"""Where, among the last windows, a field's cells changed: the split that tells before and after apart best."""

from __future__ import annotations

import numpy as np
from scipy import special

from monitor.types import FloatArray, IntArray


def g_statistics(cells: IntArray) -> FloatArray:
    """Return for each split t = 1 … T-1 the G statistic of the windows before t against those from t on.

    `cells` are counts (windows x cells). G = 2·Σ c·ln(c/expected) over both sides and all cells, about chi² with
    (cells - 1) degrees of freedom without a change. A side without rows gives 0.
    """
    before = np.cumsum(cells, axis=0, dtype=np.float64)[:-1]
    whole = cells.sum(axis=0, dtype=np.float64)
    after = whole - before
    parts = special.xlogy(before, before).sum(axis=1) + special.xlogy(after, after).sum(axis=1)
    sides = special.xlogy(before.sum(axis=1), before.sum(axis=1)) + special.xlogy(after.sum(axis=1), after.sum(axis=1))
    total = special.xlogy(whole.sum(), whole.sum()) - special.xlogy(whole, whole).sum()
    found: FloatArray = 2 * np.maximum(parts - sides + total, 0.0)
    return found


def best_split(cells: IntArray, first: int, last: int) -> int | None:
    """Return the window, `first` … `last`, from which on the cells differ most from before; None without a choice.

    Of equal ones the earliest. Windows count from 0; at least one lies before the split and one after.
    """
    first, last = max(first, 1), min(last, len(cells) - 1)
    if first > last:
        return None
    found = g_statistics(cells)[first - 1 : last]
    return first + int(np.argmax(found)) if found.max() > 0 else None
