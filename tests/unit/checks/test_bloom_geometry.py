"""The size of a rotating Bloom filter and what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from monitor.checks.bloom_geometry import BloomGeometry, block_false_positive_ratio

HOUR_MS = 3_600_000


def fit(**changed):
    settings = {"horizon_ms": HOUR_MS, "capacity": 100_000, "false_positive_ratio": 1e-4, "max_bytes": 1 << 30}
    return BloomGeometry.fit(**{**settings, **changed})


@pytest.mark.parametrize("ratio", [1e-2, 1e-4, 1e-6, 1e-9])
@pytest.mark.parametrize("generations", [2, 4, 7])
def test_the_bound_is_within_the_ratio_asked_for_and_not_far_below(ratio, generations):
    geometry = fit(false_positive_ratio=ratio, generations=generations)
    assert 0.9 * ratio < geometry.false_positive_bound <= ratio


def test_the_smallest_filter_is_no_smaller_than_theory_allows():
    # A Bloom filter needs at least 1.44 log2(1/p) bits a key; blocks cost some more.
    for ratio in (1e-2, 1e-4, 1e-6):
        geometry = fit(false_positive_ratio=ratio)
        bits_per_key = 8 * geometry.filter_bytes / (geometry.capacity * 4 / 3)
        ideal = math.log2(4 / ratio) / math.log(2)
        assert ideal < bits_per_key < 2 * ideal


def test_memory_grows_with_the_capacity_only():
    small, large = fit(), fit(capacity=1_000_000)
    assert large.filter_bytes == pytest.approx(10 * small.filter_bytes, rel=0.001)
    assert fit(horizon_ms=24 * HOUR_MS).filter_bytes == small.filter_bytes


def test_a_few_keys_still_have_a_filter():
    assert fit(capacity=1).blocks == 64


def test_a_filter_above_the_cap_is_refused_with_what_would_fit():
    whole = fit()
    with pytest.raises(ValueError, match=rf"take {whole.filter_bytes} bytes.*capacity 50000 is enough"):
        fit(max_bytes=whole.filter_bytes // 2)
    assert fit(max_bytes=whole.filter_bytes) == whole


def test_the_generations_but_one_cover_the_horizon():
    assert fit().step_ms == HOUR_MS // 3
    assert fit(horizon_ms=1_000).step_ms == 334


@pytest.mark.parametrize("bits", [1, 3, 5])
def test_the_expected_ratio_is_what_a_simulation_finds(bits):
    rng = np.random.default_rng(bits)
    load, trials = 6.0, 40_000
    keys = rng.poisson(load, trials)
    inside = np.ones(trials, bool)
    for _ in range(4):
        words = np.zeros((trials, 64), bool)
        for j in range(keys.max()):
            rows = np.flatnonzero(keys > j)
            for _ in range(bits):
                words[rows, rng.integers(0, 64, rows.size)] = True
        for _ in range(bits):
            inside &= words[np.arange(trials), rng.integers(0, 64, trials)]
    expected = block_false_positive_ratio(load, bits)
    assert abs(inside.mean() - expected) < 3 * math.sqrt(expected / trials)
