"""Stable 64-bit hashes of numbers, strings and bytes, the same in every process, version and machine.

Not cryptographic: who knows the function can make values collide. It decides only between `unseen` and
`other`, how many values are distinct, and which rows are duplicates.
"""

from __future__ import annotations

import ctypes
import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.blocks import blocks
from monitor.native import LIBRARY, address

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


def hash_numbers(values: NDArray[np.float64]) -> HashArray:
    """Return the hash of each float64; -0.0 and 0.0 are one value. Distinct numbers never collide."""
    hashes = np.empty(values.size, np.uint64)
    if LIBRARY is not None:
        values = np.ascontiguousarray(values, np.float64)
        LIBRARY.hash_numbers(address(values), ctypes.c_int64(values.size), address(hashes))
        return hashes
    for block in blocks(values.size):
        hashes[block] = mix((values[block] + 0.0).view(np.uint64))
    return hashes


def hash_strings(values: Any) -> HashArray:
    """Return the hash of each string's UTF-8 bytes, for an Arrow string or binary array (also the large ones).

    A null hashes like the empty string. Time is linear in the bytes up to 256 a value; longer values cost
    one BLAKE2b each, which is linear in their bytes too.
    """
    large = pa.types.is_large_string(values.type) or pa.types.is_large_binary(values.type)
    if not (large or pa.types.is_string(values.type) or pa.types.is_binary(values.type)):
        values = values.cast(pa.string())
    hashes = np.empty(len(values), np.uint64)
    if len(values) == 0:
        return hashes
    _, offset_buffer, byte_buffer = values.buffers()
    bounds = np.frombuffer(offset_buffer, np.int64 if large else np.int32)
    bounds = bounds[values.offset : values.offset + len(values) + 1]
    data = np.frombuffer(byte_buffer, np.uint8) if byte_buffer is not None else np.empty(0, np.uint8)
    lengths = np.diff(bounds)
    if LIBRARY is not None:
        sizes = (ctypes.c_int32(bounds.itemsize), ctypes.c_int64(len(values)), ctypes.c_int64(_LONGEST_BYTES))
        LIBRARY.hash_texts(address(data), address(bounds), *sizes, address(hashes))
    else:
        _hash_slowly(data, bounds, hashes)
    for i in np.flatnonzero(lengths > _LONGEST_BYTES).tolist():
        digest = hashlib.blake2b(data[bounds[i] : bounds[i + 1]].tobytes(), digest_size=_WORD_BYTES).digest()
        hashes[i] = int.from_bytes(digest, "little")
    if values.null_count:
        hashes[values.is_null().to_numpy(zero_copy_only=False)] = mix(np.zeros(1, np.uint64))
    return hashes


def _hash_slowly(data: NDArray[np.uint8], bounds: NDArray[Any], hashes: HashArray) -> None:
    """Fill in the hashes of the texts between successive bounds that are not too long, in numpy alone."""
    # A copy, for whole words are read, and a foreign buffer may end with its last byte.
    first, last = int(bounds[0]), int(bounds[-1])
    spare = np.zeros(last - first + _WORD_BYTES, np.uint8)
    spare[: last - first] = data[first:last]
    # At stride 1 byte, element i is the word that begins at byte i.
    words = np.ndarray((last - first + 1,), np.dtype("<u8"), buffer=spare, strides=(1,))
    starts, lengths = bounds[:-1].astype(np.int64) - first, np.diff(bounds).astype(np.int64)
    for block in blocks(lengths.size):
        hashes[block] = _hash_words(words, starts[block], lengths[block])


def _hash_words(words: HashArray, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> HashArray:
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
