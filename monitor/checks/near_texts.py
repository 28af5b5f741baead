"""Which texts are much like one that came before within a horizon, in fixed memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.checks.crowding import crowded_out
from monitor.errors import DAMAGE, StoreError
from monitor.hashing import HashArray, mix
from monitor.protocols import State
from monitor.texts.minhash import HASHES, SignatureArray, agreeing, signatures
from monitor.types import IntArray, MaskArray

_CHUNK = 4_096
_WIDTHS = (16, 12, 8, 6, 4, 3, 2, 1)
_RECALL = 0.99


def band_width(similarity: float) -> int:
    """Return how many numbers of a signature make a band: the most with which 99 % of similar pairs share a band."""
    return next(width for width in _WIDTHS if 1 - (1 - similarity**width) ** (HASHES // width) >= _RECALL)


def text_bytes(similarity: float, capacity: int) -> int:
    """Return what a memory of so many texts takes at most."""
    return (capacity + _CHUNK) * (HASHES + 8) + HASHES // band_width(similarity) * _slots(capacity) * 4


class NearTexts:
    """The signatures of the last `capacity` texts, found again by bands of them that two texts have in common.

    A text is compared with, for each band, the last text that had it; two are similar whose signatures agree in
    `agreeing(similarity)` numbers. Guarantees, for J the Jaccard similarity of the two texts' runs of words and s the
    configured one: they are compared with a chance of 99 % where J >= s and nothing has taken the place of the earlier
    one in the tables, and then found with a chance of 1/2 at J = s, and at s = 0.8 of 99.8 % at J = 0.9 and 0.1 % at
    J = 0.65. What is found does not depend on batching. Memory is `text_bytes`; a table has at least two places a text.
    """

    def __init__(self, similarity: float, horizon_ms: int, capacity: int, run: int, max_chars: int) -> None:
        """Start with no text."""
        self._least, self._horizon_ms, self._capacity = agreeing(similarity), horizon_ms, capacity
        self._run, self._max_chars = run, max_chars
        self._width = band_width(similarity)
        self._total = 0
        self.forgotten = 0
        self._clock_ms: int | None = None
        self._signatures: SignatureArray = np.zeros((capacity + _CHUNK, HASHES), np.uint8)
        self._clocks: IntArray = np.zeros(capacity + _CHUNK, np.int64)
        # Number of the text + 1, mod 2^32; 0: nobody yet. One that came round is compared in vain, no more.
        self._tables: NDArray[np.uint32] = np.zeros((HASHES // self._width, _slots(capacity)), np.uint32)

    def observe(self, texts: pa.StringArray, times_ms: IntArray) -> tuple[MaskArray, MaskArray]:
        """Return which texts are like an earlier one, and which have words and so are compared; remember those."""
        found, marks = np.zeros(len(texts), np.bool_), np.zeros(len(texts), np.bool_)
        clocks = np.maximum.accumulate(times_ms)
        if self._clock_ms is not None:
            np.maximum(clocks, self._clock_ms, out=clocks)
        if clocks.size:
            self._clock_ms = int(clocks[-1])
        for start in range(0, len(texts), _CHUNK):
            rows = slice(start, start + _CHUNK)
            signed, worded = signatures(texts[rows], self._run, self._max_chars)
            marks[rows] = worded
            found[start + np.flatnonzero(worded)] = self._take(signed[worded], clocks[rows][worded])
        return found, marks

    def _take(self, signed: SignatureArray, clocks: IntArray) -> MaskArray:
        """Return which of at most 4096 signatures are like an earlier one, and remember them."""
        numbers = self._total + np.arange(len(signed))
        places = numbers % len(self._clocks)
        self._signatures[places], self._clocks[places] = signed, clocks
        self.forgotten += crowded_out(numbers, clocks, self._clocks, self._capacity, self._horizon_ms)
        self._total += len(signed)
        found = np.zeros(len(signed), np.bool_)
        for band, table in enumerate(self._tables):
            slots = self._slots_of(signed, band)
            before = _previous(slots)
            last = np.where(before >= 0, (numbers[before] + 1).astype(np.uint32), table[slots])
            ages = ((numbers + 1).astype(np.uint32) - last).astype(np.int64)
            rows = np.flatnonzero((last != 0) & (ages > 0) & (ages <= np.minimum(self._capacity, numbers)) & ~found)
            others = (numbers[rows] - ages[rows]) % len(self._clocks)
            agree = np.count_nonzero(signed[rows] == self._signatures[others], axis=1) >= self._least
            found[rows[agree & (clocks[rows] - self._clocks[others] <= self._horizon_ms)]] = True
            table[slots] = (numbers + 1).astype(np.uint32)  # of two with one place the last one stays
        return found

    def _slots_of(self, signed: SignatureArray, band: int) -> IntArray:
        """Return the place of each signature in the table of a band."""
        words = -(-self._width // 8)
        padded = np.zeros((len(signed), words * 8), np.uint8)
        padded[:, : self._width] = signed[:, band * self._width : (band + 1) * self._width]
        keys: HashArray = mix(padded.view("<u8")[:, 0] ^ np.uint64(band))
        for word in range(1, words):
            keys = mix(keys ^ padded.view("<u8")[:, word])
        return (keys & np.uint64(self._tables.shape[1] - 1)).astype(np.int64)

    def state(self) -> State:
        """Return all that is needed to go on; the arrays are the memory's own, and the tables follow from them."""
        used = min(self._total, len(self._clocks))
        return {
            "total": self._total,
            "forgotten": self.forgotten,
            "clock_ms": self._clock_ms,
            "signatures": self._signatures[:used],
            "clocks": self._clocks[:used],
        }

    def load(self, state: State) -> None:
        """Become what `state` describes; raises StoreError when it does not fit."""
        try:
            total, forgotten = int(state["total"]), int(state.get("forgotten", 0))
            clock_ms = None if state["clock_ms"] is None else int(state["clock_ms"])
            signed, clocks = np.asarray(state["signatures"]), np.asarray(state["clocks"])
        except DAMAGE as error:
            raise StoreError(f"stored signatures are damaged ({error}); reset the checkpoint") from error
        used = min(total, len(self._clocks))
        if total < 0 or signed.shape != (used, HASHES) or clocks.shape != (used,):
            raise StoreError("stored signatures are of another shape; reset the checkpoint")
        self._total, self._clock_ms, self.forgotten = total, clock_ms, forgotten
        self._signatures[:used], self._clocks[:used] = signed, clocks
        self._tables[:] = 0
        numbers = np.arange(max(0, total - self._capacity), total)
        for band, table in enumerate(self._tables):
            places = self._slots_of(self._signatures[numbers % len(self._clocks)], band)
            table[places] = (numbers + 1).astype(np.uint32)


def _slots(capacity: int) -> int:
    """Return the places of a table: a power of two, at least two a text."""
    return 1 << (2 * capacity - 1).bit_length()


def _previous(slots: IntArray) -> IntArray:
    """Return, for each row, the last row before it with the same slot; -1 where there is none."""
    order = np.argsort(slots, kind="stable")
    same = slots[order[1:]] == slots[order[:-1]]
    before = np.full(slots.size, -1, np.int64)
    before[order[1:][same]] = order[:-1][same]
    return before
