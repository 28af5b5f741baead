"""When a stream of verdicts began to change: a running sum of evidence, a few numbers for each stream."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from monitor.types import FloatArray, IntArray, Level, MaskArray

REMEMBERED = 48
"""So many scores of calm windows are remembered of each stream, as far as memory allows."""
_FEW = 8
_MAX_REMEMBERED = 1 << 20
_HIGHEST = 6.0
_STRANGE, _CALM = 0.01, 1.0
_SMALLEST = 1e-12
_LARGEST = float(np.finfo(np.float32).max)
_BETS = np.array([0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95])
_ARRAYS = ("sums", "since_ms", "calm", "breaches", "noticed", "raised")
NEVER_MS = -1
"""The onset of a stream that is calm."""


def _single(scores: FloatArray) -> Any:
    """Return scores in half the memory; those beyond a float32, as of amounts of 1e300, are its largest number."""
    return np.clip(scores, -_LARGEST, _LARGEST).astype(np.float32)


def evidence(p_values: FloatArray) -> FloatArray:
    """Return ln of the mean of κ·p^(κ-1) over seven κ: positive below about p = 0.2, -0.5 at p = 0.5; NaN stays NaN.

    Each bet has the mean 1 where p is uniform, so that in control the evidence falls on average.
    Source: Vovk and Wang, E-values: calibration, combination and applications (2021).
    """
    p = np.clip(p_values, _SMALLEST, 1.0)
    # At most e^26 each, so that no care is needed against overflow.
    found: FloatArray = np.log(np.exp(np.log(p)[..., None] * (_BETS - 1)) @ (_BETS / _BETS.size))
    return found


class Onsets:
    """For every stream W ← max(0, W) + evidence; its onset is the start of the first window since W was ≤ 0.

    The p-value of a window is the larger one of the detector's and of the rank of the score among those of the last
    calm windows, once there are 8. So neither a detector that takes rows of one window for independent, nor an
    excursion within the noise, begins a change. Without a p-value the score is compared with its noise floor, as if it
    were half-normal; without that either, the level decides. UNKNOWN changes nothing. W is at most 6, and 0 again
    after `clear_after` calm windows on end of a stream that was not.

    `noticed` are the streams that were at warning or worse since then, `raised` those that were so for as many windows
    on end as raise an alert. Memory: 34 bytes and 48 scores a stream, fewer where there are over 20,000 streams.
    """

    def __init__(self, streams: int, clear_after: int) -> None:
        """Start calm."""
        self._clear_after = clear_after
        self.sums: FloatArray = np.zeros(streams)
        self.since_ms: IntArray = np.full(streams, NEVER_MS, np.int64)
        self.calm: IntArray = np.zeros(streams, np.int64)
        self.breaches: IntArray = np.zeros(streams, np.int64)
        self.noticed: MaskArray = np.zeros(streams, np.bool_)
        self.raised: MaskArray = np.zeros(streams, np.bool_)
        kept = min(REMEMBERED, _MAX_REMEMBERED // max(streams, 1))
        self._scores: Any = np.full((kept, streams), np.nan, np.float32)
        self._next = 0

    def step(
        self,
        start_ms: int,
        levels: IntArray,
        p_values: FloatArray,
        scores: FloatArray,
        noise_floors: FloatArray,
        raise_after: IntArray | int = 1,
    ) -> None:
        """Take one judged window that starts at `start_ms`: level, p-value, score and noise floor of every stream."""
        known, strange = levels != Level.UNKNOWN, levels >= Level.WARNING
        p = np.fmax(_own(p_values, scores, noise_floors), self._ranks(scores))
        p = np.where(np.isnan(p), np.where(strange, _STRANGE, _CALM), p)
        before = np.maximum(self.sums, 0.0)
        after = np.minimum(before + evidence(p), _HIGHEST)
        begins = known & (before <= 0) & (after > 0)
        self.sums = np.where(known, after, self.sums)
        self.since_ms[begins] = start_ms
        self.noticed |= strange
        self.breaches = np.where(strange, self.breaches + 1, np.where(known, 0, self.breaches))
        self.raised |= self.breaches >= raise_after
        self.calm = np.where(strange, 0, self.calm + (known & self.noticed))
        over = self.calm >= self._clear_after
        self.sums[over], self.noticed[over], self.raised[over], self.calm[over] = 0.0, False, False, 0
        self.since_ms[self.sums <= 0] = NEVER_MS
        if len(self._scores):
            self._scores[self._next] = _single(np.where(known & ~strange, scores, np.nan))
            self._next = (self._next + 1) % len(self._scores)

    def _ranks(self, scores: FloatArray) -> FloatArray:
        """Return the share of remembered scores that are as strange, NaN where fewer than 8 are remembered."""
        current = _single(scores)
        n = np.isfinite(self._scores).sum(axis=0)
        above = (self._scores > current).sum(axis=0) + (1 + (self._scores == current).sum(axis=0)) / 2
        return np.where((n >= _FEW) & np.isfinite(scores), above / (n + 1), np.nan)

    def picked(self, places: IntArray) -> Onsets:
        """Return the onsets of other streams: those at `places`, calm ones where that is negative."""
        other = Onsets(len(places), self._clear_after)
        old = places >= 0
        for name in _ARRAYS:
            getattr(other, name)[old] = getattr(self, name)[places[old]]
        kept = min(len(other._scores), len(self._scores))
        if kept:
            other._scores[:kept, old] = np.roll(self._scores, -self._next, axis=0)[-kept:, places[old]]
            other._next = kept % len(other._scores)
        return other

    def state(self) -> dict[str, Any]:
        """Return everything needed to continue, as arrays of its own."""
        arrays = {name: getattr(self, name).copy() for name in _ARRAYS}
        return {**arrays, "scores": self._scores.copy(), "next": self._next}

    def load(self, state: dict[str, Any]) -> None:
        """Continue from `state`; raises ValueError when it is of another number of streams."""
        for name in _ARRAYS:
            mine = getattr(self, name)
            if state[name].shape != mine.shape:
                raise ValueError(f"{name} are of {len(state[name])} streams, not {len(mine)}")
            setattr(self, name, np.array(state[name], mine.dtype))
        if state["scores"].shape != self._scores.shape:
            raise ValueError("remembered scores do not fit")
        self._scores = np.array(state["scores"], np.float32)
        self._next = int(state["next"])


def _own(p_values: FloatArray, scores: FloatArray, noise_floors: FloatArray) -> FloatArray:
    """Return the detectors' p-values; where there is none, that of a half-normal score with the noise floor as mean."""
    with np.errstate(divide="ignore", invalid="ignore"):
        guess = special.erfc(scores / noise_floors / np.sqrt(np.pi))
    return np.where(np.isnan(p_values), np.where(noise_floors > 0, guess, np.nan), p_values)
