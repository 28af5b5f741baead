"""Joining labels to the predictions that they are of, by id and within a time, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from monitor.errors import DAMAGE, StoreError
from monitor.hashing import HashArray
from monitor.models.pool import Pool, Run
from monitor.protocols import State
from monitor.types import FloatArray, IntArray, MaskArray

DELAY_BOUNDS_S = (1.0, 10.0, 60.0, 600.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0, 259_200.0, 604_800.0, 2_592_000.0)
"""Where the histogram of label delays is cut; the last bucket is open."""
_MOST_HALVINGS = 40
_ALL_BITS = 64


@dataclass
class JoinCounts:
    """What became of predictions and labels since the store began.

    labels = joined + duplicate + orphan + those that still wait, all of the ids that are looked at.
    """

    predictions: int = 0
    matured: int = 0
    joined: int = 0
    duplicate: int = 0
    orphan: int = 0
    late: int = 0
    unsampled: int = 0
    delays: list[int] = field(default_factory=lambda: [0] * (len(DELAY_BOUNDS_S) + 1))
    delay_sum_s: float = 0.0

    def delay(self, delays_ms: IntArray) -> None:
        """Count how long labels took; one that is older than its prediction took no time."""
        seconds = np.maximum(delays_ms, 0) / 1000
        cells = np.bincount(np.searchsorted(DELAY_BOUNDS_S, seconds), minlength=len(self.delays))
        self.delays = [before + more for before, more in zip(self.delays, cells.tolist(), strict=True)]
        self.delay_sum_s += float(seconds.sum())


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels that wait for their prediction: key hashes, event times and values, in the order in which they came."""

    keys: HashArray
    times_ms: IntArray
    values: FloatArray

    @classmethod
    def none(cls) -> Labels:
        """Return no labels."""
        return cls(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0))

    def __len__(self) -> int:
        """Return the number of labels."""
        return self.keys.size

    def take(self, rows: MaskArray | IntArray) -> Labels:
        """Return those only."""
        return Labels(self.keys[rows], self.times_ms[rows], self.values[rows])

    def plus(self, other: Labels) -> Labels:
        """Return these and then the other's."""
        return Labels(
            np.concatenate((self.keys, other.keys)),
            np.concatenate((self.times_ms, other.times_ms)),
            np.concatenate((self.values, other.values)),
        )

    @classmethod
    def of_state(cls, state: State) -> Labels:
        """Return stored labels; raises KeyError or ValueError where they are none."""
        keys, times_ms = np.array(state["keys"], np.uint64), np.array(state["times_ms"], np.int64)
        values = np.array(state["values"], np.float64)
        if not keys.shape == times_ms.shape == values.shape or keys.ndim != 1:
            raise ValueError("labels of another shape")
        return cls(keys, times_ms, values)


