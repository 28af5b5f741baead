"""What a score is compared with: the last scores of its own stream that nothing was wrong with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.policy.budget.arrays import picked, stored
from monitor.types import FloatArray, IntArray, MaskArray

SmallArray = NDArray[np.float32]
_BLOCK = 64
"""Rows that are compared at once: their answers stay in the processor's cache, and their sums in a byte."""


class Calibration:
    """A ring of scores for each stream, float32 (capacity x streams), NaN where there is none yet."""

    def __init__(self, streams: int, capacity: int) -> None:
        """Start empty."""
        self._scores: SmallArray = np.full((capacity, streams), np.nan, np.float32)
        self._next: IntArray = np.zeros(streams, np.int64)

    @property
    def sizes(self) -> IntArray:
        """How many scores each stream is compared with."""
        return np.minimum(self._next, len(self._scores))

    def p_values(self, scores: SmallArray, lots: FloatArray) -> FloatArray:
        """Return (#{above} + U (1 + #{equal})) / (n + 1) of each score, NaN where the score is.

        If the score and those it is compared with are exchangeable it is exactly uniform, ties or not.
        Source: Vovk, Gammerman & Shafer, Algorithmic learning in a random world (2005), smoothed conformal p-values.
        """
        above, at_least = np.zeros(scores.size, np.int64), np.zeros(scores.size, np.int64)
        answers = np.empty((_BLOCK, scores.size), np.bool_)
        sums = answers.view(np.uint8)
        used = int(self.sizes.max(initial=0))
        for start in range(0, used, _BLOCK):
            rows = self._scores[start : start + _BLOCK]
            np.greater(rows, scores, out=answers[: len(rows)])
            above += np.add.reduce(sums[: len(rows)], axis=0, dtype=np.uint8)
            np.greater_equal(rows, scores, out=answers[: len(rows)])
            at_least += np.add.reduce(sums[: len(rows)], axis=0, dtype=np.uint8)
        p = (above + lots * (1 + at_least - above)) / (self.sizes + 1)
        return np.where(np.isnan(scores), np.nan, p)

    def add(self, scores: SmallArray, admitted: MaskArray) -> None:
        """Take in the scores that are admitted and known; the oldest of each stream gives way."""
        columns = np.flatnonzero(admitted & ~np.isnan(scores))
        self._scores[self._next[columns] % len(self._scores), columns] = scores[columns]
        self._next[columns] += 1

    def quantile(self, column: int, q: float) -> float:
        """Return a quantile of one stream's scores, NaN without any."""
        known = self._scores[: self.sizes[column], column]
        return float(np.quantile(known, q)) if known.size else float("nan")

    def ordered(self, columns: IntArray) -> SmallArray:
        """Return the last scores of some streams, oldest first, as many as the stream with the fewest has."""
        sizes, ends = self.sizes[columns], self._next[columns]
        n = int(sizes.min(initial=len(self._scores))) if columns.size else 0
        places = (ends[None, :] - n + np.arange(n)[:, None]) % len(self._scores)
        return np.asarray(self._scores[places, columns[None, :]])

    def pick(self, columns: IntArray) -> None:
        """Go on with these streams, -1 for a new one."""
        self._scores, self._next = picked(self._scores, columns, empty=np.nan), picked(self._next, columns, empty=0)

    def state(self) -> dict[str, Any]:
        """Return the arrays."""
        return {"scores": self._scores, "next": self._next}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        self._scores, self._next = stored(state, "scores", self._scores), stored(state, "next", self._next)
