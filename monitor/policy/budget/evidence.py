"""Evidence against "nothing has changed": bets on small p-values, summed up by the rule of Shiryaev and Roberts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.policy.budget.arrays import picked, stored
from monitor.types import FloatArray, IntArray, MaskArray

KAPPAS = np.array([0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95])[:, None]
_LOG_KAPPAS = np.log(KAPPAS)
_LARGEST = 1e100


def log_bets(p_values: FloatArray, tau: FloatArray) -> FloatArray:
    """Return ln of (κ p^(κ-1))^(1/τ) for each bet κ and stream (bets x streams); NaN where the p-value is.

    At τ = 1 each has the mean 1 for a uniform p. Source: Vovk & Wang, E-values: calibration, combination (2021).
    """
    return np.asarray((_LOG_KAPPAS + (KAPPAS - 1) * np.log(p_values)) / tau)


class Evidence:
    """Per stream and bet M, with M ← (M + 1)·e; per stream the slots since M was 0, the onset and the recovery.

    M is kept as it is and stops at 1e100, far beyond any threshold. The onset is where Page's sum W ← max(0, W) + ln e
    was last at or below 0, the recovery is the same sum of -ln e.
    """

    def __init__(self, streams: int) -> None:
        """Start without evidence."""
        self._sums: FloatArray = np.zeros((len(KAPPAS), streams))
        self.slots: IntArray = np.zeros(streams, np.int64)
        self._rise: FloatArray = np.zeros(streams)
        self._fall: FloatArray = np.zeros(streams)
        self.onset_ms: IntArray = np.full(streams, -1, np.int64)

    @property
    def logs(self) -> FloatArray:
        """Logarithm of M of each stream, the mean over the bets; -inf without evidence."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self._sums.mean(axis=0)))

    @property
    def recovered(self) -> FloatArray:
        """How much speaks for calm, in nats."""
        return self._fall

    def step(self, start_ms: int, bets: FloatArray, gathering: MaskArray, known: MaskArray) -> None:
        """Take one slot's bets: M of the streams that are `gathering`, the sums of all whose p-value is known."""
        e = np.exp(bets)
        grown = np.minimum((self._sums + 1.0) * e, _LARGEST)
        self._sums = np.where(gathering, grown, self._sums)
        self.slots += gathering
        found = np.log(e.mean(axis=0))
        self.onset_ms = np.where(known & (self._rise <= 0), start_ms, self.onset_ms)
        self._rise = np.where(known, np.maximum(self._rise, 0.0) + found, self._rise)
        self._fall = np.where(known, np.maximum(self._fall, 0.0) - found, self._fall)

    def reset(self, streams: MaskArray) -> None:
        """Begin anew with these streams: M and what speaks for calm are 0."""
        self._sums[:, streams], self.slots[streams] = 0.0, 0
        self._fall[streams] = 0.0

    def pick(self, columns: IntArray) -> None:
        """Go on with these streams, -1 for a new one."""
        self._sums, self.slots = picked(self._sums, columns, empty=0.0), picked(self.slots, columns, empty=0)
        self._rise, self._fall = picked(self._rise, columns, empty=0.0), picked(self._fall, columns, empty=0.0)
        self.onset_ms = picked(self.onset_ms, columns, empty=-1)

    def state(self) -> dict[str, Any]:
        """Return the arrays."""
        arrays = {"sums": self._sums, "slots": self.slots, "rise": self._rise, "fall": self._fall}
        return {**arrays, "onset_ms": self.onset_ms}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        self._sums, self.slots = stored(state, "sums", self._sums), stored(state, "slots", self.slots)
        self._rise, self._fall = stored(state, "rise", self._rise), stored(state, "fall", self._fall)
        self.onset_ms = stored(state, "onset_ms", self.onset_ms)