class Joiner:
    """Predictions wait in a `Pool`, labels without a prediction beside it; both at most `max_pending`.

    Over it the ids are sampled: only those whose hash is below a bound are looked at, on both sides, so that every
    share stays what it is and only its interval grows. The bound is halved until the rest fits and doubled again once
    three quarters of the room is free. A label belongs to the newest prediction of its id that is at most `reach_ms`
    away in event time, whichever was read first. Ids are compared by 64-bit hash: of n that wait a label finds a
    stranger with a chance of n/2^64.
    """

    def __init__(self, reach_ms: int, max_pending: int, scores: int, dimensions: int) -> None:
        """Start with nobody waiting."""
        self._reach_ms, self._max_pending = reach_ms, max_pending
        self._scores, self._dimensions = scores, dimensions
        self.pool = Pool(scores, dimensions)
        self.labels = Labels.none()
        self.counts = JoinCounts()
        self._halvings = 0
        self._strict, self._strict_until_ms = 0, np.iinfo(np.int64).min

    @property
    def sampled_ratio(self) -> float:
        """The share of all ids that is looked at."""
        return float(2.0**-self._halvings)

    def predict(self, rows: Run) -> None:
        """Take predictions, and give them the labels that were here first."""
        seen = self._looked_at(rows.keys, self._halvings)
        late = rows.times_ms < self.pool.from_ms
        self.counts.unsampled += int(np.count_nonzero(~seen & ~late))
        self.counts.late += int(np.count_nonzero(late))
        rows = rows.take(seen & ~late)
        self.counts.predictions += len(rows)
        self.pool.add(rows)
        waiting = np.isin(self.labels.keys, rows.keys) if len(self.labels) and len(rows) else np.zeros(0, np.bool_)
        if waiting.any():
            found, rest = self.labels.take(waiting), self.labels.take(~waiting)
            fate = self._give(found)
            self.labels = rest.plus(found.take(fate == 0))
        self._shrink()

    def label(self, found: Labels) -> None:
        """Take labels; those whose prediction is not here yet wait for it."""
        seen = self._looked_at(found.keys, self._halvings)
        found = found if seen.all() else found.take(seen)
        if len(found):
            fate = self._give(found)
            self.labels = self.labels.plus(found.take(fate == 0))
            self._shrink()

    def mature(self, until_ms: int, watermark_ms: int) -> Run:
        """Return the predictions from before `until_ms`, labelled or not, and give up the labels that wait too long."""
        rows = self.pool.take_before(until_ms)
        self.counts.matured += len(rows)
        over = self.labels.times_ms + self._reach_ms < watermark_ms
        if over.any():
            sure = self._looked_at(self.labels.keys[over], self._strict)
            self.counts.orphan += int(np.count_nonzero(sure))
            self.labels = self.labels.take(~over)
        if watermark_ms > self._strict_until_ms:
            self._strict = self._halvings
        if self._halvings and 4 * max(len(self.pool), len(self.labels)) < self._max_pending and len(rows):
            # Until all that waits was sampled by the new bound, a label without prediction may be one left out.
            self._strict_until_ms = watermark_ms + 2 * self._reach_ms
            self._halvings -= 1
        return rows

    def _give(self, found: Labels) -> IntArray:
        fate, delays_ms = self.pool.give(found.keys, found.times_ms, found.values, self._reach_ms)
        self.counts.joined += int(np.count_nonzero(fate == 1))
        self.counts.duplicate += int(np.count_nonzero(fate == -1))
        self.counts.delay(delays_ms[fate == 1])
        return fate

    def _looked_at(self, keys: HashArray, halvings: int) -> MaskArray:
        return keys < self._theta(halvings) if halvings else np.ones(keys.size, np.bool_)

    @staticmethod
    def _theta(halvings: int) -> np.uint64:
        return np.uint64(1 << (_ALL_BITS - halvings))

    def _shrink(self) -> None:
        """Look at half as many ids until what waits fits."""
        while self._halvings < _MOST_HALVINGS and self._crowded():
            self._halvings += 1
            self._strict = max(self._strict, self._halvings)
            theta = self._theta(self._halvings)
            before = len(self.pool)
            self.pool.keep_below(theta)
            self.counts.unsampled += before - len(self.pool)
            self.labels = self.labels.take(self.labels.keys < theta)

    def _crowded(self) -> bool:
        return len(self.labels) > self._max_pending or (
            self.pool.size > self._max_pending and len(self.pool) > self._max_pending
        )

    def state(self) -> State:
        """Return everything needed to go on; arrays are its own, to be read before the next batch."""
        labels = {"keys": self.labels.keys, "times_ms": self.labels.times_ms, "values": self.labels.values}
        return {
            "pool": self.pool.state(),
            "labels": labels,
            "counts": {name: value for name, value in vars(self.counts).items() if name != "delays"},
            "delays": np.array(self.counts.delays, np.int64),
            "halvings": [self._halvings, self._strict, int(self._strict_until_ms)],
        }

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError, unchanged, when it does not fit."""
        try:
            pool = Pool(self._scores, self._dimensions)
            pool.load(state["pool"])
            labels = Labels.of_state(state["labels"])
            counts = JoinCounts(**state["counts"], delays=state["delays"].tolist())
            halvings, strict, strict_until_ms = map(int, state["halvings"])
        except DAMAGE as error:
            raise StoreError(f"stored predictions that wait are damaged ({error}); reset the checkpoint") from error
        self.pool, self.labels, self.counts = pool, labels, counts
        self._halvings, self._strict, self._strict_until_ms = halvings, strict, strict_until_ms
