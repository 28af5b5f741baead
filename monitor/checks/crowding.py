"""How far a ring of the last rows falls short of its horizon."""

from __future__ import annotations

import numpy as np

from monitor.types import IntArray


def crowded_out(numbers: IntArray, clocks: IntArray, ring: IntArray, capacity: int, horizon_ms: int) -> int:
    """Return how many rows are looked at no longer, as `capacity` came after them, though the horizon reaches them.

    `numbers` and `clocks` are those of the new rows, which stand in the ring already; it is longer than `capacity` by
    at least as many.
    """
    gone = numbers - capacity
    kept = gone >= 0
    return int(np.count_nonzero(clocks[kept] - ring[gone[kept] % ring.size] <= horizon_ms))
