"""How large a rotating Bloom filter must be for its promise, by exact expectation rather than rule of thumb."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np

from monitor.types import FloatArray

WORDS = 4
"""64-bit words a block; a key lies in one block, so a look-up touches half a cache line."""
WORD_BITS = 64
GENERATIONS = 4
_MOST_BITS = 5  # 6 hash bits each and two words a hash: 60 of 64
_MOST_KEYS = 400  # of a block; expected loads stay below _HEAVIEST, so the Poisson tail beyond is < 1e-100
_HEAVIEST = 100.0
_LEAST_BLOCKS = 64
_MOST_BLOCKS = 1 << 28  # a block is chosen by 32 bits of the hash: above this the choice would not be even


@dataclass(frozen=True)
class BloomGeometry:
    """The shape of a rotating Bloom filter: `generations` filters of `blocks` blocks, `bits` set in each word.

    A generation takes the keys of `step_ms` of event time. `false_positive_bound` is the promised chance that
    a new key is taken for a known one while no generation holds more than `capacity` / (generations - 1) keys.
    """

    horizon_ms: int
    capacity: int
    blocks: int
    bits: int
    generations: int
    false_positive_bound: float

    @property
    def step_ms(self) -> int:
        """The event time of a generation: generations - 1 of them cover the horizon."""
        return -(-self.horizon_ms // (self.generations - 1))

    @property
    def filter_bytes(self) -> int:
        """The memory of all generations."""
        return self.generations * self.blocks * WORDS * WORD_BITS // 8

    @classmethod
    def fit(
        cls,
        *,
        horizon_ms: int,
        capacity: int,
        false_positive_ratio: float,
        max_bytes: int,
        generations: int = GENERATIONS,
    ) -> Self:
        """Return the smallest filter that keeps `false_positive_ratio` with `capacity` keys a horizon.

        A new key is looked up in every generation, so each may spend 1/generations of the ratio (Boole's
        inequality). Raises ValueError when that takes more than `max_bytes`, with what would fit.
        """
        keys = capacity / (generations - 1)
        per_generation = false_positive_ratio / generations
        load, bits = max((_heaviest_load(bits, per_generation), bits) for bits in range(1, _MOST_BITS + 1))
        blocks = max(_LEAST_BLOCKS, math.ceil(keys / load))
        bound = generations * block_false_positive_ratio(keys / blocks, bits)
        geometry = cls(horizon_ms, capacity, blocks, bits, generations, bound)
        if geometry.filter_bytes > max_bytes or blocks > _MOST_BLOCKS:
            fitting = int(capacity * max_bytes / geometry.filter_bytes)
            raise ValueError(
                f"{capacity} keys at a false-positive ratio of {false_positive_ratio:g} take {geometry.filter_bytes} "
                f"bytes, which is above max_bytes {max_bytes}; raise it, allow a larger ratio, or shorten the "
                f"horizon until capacity {fitting} is enough"
            )
        return geometry


def block_false_positive_ratio(load: float, bits: int) -> float:
    """Return the expected chance that one generation takes a new key for its own, at `load` keys a block.

    Keys fall on blocks at random, so a block's number of keys is Poisson(load); each key sets `bits` random
    bits, not always different ones, in each of the 4 words, and the words fill independently:
    Σ_j Poisson(j; load) · E[(S_j / 64)^bits]^4 with S_j the bits set in a word by j keys.
    """
    keys = np.arange(_MOST_KEYS)
    chances = np.exp(keys * math.log(load) - load - _log_factorials())
    return float(chances @ _word_ratios(bits) ** WORDS)


def _heaviest_load(bits: int, ratio: float) -> float:
    """Return the most keys a block, on average, at which the false-positive ratio stays within `ratio`."""
    low, high = 1e-6, _HEAVIEST
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if block_false_positive_ratio(middle, bits) <= ratio else (low, middle)
    return low


@lru_cache(maxsize=1)
def _log_factorials() -> FloatArray:
    """Return ln j! for each number of keys."""
    return np.array([math.lgamma(j + 1) for j in range(_MOST_KEYS)])


@lru_cache(maxsize=_MOST_BITS)
def _word_ratios(bits: int) -> FloatArray:
    """Return E[(S_j / 64)^bits] for j = 0 … keys, by the chain of the number of set bits S of a word."""
    set_bits = np.arange(WORD_BITS + 1) / WORD_BITS
    chances = np.zeros(WORD_BITS + 1)
    chances[0] = 1.0
    ratios = np.empty(_MOST_KEYS)
    for j in range(_MOST_KEYS):
        ratios[j] = chances @ set_bits**bits
        for _ in range(bits):
            hit_new = chances * (1 - set_bits)
            chances = chances * set_bits
            chances[1:] += hit_new[:-1]
    return ratios
