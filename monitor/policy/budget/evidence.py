"""Evidence against "nothing has changed": bets on small p-values, summed up by the rule of Shiryaev and Roberts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.policy.budget.arrays import picked, stored
from monitor.types import FloatArray, IntArray, MaskArray

KAPPAS = np.array([0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95])[:, None]
_LOG_KAPPAS = np.log(KAPPAS)
_LOG_BETS = float(np.log(len(KAPPAS)))


def log_bets(p_values: FloatArray, tau: FloatArray) -> FloatArray:
    """Return ln of (κ p^(κ-1))^(1/τ) for each bet κ and stream (bets x streams); NaN where the p-value is.

    At τ = 1 each has the mean 1 for a uniform p. Source: Vovk & Wang, E-values: calibration, combination (2021).
    """
    return np.asarray((_LOG_KAPPAS + (KAPPAS - 1) * np.log(p_values)) / tau)


def log_mean(logs: FloatArray) -> FloatArray:
    """Return ln of the mean of the exponentials over the bets; -inf where all are."""
    top = logs.max(axis=0)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(logs - safe).sum(axis=0)) + safe - _LOG_BETS)


class Evidence:
    """Per stream and bet ln M, with M ← (M + 1)·e; per stream the slots since M was 0, the onset and the recovery.

    The onset is where Page's sum W ← max(0, W) + ln e was last at or below 0, the recovery is the same sum of -ln e.
    """

    def __init__(self, streams: int) -> None:
        """Start without evidence."""
        self._logs: FloatArray = np.full((len(KAPPAS), streams), -np.inf)
        self.slots: IntArray = np.zeros(streams, np.int64)
        self._rise: FloatArray = np.zeros(streams)
        self._fall: FloatArray = np.zeros(streams)
        self.onset_ms: IntArray = np.full(streams, -1, np.int64)
        self.log_e: FloatArray = np.zeros(streams)
        """ln of the last slot's mean bet; not part of the state."""

    @property
    def logs(self) -> FloatArray:
        """Logarithm of M of each stream, the mean over the bets; -inf without evidence."""
        return log_mean(self._logs)

    @property
    def recovered(self) -> FloatArray:
        """How much speaks for calm, in nats."""
        return self._fall

    def step(self, start_ms: int, bets: FloatArray, gathering: MaskArray, known: MaskArray) -> None:
        """Take one slot's bets: M of the streams that are `gathering`, the sums of all whose p-value is known."""
        grown = np.logaddexp(self._logs, 0.0) + bets
        self._logs = np.where(gathering, grown, self._logs)
        self.slots += gathering
        found = log_mean(bets)
        self.onset_ms = np.where(known & (self._rise <= 0), start_ms, self.onset_ms)
        self._rise = np.where(known, np.maximum(self._rise, 0.0) + found, self._rise)
        self._fall = np.where(known, np.maximum(self._fall, 0.0) - found, self._fall)
        self.log_e = np.where(known, found, np.nan)

    def reset(self, streams: MaskArray) -> None:
        """Begin anew with these streams: M and what speaks for calm are 0."""
        self._logs[:, streams], self.slots[streams] = -np.inf, 0
        self._fall[streams] = 0.0

    def pick(self, columns: IntArray) -> None:
        """Go on with these streams, -1 for a new one."""
        self._logs, self.slots = picked(self._logs, columns, empty=-np.inf), picked(self.slots, columns, empty=0)
        self._rise, self._fall = picked(self._rise, columns, empty=0.0), picked(self._fall, columns, empty=0.0)
        self.onset_ms, self.log_e = picked(self.onset_ms, columns, empty=-1), picked(self.log_e, columns, empty=0.0)

    def state(self) -> dict[str, Any]:
        """Return the arrays."""
        arrays = {"logs": self._logs, "slots": self.slots, "rise": self._rise, "fall": self._fall}
        return {**arrays, "onset_ms": self.onset_ms}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        self._logs, self.slots = stored(state, "logs", self._logs), stored(state, "slots", self.slots)
        self._rise, self._fall = stored(state, "rise", self._rise), stored(state, "fall", self._fall)
        self.onset_ms = stored(state, "onset_ms", self.onset_ms)
