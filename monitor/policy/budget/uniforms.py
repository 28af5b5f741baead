"""The lots that break ties: a hash of stream and slot, so that a replay draws the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from monitor.hashing import HashArray, mix
from monitor.types import FloatArray

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = 0xFFFFFFFFFFFFFFFF


def seeds(names: Sequence[str]) -> HashArray:
    """Return a 64-bit seed for each name; the same in every process."""
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def uniforms(of: HashArray, number: int) -> FloatArray:
    """Return a number in (0, 1] for each seed, the output of SplitMix64 `number` steps after the seed."""
    # Python's integers for the one product that may exceed 64 bits: numpy warns where it is not of arrays.
    x = mix(of + np.uint64((number - 1) * _GOLDEN & _MASK))
    return np.asarray(((x >> np.uint64(11)).astype(np.float64) + 1.0) * 2.0**-53)
