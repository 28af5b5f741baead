"""Texts as one array of code points, and in blocks that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.texts.characters import ClassArray, classes
from monitor.types import IntArray

_BLOCK_BYTES = 1 << 20
"""So many bytes of texts are taken at once, or one text where that is longer: some 20 MB of arrays."""


@dataclass(frozen=True, eq=False)
class CodePoints:
    """The characters of n texts behind each other: text i has those from `starts[i]` to `starts[i + 1]`."""

    codes: NDArray[np.uint32]
    starts: IntArray

    @cached_property
    def classes(self) -> ClassArray:
        """The class of every character (`monitor.texts.characters`)."""
        return classes()[self.codes]

    @cached_property
    def lengths(self) -> IntArray:
        """How many characters each text has."""
        return np.diff(self.starts)

    def sums(self, marked: NDArray[Any]) -> IntArray:
        """Return how many of the marked characters each text has; 0 for an empty one."""
        sums = np.zeros(len(self.lengths), np.int64)
        filled = np.flatnonzero(self.lengths)
        if filled.size:
            sums[filled] = np.add.reduceat(marked, self.starts[filled], dtype=np.int64)
        return sums


def code_points(texts: pa.StringArray) -> CodePoints:
    """Return the characters of texts without nulls, which must be valid UTF-8; raises UnicodeDecodeError else."""
    starts = np.concatenate(([0], np.cumsum(pc.utf8_length(texts).to_numpy(zero_copy_only=False), dtype=np.int64)))
    codes = np.frombuffer(_bytes(texts).decode().encode("utf-32-le"), np.uint32)
    return CodePoints(codes, starts)


def bounds(texts: pa.StringArray) -> IntArray:
    """Return where each text begins in their bytes, and where the last one ends."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32) if len(texts) else np.zeros(1, np.int32)
    first = texts.offset if len(texts) else 0
    return offsets[first : first + len(texts) + 1].astype(np.int64)


def row_blocks(texts: pa.StringArray) -> Iterator[slice]:
    """Yield the texts in runs of at most 1 MiB, or of one text."""
    places = bounds(texts)
    start = 0
    while start < len(texts):
        end = int(np.searchsorted(places, places[start] + _BLOCK_BYTES, side="right")) - 1
        end = min(max(end, start + 1), len(texts))
        yield slice(start, end)
        start = end


def _bytes(texts: pa.StringArray) -> bytes:
    places, data = bounds(texts), texts.buffers()[2]
    return b"" if data is None else memoryview(data)[int(places[0]) : int(places[-1])].tobytes()
