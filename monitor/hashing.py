"""Stable 64-bit hashes of numbers, strings and bytes, the same in every process, version and machine.

Not cryptographic: who knows the function can make values collide. It decides only between `unseen` and
`other`, how many values are distinct, and which rows are duplicates.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.blocks import blocks
from monitor.types import FloatArray, IntArray

HashArray = NDArray[np.uint64]

_WORD_BYTES = 8
_LONGEST_BYTES = 256  # beyond it one digest per row is cheaper than another pass over all rows
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
# _TAIL[r] keeps the r lowest bytes of a little-endian word.
_TAIL = np.array([(1 << (8 * r)) - 1 for r in range(_WORD_BYTES + 1)], np.uint64)


def mix(words: HashArray) -> HashArray:
    """Return the SplitMix64 output for each word, a bijection on 64 bits (Steele, Lea & Flood 2014)."""
    z = words + _GOLDEN
    z ^= z >> np.uint64(30)
    z *= _FIRST
    z ^= z >> np.uint64(27)
    z *= _SECOND
    z ^= z >> np.uint64(31)
    return z


def hash_numbers(values: FloatArray) -> HashArray:
    """Return the hash of each float64; -0.0 and 0.0 are one value. Distinct numbers never collide."""
    hashes = np.empty(values.size, np.uint64)
    for block in blocks(values.size):
        hashes[block] = mix((values[block] + 0.0).view(np.uint64))
    return hashes


def hash_strings(values: Any) -> HashArray:
    """Return the hash of each string's UTF-8 bytes, for an Arrow string or binary array (also the large ones).

    A null hashes like the empty string. Time is linear in the bytes up to 256 a value; longer values cost
    one BLAKE2b each, which is linear in their bytes too.
    """
    starts, lengths, data = _layout(values)
    # At stride 1 byte, element i is the word that begins at byte i; `data` has 8 bytes to spare at its end.
    words = np.ndarray((data.size - _WORD_BYTES + 1,), np.dtype("<u8"), buffer=data, strides=(1,))
    hashes = np.empty(lengths.size, np.uint64)
    for block in blocks(lengths.size):
        hashes[block] = _hash_words(words, starts[block], lengths[block])
    long = np.flatnonzero(lengths > _LONGEST_BYTES)
    if long.size:
        content, ends = data.tobytes(), starts + lengths
        digests = [hashlib.blake2b(content[starts[i] : ends[i]], digest_size=_WORD_BYTES).digest() for i in long]
        hashes[long] = np.frombuffer(b"".join(digests), np.dtype("<u8"))
    return hashes


def _hash_words(words: HashArray, starts: IntArray, lengths: IntArray) -> HashArray:
    """Return the hash of each string that is not too long, a word of all of them at a time."""
    hashes = mix(lengths.astype(np.uint64))
    done, shortest = 0, min(int(lengths.min()), _LONGEST_BYTES)
    while done + _WORD_BYTES <= shortest:  # whole words of every string: no masks, no choice of rows
        hashes = mix(hashes ^ words[starts + done])
        done += _WORD_BYTES
    rows = np.flatnonzero((lengths > done) & (lengths <= _LONGEST_BYTES))
    while rows.size:
        left = np.minimum(lengths[rows] - done, _WORD_BYTES)
        hashes[rows] = mix(hashes[rows] ^ (words[starts[rows] + done] & _TAIL[left]))
        done += _WORD_BYTES
        rows = rows[lengths[rows] > done]
    return hashes


def _layout(values: Any) -> tuple[IntArray, IntArray, NDArray[np.uint8]]:
    """Return start and length of each string and a copy of the bytes, with one spare word at the end.

    The copy starts at the first string of a sliced array, and makes reading whole words safe where a
    foreign buffer ends with its last byte.
    """
    large = pa.types.is_large_string(values.type) or pa.types.is_large_binary(values.type)
    if not (large or pa.types.is_string(values.type) or pa.types.is_binary(values.type)):
        values = values.cast(pa.string())
    if len(values) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(_WORD_BYTES, np.uint8)
    width = np.int64 if large else np.int32
    _, offset_buffer, byte_buffer = values.buffers()
    offsets = np.frombuffer(offset_buffer, width)[values.offset : values.offset + len(values) + 1].astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    data = np.zeros(last - first + _WORD_BYTES, np.uint8)
    if last > first:
        data[: last - first] = np.frombuffer(byte_buffer, np.uint8)[first:last]
    lengths = np.diff(offsets)
    if values.null_count:
        lengths[values.is_null().to_numpy(zero_copy_only=False)] = 0
    return offsets[:-1] - first, lengths, data
