"""The lots that break ties: a hash of stream and slot, so that a replay draws the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.types import FloatArray

SeedArray = NDArray[np.uint64]
_MASK = 0xFFFFFFFFFFFFFFFF
_GOLDEN, _FIRST, _SECOND = (np.uint64(x) for x in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def seeds(names: Sequence[str]) -> SeedArray:
    """Return a 64-bit seed for each name; the same in every process."""
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def uniforms(of: SeedArray, number: int) -> FloatArray:
    """Return a number in (0, 1] for each seed, by the finaliser of SplitMix64 on seed and `number`."""
    # Python's integers for the one product that may exceed 64 bits: numpy warns where it is not of arrays.
    x = of + np.uint64(number * int(_GOLDEN) & _MASK)
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    x ^= x >> np.uint64(31)
    return np.asarray(((x >> np.uint64(11)).astype(np.float64) + 1.0) * 2.0**-53)
