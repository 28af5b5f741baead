"""Reading back which cells of a large array were occupied."""

from __future__ import annotations

from typing import Any

import numpy as np

from monitor.accumulators.fitting import stored_array
from monitor.errors import StoreError
from monitor.protocols import State
from monitor.types import IntArray


def stored_cells(state: State, size: int) -> IntArray:
    """Return the stored places, ascending and in 0 … size-1; raises StoreError where they are not."""
    raw: Any = state.get("cells")
    cells = stored_array(state, "cells", np.zeros(len(raw) if isinstance(raw, list | np.ndarray) else 0, np.int64))
    if cells.size and (cells[0] < 0 or cells[-1] >= size or (np.diff(cells) <= 0).any()):
        raise StoreError("stored cells are damaged; reset the checkpoint")
    return cells
