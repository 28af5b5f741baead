"""The words of many texts at once, and how they repeat."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.hashing import HashArray, hash_strings, mix
from monitor.texts.characters import IN_WORD
from monitor.texts.code_points import CodePoints, code_points
from monitor.types import FloatArray, IntArray, MaskArray

_ASCII_END = 0x80
_ROW_BITS = 16
_TABLE_ROWS = 1 << _ROW_BITS


@dataclass(frozen=True, eq=False)
class Words:
    """The words of n texts in their order: `rows` says of which text each is, `lengths` how many characters it has.

    A word is a run of letters, marks and numbers in lower case.
    """

    points: CodePoints
    rows: IntArray
    lengths: IntArray

    @cached_property
    def counts(self) -> IntArray:
        """How many words each text has."""
        return np.bincount(self.rows, minlength=len(self.points.lengths))

    @cached_property
    def texts(self) -> pa.StringArray:
        """The words themselves."""
        chosen = self.points.codes[self.points.classes >= IN_WORD]
        ends = np.concatenate(([0], np.cumsum(self.lengths)))
        if not chosen.size or chosen.max() < _ASCII_END:
            data = chosen.astype(np.uint8).tobytes()
        else:
            widths = 1 + (chosen >= _ASCII_END).astype(np.int64) + (chosen > 0x7FF) + (chosen > 0xFFFF)
            ends = np.concatenate(([0], np.cumsum(widths)))[ends]
            data = chosen.tobytes().decode("utf-32-le").encode()
        places = ends.astype(np.int32)
        return pa.StringArray.from_buffers(self.rows.size, pa.py_buffer(places), pa.py_buffer(data))

    @cached_property
    def hashes(self) -> HashArray:
        """The stable hash of each word."""
        return hash_strings(self.texts)

    @cached_property
    def mean_lengths(self) -> FloatArray:
        """The mean length of the words of each text; NaN where it has none."""
        characters = np.bincount(self.rows, self.lengths, minlength=len(self.counts))
        return ratio(characters.astype(np.float64), self.counts)

    def repetition(self, n: int) -> FloatArray:
        """Return 1 - distinct/all of the runs of n words of each text; NaN for fewer than n words.

        Two different runs of one text are taken for one with a chance of 2^-48.
        """
        hashes, rows = self.runs(n)
        every = np.bincount(rows, minlength=len(self.counts))
        distinct = np.zeros(len(self.counts), np.int64)
        for first in range(0, len(self.counts), _TABLE_ROWS):
            start, end = np.searchsorted(rows, (first, first + _TABLE_ROWS)).tolist()
            keys = (hashes[start:end] >> np.uint64(_ROW_BITS)) | (
                (rows[start:end] - first).astype(np.uint64) << np.uint64(64 - _ROW_BITS)
            )
            keys.sort()
            kept = keys[np.concatenate(([True], keys[1:] != keys[:-1]))] if keys.size else keys
            part = np.bincount((kept >> np.uint64(64 - _ROW_BITS)).astype(np.int64))
            distinct[first : first + part.size] = part
        return ratio((every - distinct).astype(np.float64), every)

    def runs(self, n: int) -> tuple[HashArray, IntArray]:
        """Return the hash of every run of n words that lies in one text, and its text."""
        hashes, rows = self.hashes, self.rows
        if n == 1:
            return hashes, rows
        if hashes.size < n:
            return hashes[:0], rows[:0]
        last = hashes.size - n + 1
        combined = hashes[:last]
        for k in range(1, n):
            combined = mix(combined) ^ hashes[k : k + last]
        inside = rows[:last] == rows[n - 1 :]
        return mix(combined[inside]), rows[:last][inside]


def words_of(texts: pa.StringArray) -> Words:
    """Return the words of texts without nulls; some 60 bytes of memory a character, so take a block of them."""
    points = code_points(pc.utf8_lower(texts))
    inside: MaskArray = points.classes >= IN_WORD
    opened, closed = inside.copy(), inside.copy()
    opened[1:] &= ~inside[:-1]
    closed[:-1] &= ~inside[1:]
    # Texts stand behind each other without anything between them: a word ends where its text does.
    edges = points.starts[1:-1]
    edges = edges[(edges > 0) & (edges < inside.size)]
    opened[edges] = inside[edges]
    closed[edges - 1] = inside[edges - 1]
    begins = np.flatnonzero(opened)
    rows = np.repeat(np.arange(len(texts)), points.sums(opened))
    return Words(points, rows, np.flatnonzero(closed) + 1 - begins)


def ratio(part: FloatArray, whole: IntArray | FloatArray) -> FloatArray:
    """Return part/whole, NaN where the whole is 0."""
    ratios: FloatArray = np.divide(part, whole, out=np.full(part.size, np.nan), where=whole > 0)
    return ratios
