"""What a stream's score usually is at this time of the day or the week, by the cycles before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.policy.budget.arrays import picked, stored
from monitor.policy.budget.rules import Rules
from monitor.types import FloatArray, IntArray, MaskArray

_MEMORY = 8
_SPREAD_MEMORY = 64
_CLIP = 2.5
_NEVER = -(2**62)


class Season:
    """The mean of each bin over earlier cycles (an average that remembers 8 of them), for each stream.

    A cycle moves a mean no farther than 2.5 times as much as is usual (Huber's bounded influence).

    A residual is never taken from a mean that its own cycle is part of, neither now nor when it is compared with: a
    mean fitted to the same scores would make those look smaller than new ones, and every new one look strange.
    """

    def __init__(self, streams: int, rules: Rules) -> None:
        """Start without a cycle; without bins every residual is the score itself."""
        shape = (rules.bins, streams)
        self._rules = rules
        self._mean, self._cycles = np.zeros(shape, np.float32), np.zeros(shape, np.int16)
        self._sum, self._count = np.zeros(shape, np.float32), np.zeros(shape, np.int16)
        self._cycle = np.full(rules.bins, _NEVER, np.int64)
        self._spread, self._spreads = np.zeros(streams, np.float32), np.zeros(streams, np.int16)

    def residuals(self, start_ms: int, scores: FloatArray) -> FloatArray:
        """Return the scores less what is usual; NaN where no earlier cycle has this bin."""
        if not self._rules.bins:
            return scores
        at, cycle = self._place(start_ms)
        if self._cycle[at] < cycle:
            self._fold(at)
        return np.where(self._cycles[at] > 0, scores - self._mean[at], np.nan)

    def learn(self, start_ms: int, scores: FloatArray, admitted: MaskArray) -> None:
        """Take in the scores of a slot that are admitted; they count from the next cycle on."""
        if not self._rules.bins or start_ms == _NEVER:
            return
        at, cycle = self._place(start_ms)
        if self._cycle[at] < cycle:
            self._fold(at)
            self._cycle[at] = cycle
        known = admitted & ~np.isnan(scores)
        self._sum[at] += np.where(known, scores, 0)
        self._count[at] += known

    def in_sample(self, start_ms: int) -> FloatArray | float:
        """Return by which factor a residual would be smaller, had the mean been fitted to its own cycle too."""
        if not self._rules.bins or start_ms == _NEVER:
            return 1.0
        cycles = np.minimum(self._cycles[self._place(start_ms)[0]], _MEMORY - 1)
        return np.asarray(cycles / (cycles + 1.0))

    def _place(self, start_ms: int) -> tuple[int, int]:
        """Return the bin and the cycle of a slot."""
        cycle, within = divmod(start_ms, self._rules.cycle_ms)
        return within // self._rules.bin_ms, cycle

    def _fold(self, at: int) -> None:
        """Let what was learnt of a bin in its last cycle become part of its mean."""
        learnt = self._count[at] > 0
        cycles = np.minimum(self._cycles[at] + learnt, _MEMORY)
        now = self._sum[at] / np.maximum(self._count[at], 1)
        off = self._bounded(now - self._mean[at], learnt & (self._cycles[at] > 0))
        self._mean[at] += np.where(learnt, off / np.maximum(cycles, 1), 0).astype(np.float32)
        self._cycles[at] = cycles
        self._sum[at], self._count[at] = 0, 0

    def _bounded(self, off: FloatArray, judged: MaskArray) -> FloatArray:
        """Return deviations from the means, no larger than 2.5 of their usual size; learn that size.

        One strange slot would else make the same time of the next eight cycles look strange the other way. What never
        deviated has no usual size: its mean may go anywhere.
        """
        enough = judged & (self._spreads >= _MEMORY) & (self._spread > 0)
        found = np.where(enough, np.clip(off, -_CLIP * self._spread, _CLIP * self._spread), off)
        n = np.minimum(self._spreads + judged, _SPREAD_MEMORY)
        step = (np.abs(found) - self._spread) / np.maximum(n, 1)
        self._spread += np.where(judged, step, 0).astype(np.float32)
        self._spreads = n.astype(np.int16)
        return np.asarray(found)

    def pick(self, columns: IntArray) -> None:
        """Go on with these streams, -1 for a new one."""
        self._mean, self._sum = picked(self._mean, columns, empty=0), picked(self._sum, columns, empty=0)
        self._cycles, self._count = picked(self._cycles, columns, empty=0), picked(self._count, columns, empty=0)
        self._spread, self._spreads = picked(self._spread, columns, empty=0), picked(self._spreads, columns, empty=0)

    def state(self) -> dict[str, Any]:
        """Return the arrays."""
        arrays = {"mean": self._mean, "cycles": self._cycles, "sum": self._sum, "count": self._count}
        return {**arrays, "cycle": self._cycle, "spread": self._spread, "spreads": self._spreads}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        self._mean, self._cycles = stored(state, "mean", self._mean), stored(state, "cycles", self._cycles)
        self._sum, self._count = stored(state, "sum", self._sum), stored(state, "count", self._count)
        self._cycle = stored(state, "cycle", self._cycle)
        if "spread" in state:  # not yet in the stores of earlier versions
            self._spread, self._spreads = stored(state, "spread", self._spread), stored(state, "spreads", self._spreads)
