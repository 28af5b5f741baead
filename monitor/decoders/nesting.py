"""How deeply records are nested: an upper bound for all that costs one pass, the exact depth of the few."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.decoders.duck import Duck
from monitor.types import CodeArray, IntArray, MaskArray

BARE = """SELECT regexp_replace(v, '"(?:[^"\\\\]|\\\\.)*"', '0', 'g') FROM texts"""
"""Asks for the records with `0` for every string: what is left is structure, and `["a"]` no `[]`."""

_WORD = 64
_BLOCK = 1 << 18
"""Bytes folded at a time, a multiple of the word: what stays in the processor's cache is folded twice as fast."""


def too_deep(duck: Duck, texts: pa.StringArray, max_depth: int) -> MaskArray | None:
    """Return a mask of the values nested deeper than `max_depth`; None when there is none.

    A value is not nested deeper than it has opening brackets, and has no more of them than the 64-byte
    words that it touches.
    """
    data, bounds = _bytes(texts)
    before = _brackets_before(data)
    if before[-1] <= max_depth:
        return None
    deep: MaskArray = before[-(-bounds[1:] // _WORD)] - before[bounds[:-1] // _WORD] > max_depth
    rows = np.flatnonzero(deep)
    if not rows.size:
        return None
    deep[rows] = _depths(duck, texts.take(pa.array(rows))) > max_depth
    return deep


def _bytes(texts: pa.StringArray) -> tuple[NDArray[np.uint8], IntArray]:
    """Return the bytes of a string array and the n + 1 bounds of its values in them."""
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    everything = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    return everything[bounds[0] : bounds[-1]], bounds - bounds[0]


def _brackets_before(data: NDArray[np.uint8]) -> CodeArray:
    """Return the number of opening brackets before each 64-byte word, and that of all at the end.

    `|0x20` maps `[` and `{` to the same byte.
    """
    bits = np.zeros(-(-len(data) // _WORD) * 8, np.uint8)
    folded = np.empty(min(_BLOCK, len(data)), np.uint8)
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        size = len(block)
        np.bitwise_or(block, 0x20, out=folded[:size])
        found = np.packbits(np.equal(folded[:size], 0x7B, out=folded[:size].view(bool)))
        bits[start // 8 : start // 8 + len(found)] = found
    before = np.zeros(len(bits) // 8 + 1, np.int32)
    np.cumsum(np.bitwise_count(bits.view(np.uint64)), out=before[1:])
    return before


def _depths(duck: Duck, texts: pa.StringArray) -> IntArray:
    """Return the exact nesting depth of each value, strings left out."""
    data, bounds = _bytes(duck.ask(BARE, texts))
    folded = data | np.uint8(0x20)
    opening = folded == 0x7B
    brackets = np.flatnonzero(opening | (folded == 0x7D))
    after = np.concatenate(([0], np.cumsum(np.where(opening[brackets], 1, -1))))
    first = np.searchsorted(brackets, bounds)
    depths = np.zeros(len(texts), np.int64)
    some = np.flatnonzero(np.diff(first) > 0)
    if some.size:
        depths[some] = np.maximum.reduceat(after[1:], first[some]) - after[first[some]]
    return depths
