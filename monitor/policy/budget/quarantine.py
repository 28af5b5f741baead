"""The scores of the last slots, which wait until it is certain enough that they are not the beginning of a fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.policy.budget.arrays import picked, stored
from monitor.types import FloatArray, IntArray, MaskArray

_NEVER = -(2**62)


class Quarantine:
    """A queue of `lag` slots with the scores and residuals of all streams; NaN where a stream had none."""

    def __init__(self, streams: int, lag: int) -> None:
        """Start without a slot."""
        self._starts = np.full(lag, _NEVER, np.int64)
        self._scores = np.full((lag, streams), np.nan, np.float32)
        self._residuals = np.full((lag, streams), np.nan, np.float32)
        self._next = 0

    def exchange(self, start_ms: int, scores: FloatArray, residuals: FloatArray) -> tuple[int, FloatArray, FloatArray]:
        """Put a slot in line; return the start, scores and residuals of the one that has waited long enough."""
        if not len(self._starts):
            return start_ms, scores.astype(np.float32), residuals.astype(np.float32)
        at = self._next
        waited = int(self._starts[at]), self._scores[at].copy(), self._residuals[at].copy()
        self._starts[at], self._scores[at], self._residuals[at] = start_ms, scores, residuals
        self._next = (at + 1) % len(self._starts)
        return waited

    def drop(self, streams: MaskArray) -> None:
        """Forget what waits of these streams."""
        if streams.any():
            self._scores[:, streams], self._residuals[:, streams] = np.nan, np.nan

    def pick(self, columns: IntArray) -> None:
        """Go on with these streams, -1 for a new one."""
        self._scores = picked(self._scores, columns, empty=np.nan)
        self._residuals = picked(self._residuals, columns, empty=np.nan)

    def state(self) -> dict[str, Any]:
        """Return the arrays."""
        arrays = {"starts": self._starts, "scores": self._scores, "residuals": self._residuals}
        return {**arrays, "next": self._next}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        self._starts = stored(state, "starts", self._starts)
        self._scores, self._residuals = (
            stored(state, name, like) for name, like in (("scores", self._scores), ("residuals", self._residuals))
        )
        self._next = int(state["next"]) % max(len(self._starts), 1)
