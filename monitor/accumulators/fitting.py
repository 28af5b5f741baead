"""Reading an accumulator's stored state, refusing what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State

_REMEDY = "it was written under another configuration or baseline; reset the checkpoint or restore that baseline"


def stored_array(state: State, name: str, like: NDArray[Any]) -> NDArray[Any]:
    """Return a copy of `state[name]` with the dtype of `like`; lists are taken too.

    Raises StoreError where it is absent, no numbers of that kind and range, or of another shape than `like`.
    """
    try:
        raw = np.asarray(state[name])
        array = raw.astype(like.dtype, casting="unsafe" if raw.size == 0 or raw.dtype.kind in "iu" else "same_kind")
    except DAMAGE as error:
        raise StoreError(f"stored state has no usable {name!r}: {error}; {_REMEDY}") from error
    if array.shape != like.shape:
        raise StoreError(f"stored {name!r} has the shape {array.shape}, {like.shape} is needed; {_REMEDY}")
    if like.dtype.kind in "iu" and not np.array_equal(array, raw):
        raise StoreError(f"stored {name!r} holds numbers that are no {like.dtype}; {_REMEDY}")
    return array


def require_frame(state: State, digest: str) -> None:
    """Raise StoreError unless the state was accumulated on the frame of that digest."""
    stored = state.get("frame")
    if not isinstance(stored, str) or stored != digest:
        raise StoreError(f"stored state belongs to another frame than {digest!r}; {_REMEDY}")
