"""Signatures of texts from which the Jaccard similarity of their word runs is estimated."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.blocks import blocks
from monitor.hashing import HashArray, mix
from monitor.texts.code_points import bounds, row_blocks
from monitor.texts.words import Words, words_of
from monitor.types import IntArray, MaskArray

HASHES = 96
"""Numbers in a signature: the standard error of the estimate is √(J(1 - J) / 96), 0.04 at J = 0.8."""
SignatureArray = NDArray[np.uint8]
_BITS = 8
_CHANCE = 2.0**-_BITS
_FACTORS: HashArray = mix(np.arange(HASHES, dtype=np.uint64) ^ np.uint64(0x4D696E48617368)) | np.uint64(1)
_TERMS: HashArray = mix(_FACTORS)
_TOP = np.uint64(64 - _BITS)


def signatures(texts: pa.StringArray, run: int, max_chars: int) -> tuple[SignatureArray, MaskArray]:
    """Return the signatures (n x 96, uint8) of texts without nulls, and which of them have a word at all.

    A text stands for the set of its runs of `run` words, or, where it has fewer, for all of its words as one run; of
    at most its first `max_chars` characters. Each number is 8 bits of the smallest of its runs' hashes under one of
    96 functions: two texts have it in common with a chance of J + (1 - J) / 256. Source: Broder 1997; Li & König 2010.
    """
    found = np.zeros((len(texts), HASHES), np.uint8)
    worded = np.zeros(len(texts), np.bool_)
    for rows in row_blocks(texts):
        part = texts[rows]
        if int(np.diff(bounds(part)).max()) > max_chars:
            part = pc.utf8_slice_codeunits(part, 0, max_chars)
        words = words_of(part)
        worded[rows] = words.counts > 0
        hashes, at = runs_of(words, run)
        if hashes.size:
            starts = np.flatnonzero(np.concatenate(([True], at[1:] != at[:-1])))
            found[rows.start + at[starts]] = _smallest(hashes, starts)
    return found, worded


def runs_of(words: Words, run: int) -> tuple[HashArray, IntArray]:
    """Return the hashes of the runs that stand for each text, in the order of the texts, and whose they are."""
    parts = [words.runs(run)]
    for shorter in range(1, run):
        hashes, rows = words.runs(shorter)
        whole = words.counts[rows] == shorter
        parts.append((hashes[whole], rows[whole]))
    rows = np.concatenate([at for _, at in parts])
    order = np.argsort(rows, kind="stable")
    return np.concatenate([hashes for hashes, _ in parts])[order], rows[order]


def agreeing(similarity: float) -> int:
    """Return how many numbers of two signatures agree where the estimate is just `similarity`."""
    return int(np.ceil(HASHES * (similarity + (1 - similarity) * _CHANCE) - 1e-9))


def _smallest(hashes: HashArray, starts: IntArray) -> Any:
    """Return 8 bits of the smallest hash of each stretch that begins at `starts`, under each function."""
    found = np.empty((starts.size, HASHES), np.uint8)
    ends = np.append(starts[1:], hashes.size)
    # In pieces that stay in the cache, each of whole texts.
    cuts = [int(np.searchsorted(ends, block.stop, side="right")) for block in blocks(hashes.size)]
    for first, last in pairwise((0, *cuts, starts.size)):
        if first < last:
            part = hashes[starts[first] : ends[last - 1]]
            at = starts[first:last] - starts[first]
            for number, (factor, term) in enumerate(zip(_FACTORS, _TERMS, strict=True)):
                least = np.minimum.reduceat(part * factor + term, at)
                found[first:last, number] = mix(least) >> _TOP
    return found
