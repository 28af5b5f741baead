"""How many successive slots are worth one independent one: the integrated autocorrelation time of each stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import special

from monitor.policy.budget.arrays import picked, stored
from monitor.types import FloatArray, IntArray, MaskArray

LAGS = 64
_MEMORY = 2000
_FORGET = np.float32(1 - 1 / _MEMORY)
_SMALLEST = 1e-5


class Tempering:
    """τ = 1 + 2 Σ acf of the p-values' normal scores, over the lags up to the first that is lost in noise.

    The sums forget with a memory of 2000 slots. Lag k counts while its correlation is above 1/√n, n the slots it was
    estimated from (the initial positive sequence of Geyer 1992, cut at the noise); at most 64 lags. A slot that is not
    known is left out, as it is from the evidence, so its neighbours are neighbours. Bursts, slots that are strange
    together without a common sign, have no such correlation; taking -ln p beside it helped far too little.
    """

    def __init__(self, streams: int) -> None:
        """Start without a slot: τ is 1."""
        self._recent = np.zeros((LAGS, streams), np.float32)
        self._sums = np.zeros((LAGS + 1, streams), np.float32)
        self._slots = np.zeros(streams, np.float32)
        self.tau: FloatArray = np.ones(streams)

    def learn(self, p_values: FloatArray, calm: MaskArray) -> None:
        """Take in a slot; one in which a stream is not calm, or has no p-value, is left out of it."""
        p = np.clip(np.where(calm, p_values, 0.5), _SMALLEST, 1 - _SMALLEST)
        now = special.ndtri(1 - p).astype(np.float32)
        self._sums *= np.where(calm, _FORGET, np.float32(1))
        self._sums[0] += now * now
        self._sums[1:] += now * self._recent
        self._slots = np.where(calm, self._slots * _FORGET + 1, self._slots)
        shifted = np.concatenate((now[None], self._recent[:-1]))
        self._recent = shifted if calm.all() else np.where(calm, shifted, self._recent)

    def estimate(self) -> None:
        """Work out τ from what was learnt; to be asked now and then, for it costs more than a slot."""
        acf = self._sums[1:] / np.maximum(self._sums[0], _SMALLEST)
        counted = np.logical_and.accumulate(acf > 1 / np.sqrt(np.maximum(self._slots, 1)), axis=0)
        self.tau = np.maximum(1 + 2 * np.where(counted, acf, 0).astype(np.float64).sum(axis=0), 1.0)

    def pick(self, columns: IntArray) -> None:
        """Go on with these streams, -1 for a new one."""
        self._recent, self.tau = picked(self._recent, columns, empty=0), picked(self.tau, columns, empty=1.0)
        self._sums, self._slots = picked(self._sums, columns, empty=0), picked(self._slots, columns, empty=0)

    def state(self) -> dict[str, Any]:
        """Return the arrays."""
        return {"recent": self._recent, "sums": self._sums, "slots": self._slots, "tau": self.tau}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        self._recent, self.tau = stored(state, "recent", self._recent), stored(state, "tau", self.tau)
        self._sums, self._slots = stored(state, "sums", self._sums), stored(state, "slots", self._slots)
