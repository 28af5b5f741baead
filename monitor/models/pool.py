"""Predictions that wait for their labels: sorted runs of 64-bit keys, no row looked at in Python."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from monitor.hashing import HashArray
from monitor.protocols import State
from monitor.types import CodeArray, FloatArray, IntArray, MaskArray


@dataclass(frozen=True, eq=False)
class Run:
    """Predictions in ascending order of key, then time, of n rows, S scores and D segment dimensions.

    `keys` (n) hashes of ids, `times_ms` (n), `offsets` (n) in their partitions, `said` (n x 1+S) the prediction and the
    probabilities, `codes` (n x D) the segments, `labels` (n) NaN until there is one. Classes are their indices.
    """

    keys: HashArray
    times_ms: IntArray
    offsets: IntArray
    said: FloatArray
    codes: CodeArray
    labels: FloatArray

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.keys.size

    def take(self, rows: IntArray | MaskArray | slice) -> Run:
        """Return those rows only, in that order."""
        return Run(*(getattr(self, item.name)[rows] for item in fields(self)))

    def sorted(self) -> Run:
        """Return the rows in the order of a run."""
        return self.take(np.lexsort((self.times_ms, self.keys)))

    @classmethod
    def none(cls, scores: int, dimensions: int) -> Run:
        """Return no rows."""
        empty: dict[str, Any] = {"keys": np.zeros(0, np.uint64), "labels": np.zeros(0)}
        times = np.zeros(0, np.int64)
        return cls(
            empty["keys"],
            times,
            times,
            np.zeros((0, 1 + scores)),
            np.zeros((0, dimensions), np.int32),
            empty["labels"],
        )

    @classmethod
    def joined(cls, runs: list[Run]) -> Run:
        """Return the rows of some runs, at least one, below each other."""
        return cls(*(np.concatenate([getattr(run, item.name) for run in runs]) for item in fields(cls)))

    def state(self) -> State:
        """Return its own arrays, to be read before the next batch."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def of_state(cls, state: State, scores: int, dimensions: int) -> Run:
        """Return a stored run; raises KeyError, TypeError or ValueError where it is none."""
        empty = cls.none(scores, dimensions)
        found = {}
        for item in fields(cls):
            array, like = state[item.name], getattr(empty, item.name)
            if array.dtype != like.dtype or array.shape[1:] != like.shape[1:] or len(array) != len(state["keys"]):
                raise ValueError(f"{item.name} of another shape")
            found[item.name] = array.copy()
        return cls(**found)


class Pool:
    """Runs of doubling size, so that adding costs a sort of what is new and, now and then, a merge.

    Rows before `from_ms` have been taken and are only waiting to be swept out. A probe costs a binary search in each
    run, of which there are at most about log2 of the rows. Memory: 8 · (5 + S) + 4 · D bytes a row, twice while merged.
    """

    def __init__(self, scores: int, dimensions: int) -> None:
        """Start empty."""
        self._scores, self._dimensions = scores, dimensions
        self._runs: list[Run] = []
        self.from_ms = np.iinfo(np.int64).min

    def __len__(self) -> int:
        """Return how many rows wait."""
        return sum(int(np.count_nonzero(run.times_ms >= self.from_ms)) for run in self._runs)

    @property
    def size(self) -> int:
        """How many rows are kept, those that were taken already too."""
        return sum(len(run) for run in self._runs)

    def add(self, rows: Run) -> None:
        """Put rows in; their labels may be known."""
        if not len(rows):
            return
        self._runs.append(rows.sorted())
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            last = Run.joined([self._runs.pop(-2), self._runs.pop()])
            self._runs.append(self._alive(last).sorted())

    def give(self, keys: HashArray, times_ms: IntArray, labels: FloatArray, reach_ms: int) -> tuple[IntArray, IntArray]:
        """Give each label to the newest prediction of its key at most `reach_ms` away.

        Returns for each label what became of it (1 it was taken, 0 there is no such prediction, -1 that has a label
        already: the first stays) and the milliseconds from the prediction to it, 0 without one.
        """
        newest = np.full(keys.size, np.iinfo(np.int64).min)
        run_of, place = np.full(keys.size, -1), np.zeros(keys.size, np.int64)
        for number, run in enumerate(self._runs):
            at = np.searchsorted(run.keys, keys, side="right") - 1
            hit = (at >= 0) & (run.keys[np.maximum(at, 0)] == keys)
            times = np.where(hit, run.times_ms[np.maximum(at, 0)], np.iinfo(np.int64).min)
            better = hit & (times >= self.from_ms) & (times > newest) & (np.abs(times_ms - times) <= reach_ms)
            newest[better], run_of[better], place[better] = times[better], number, at[better]
        fate = np.zeros(keys.size, np.int64)
        for number, run in enumerate(self._runs):
            mine = np.flatnonzero(run_of == number)
            if not mine.size:
                continue
            rows, first = np.unique(place[mine], return_index=True)
            free = np.isnan(run.labels[rows])
            taken = mine[first[free]]
            fate[mine], fate[taken] = -1, 1
            run.labels[rows[free]] = labels[taken]
        return fate, np.where(run_of >= 0, times_ms - newest, 0)

    def take_before(self, until_ms: int) -> Run:
        """Return, and have no more, the rows from before `until_ms`, by time, then offset, then key."""
        found = [run.take((run.times_ms >= self.from_ms) & (run.times_ms < until_ms)) for run in self._runs]
        self.from_ms = max(self.from_ms, until_ms)
        self._runs = [run for run in map(self._swept, self._runs) if len(run)]
        if not found:
            return Run.none(self._scores, self._dimensions)
        rows = Run.joined(found)
        return rows.take(np.lexsort((rows.keys, rows.offsets, rows.times_ms)))

    def keep_below(self, theta: np.uint64) -> None:
        """Forget all rows whose key is not below `theta`."""
        kept = (run.take(slice(0, int(np.searchsorted(run.keys, theta)))) for run in self._runs)
        self._runs = [run for run in kept if len(run)]

    def _alive(self, run: Run) -> Run:
        alive = run.times_ms >= self.from_ms
        return run if alive.all() else run.take(alive)

    def _swept(self, run: Run) -> Run:
        """Return the run without the rows that were taken, once these are half of it."""
        alive = int(np.count_nonzero(run.times_ms >= self.from_ms))
        return self._alive(run) if 2 * alive <= len(run) else run

    def state(self) -> State:
        """Return its own arrays, to be read before the next batch."""
        return {"from_ms": int(self.from_ms), "runs": {str(i): run.state() for i, run in enumerate(self._runs)}}

    def load(self, state: State) -> None:
        """Become what `state` describes; raises KeyError, TypeError or ValueError on damage."""
        runs = state["runs"]
        self._runs = [Run.of_state(runs[str(i)], self._scores, self._dimensions) for i in range(len(runs))]
        self.from_ms = int(state["from_ms"])
