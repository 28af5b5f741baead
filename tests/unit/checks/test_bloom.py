"""The rotating Bloom filter: what it remembers, for how long, and what it says about itself."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.checks.bloom import RotatingBloom, repeats
from monitor.checks.bloom_geometry import BloomGeometry
from monitor.errors import StoreError
from monitor.hashing import mix

STEP_MS = 1_000
HORIZON_MS = 3 * STEP_MS


def make(capacity=3_000, ratio=1e-6, horizon_ms=HORIZON_MS):
    return RotatingBloom(
        BloomGeometry.fit(
            horizon_ms=horizon_ms, capacity=capacity, false_positive_ratio=ratio, max_bytes=1 << 30, generations=4
        )
    )


def keys(*numbers):
    return mix(np.array(numbers, np.uint64))


def times(*values):
    return np.array(values, np.int64)


def filled(bloom, per_step):
    """Fill every generation of a filter with so many new keys each; return the number of keys."""
    for step in range(bloom.geometry.generations):
        bloom.advance(step * bloom.geometry.step_ms)
        bloom.add(mix(np.arange(step * per_step, (step + 1) * per_step, dtype=np.uint64)))
    return bloom.geometry.generations * per_step


def test_added_keys_are_seen_and_others_are_not():
    bloom = make()
    bloom.advance(0)
    bloom.add(keys(*range(100)))
    assert bloom.seen(keys(*range(100))).all()
    assert not bloom.seen(keys(*range(100, 200))).any()


def test_a_filter_without_time_has_seen_nothing_and_takes_nothing():
    bloom = make()
    assert not bloom.seen(keys(1)).any()
    with pytest.raises(ValueError, match="advance it first"):
        bloom.add(keys(1))


@pytest.mark.parametrize("start_ms", [0, 1, STEP_MS - 1, -7_919, 1_700_000_000_123])
def test_a_key_is_kept_for_the_horizon_and_forgotten_a_step_later(start_ms):
    bloom = make()
    bloom.advance(start_ms)
    bloom.add(keys(7))
    bloom.advance(start_ms + HORIZON_MS)
    assert bloom.seen(keys(7)).all()
    bloom.advance(start_ms + HORIZON_MS + STEP_MS)
    assert not bloom.seen(keys(7)).any()


def test_time_that_goes_backwards_rotates_nothing():
    bloom = make()
    bloom.observe(keys(1), times(10 * STEP_MS))
    bloom.observe(keys(2), times(0))
    assert bloom.clock_ms == 10 * STEP_MS
    assert bloom.observe(keys(1, 2), times(-50 * STEP_MS, 10 * STEP_MS)).all()


def test_a_key_that_comes_again_is_kept_from_then_on():
    bloom = make()
    found = [bloom.observe(keys(5), times(t))[0] for t in range(0, 20 * STEP_MS, 2 * STEP_MS)]
    assert found == [False] + [True] * 9


def test_the_first_of_a_batch_is_no_duplicate_and_the_later_ones_are():
    found = make().observe(keys(1, 2, 1, 3, 1, 2), times(0, 0, 0, 0, 0, 0))
    assert found.tolist() == [False, False, True, False, True, True]


def test_a_batch_may_span_more_than_the_horizon():
    bloom = make()
    found = bloom.observe(keys(1, 1, 2, 1, 2), times(0, HORIZON_MS, HORIZON_MS, 100_000, 100_000))
    assert found.tolist() == [False, True, False, False, False]
    assert bloom.seen(keys(1, 2)).all()


def test_rows_before_a_jump_in_time_still_find_what_came_before_the_batch():
    bloom = make()
    bloom.observe(keys(1, 2), times(0, 0))
    assert bloom.observe(keys(1, 3, 2), times(STEP_MS, 100_000, 100_000)).tolist() == [True, False, False]


def test_an_empty_batch_changes_nothing():
    bloom = make()
    assert bloom.observe(keys(), times()).shape == (0,)
    assert bloom.clock_ms is None
    bloom.advance(0)
    bloom.add(keys())
    assert bloom.seen(keys()).shape == (0,)


def test_rows_that_share_a_word_are_all_added():
    bloom = make(capacity=1)  # 64 blocks: every one is shared by hundreds of rows
    bloom.advance(0)
    bloom.add(keys(*range(20_000)))
    assert bloom.seen(keys(*range(20_000))).all()


@pytest.mark.parametrize("ratio", [1e-2, 1e-3, 1e-4])
def test_the_false_positive_ratio_at_capacity_is_within_its_bound(ratio):
    bloom = make(30_000, ratio)
    known = filled(bloom, 10_000)
    tried = 400_000
    hits = int(bloom.seen(mix(np.arange(known, known + tried, dtype=np.uint64))).sum())
    expected = bloom.geometry.false_positive_bound * tried
    assert hits <= expected + 3 * np.sqrt(expected)
    estimated = bloom.false_positive_ratio * tried
    assert abs(hits - estimated) <= 3 * np.sqrt(estimated) + 0.05 * estimated
    assert not bloom.overloaded


def test_overload_shows_in_the_ratio_of_false_positives():
    bloom = make(30_000, 1e-4)
    known = filled(bloom, 30_000)
    hits = bloom.seen(mix(np.arange(known, known + 100_000, dtype=np.uint64))).mean()
    assert bloom.overloaded
    assert bloom.false_positive_ratio > 20e-4
    assert hits == pytest.approx(bloom.false_positive_ratio, rel=0.15)


def test_fill_and_ratio_start_at_zero_and_fall_when_keys_are_forgotten():
    bloom = make()
    assert (bloom.fill_ratio, bloom.false_positive_ratio) == (0.0, 0.0)
    bloom.advance(0)
    bloom.add(keys(*range(1_000)))
    assert 0.05 < bloom.fill_ratio < 0.5
    bloom.advance(4 * STEP_MS)
    assert (bloom.fill_ratio, bloom.false_positive_ratio) == (0.0, 0.0)


def test_repeats_compares_with_the_last_occurrence_before():
    hashes = np.array([5, 5, 9, 5, 9, 7], np.uint64)
    assert repeats(hashes, times(0, 3, 3, 6, 9, 9), 4).tolist() == [False, True, False, True, False, False]


def test_filters_of_different_geometries_do_not_merge():
    with pytest.raises(ValueError, match="different geometries"):
        make().merge(make(capacity=5_000))


def test_a_merged_filter_forgets_what_is_too_old_for_either():
    early, late = make(), make()
    early.observe(keys(1), times(0))
    late.observe(keys(2), times(10 * STEP_MS))
    early.merge(late)
    assert early.seen(keys(1, 2)).tolist() == [False, True]


@pytest.mark.parametrize(
    "damage",
    [
        lambda s: s.pop("steps"),
        lambda s: s.update(blocks=s["blocks"] + 1),
        lambda s: s.update(horizon_ms=1),
        lambda s: s.update(clock_ms="soon"),
        lambda s: s.update(clock_ms=None),
        lambda s: s.update(steps=[1]),
        lambda s: s["steps"].update({"x": s["steps"]["0"]}),
        lambda s: s["steps"].update({"1": s["steps"]["0"]}),
        lambda s: s["steps"].update({"-4": s["steps"]["0"]}),
        lambda s: s["steps"].update({"0": s["steps"]["0"][1:]}),
        lambda s: s["steps"].update({"0": s["steps"]["0"].astype(np.int64)}),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(damage):
    bloom = make()
    bloom.observe(keys(1), times(0))
    state = bloom.state()
    damage(state)
    with pytest.raises(StoreError, match="reset the checkpoint"):
        bloom.load(state)
    assert bloom.seen(keys(1)).all()


def test_a_state_replaces_what_was_there():
    bloom, other = make(), make()
    bloom.observe(keys(1), times(0))
    other.observe(keys(2), times(0))
    other.load(bloom.state())
    assert other.seen(keys(1, 2)).tolist() == [True, False]
    other.load(make().state())
    assert other.clock_ms is None
    assert not other.seen(keys(1)).any()
