"""Which vectors point almost where one did that came before within a horizon, in fixed memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.checks.crowding import crowded_out
from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State
from monitor.types import FloatArray, IntArray, MaskArray

_CHUNK = 256


def vector_bytes(capacity: int, dimension: int) -> int:
    """Return what a memory of so many vectors takes at most."""
    return (capacity + _CHUNK) * (4 * dimension + 8)


class NearVectors:
    """The directions of the last `capacity` vectors, with each of which every new one is compared.

    Exact but for single precision, about 1e-6 of the cosine. A row costs 2·capacity·d operations, 4·d bytes are kept
    of each vector.
    """

    def __init__(self, similarity: float, horizon_ms: int, capacity: int, dimension: int) -> None:
        """Start with no vector."""
        self._similarity, self._horizon_ms, self._capacity = np.float32(similarity), horizon_ms, capacity
        self._total = 0
        self.forgotten = 0
        self._clock_ms: int | None = None
        self._directions: NDArray[np.float32] = np.zeros((capacity + _CHUNK, dimension), np.float32)
        self._clocks: IntArray = np.zeros(capacity + _CHUNK, np.int64)

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return int(self._directions.shape[1])

    def observe(self, vectors: FloatArray, times_ms: IntArray) -> tuple[MaskArray, MaskArray]:
        """Return which vectors are like an earlier one, and which have a direction; remember those."""
        found = np.zeros(len(vectors), np.bool_)
        # Divided first, so that no square overflows or vanishes.
        largest = np.abs(vectors).max(axis=1, initial=0.0)
        marks: MaskArray = largest > 0
        clocks = np.maximum.accumulate(times_ms)
        if self._clock_ms is not None:
            np.maximum(clocks, self._clock_ms, out=clocks)
        if clocks.size:
            self._clock_ms = int(clocks[-1])
        chosen = np.flatnonzero(marks)
        for start in range(0, chosen.size, _CHUNK):
            rows = chosen[start : start + _CHUNK]
            scaled = vectors[rows] / largest[rows, None]
            directions = (scaled / np.linalg.norm(scaled, axis=1, keepdims=True)).astype(np.float32)
            found[rows] = self._take(directions, clocks[rows])
        return found, marks

    def _take(self, directions: NDArray[np.float32], clocks: IntArray) -> MaskArray:
        """Return which of at most 256 directions are like an earlier one, and remember them."""
        numbers = self._total + np.arange(len(directions))
        size = len(self._clocks)
        self._directions[numbers % size], self._clocks[numbers % size] = directions, clocks
        self.forgotten += crowded_out(numbers, clocks, self._clocks, self._capacity, self._horizon_ms)
        self._total += len(directions)
        used = min(self._total, size)
        rows, others = np.nonzero(directions @ self._directions[:used].T >= self._similarity)
        ages = (numbers[rows] - others) % size
        earlier = (ages > 0) & (ages <= self._capacity) & (ages <= numbers[rows])
        recent = clocks[rows] - self._clocks[others] <= self._horizon_ms
        found = np.zeros(len(directions), np.bool_)
        found[rows[earlier & recent]] = True
        return found

    def state(self) -> State:
        """Return all that is needed to go on; the arrays are the memory's own."""
        used = min(self._total, len(self._clocks))
        return {
            "total": self._total,
            "forgotten": self.forgotten,
            "clock_ms": self._clock_ms,
            "directions": self._directions[:used],
            "clocks": self._clocks[:used],
        }

    def load(self, state: State) -> None:
        """Become what `state` describes; raises StoreError when it does not fit."""
        try:
            total, forgotten = int(state["total"]), int(state.get("forgotten", 0))
            clock_ms = None if state["clock_ms"] is None else int(state["clock_ms"])
            directions, clocks = np.asarray(state["directions"]), np.asarray(state["clocks"])
        except DAMAGE as error:
            raise StoreError(f"stored directions are damaged ({error}); reset the checkpoint") from error
        used = min(total, len(self._clocks))
        if total < 0 or directions.shape != (used, self.dimension) or clocks.shape != (used,):
            raise StoreError("stored directions are of another shape; reset the checkpoint")
        self._total, self._clock_ms, self.forgotten = total, clock_ms, forgotten
        self._directions[:used], self._clocks[:used] = directions, clocks
