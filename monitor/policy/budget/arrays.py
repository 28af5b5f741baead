"""Arrays of a detector's state, one column a stream: which columns are picked, and what a checkpoint has of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.errors import StoreError
from monitor.types import IntArray


def picked(array: Any, columns: IntArray, *, empty: Any) -> Any:
    """Return a new array of these columns (the last axis), -1 for one that is as `empty`."""
    found = array[..., np.maximum(columns, 0)].copy()
    found[..., columns < 0] = empty
    return found


def stored(state: Mapping[str, Any], name: str, like: Any) -> Any:
    """Return a copy of a stored array of the shape and type of `like`; raises StoreError where it has another."""
    array = state.get(name)
    if not isinstance(array, np.ndarray) or array.shape != like.shape or array.dtype != like.dtype:
        raise StoreError(f"the stored budget has no {name} of this size; reset the checkpoint")
    return array.copy()
