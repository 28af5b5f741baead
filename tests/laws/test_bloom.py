"""The laws of the rotating Bloom filter: batching, merging and state never change what it has seen."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.checks.bloom import RotatingBloom
from monitor.checks.bloom_geometry import BloomGeometry
from monitor.codec import decode, encode, from_json, to_json
from monitor.hashing import mix
from tests.support.monitors import assert_same_state

HORIZON_MS = 3_000
SURE = BloomGeometry.fit(horizon_ms=HORIZON_MS, capacity=1_000, false_positive_ratio=1e-9, max_bytes=1 << 20)
# 64 blocks for hundreds of keys: most of what it finds, it finds by chance.
OVERFULL = BloomGeometry.fit(horizon_ms=HORIZON_MS, capacity=1, false_positive_ratio=0.01, max_bytes=1 << 20)
FORGOTTEN_MS = SURE.generations * SURE.step_ms
laws = settings(max_examples=40, deadline=None)


@st.composite
def streams(draw, most_keys: int = 12):
    """Return keys, event times in disorder and where to cut them into batches."""
    n = draw(st.integers(0, 60))
    numbers = draw(st.lists(st.integers(0, most_keys), min_size=n, max_size=n))
    stride = draw(st.sampled_from([1, 100, 700, 4_000]))
    noise = draw(st.lists(st.integers(-2_000, 2_000), min_size=n, max_size=n))
    times = np.arange(n) * stride + np.array(noise, np.int64) + draw(st.sampled_from([-5_000, 0, 1_700_000_000_000]))
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=6)))
    return mix(np.array(numbers, np.uint64)), times.astype(np.int64), [0, *cuts, n]


def observed(bloom, hashes, times, bounds):
    parts = [bloom.observe(hashes[a:b], times[a:b]) for a, b in pairwise(bounds)]
    return np.concatenate([np.zeros(0, bool), *parts])


def same(one, other):
    a, b = one.state(), other.state()
    assert a.keys() == b.keys()
    assert_same_state(a, b)
    return True


@laws
@given(streams())
def test_within_the_horizon_nothing_is_missed_and_long_after_it_nothing_is_found(stream):
    hashes, times, bounds = stream
    found = observed(RotatingBloom(SURE), hashes, times, bounds)
    last_seen: dict[int, int] = {}
    clock = None
    for row, (key, time) in enumerate(zip(hashes.tolist(), times.tolist(), strict=True)):
        clock = time if clock is None else max(clock, time)
        age = clock - last_seen[key] if key in last_seen else None
        if age is not None and age <= HORIZON_MS:
            assert found[row]
        if age is None or age >= FORGOTTEN_MS:
            assert not found[row]
        last_seen[key] = clock


@laws
@given(streams(most_keys=400))
def test_batching_changes_no_bit_of_an_overfull_filter_and_only_spares_chance_hits(stream):
    hashes, times, bounds = stream
    many, few, one = RotatingBloom(OVERFULL), RotatingBloom(OVERFULL), RotatingBloom(OVERFULL)
    row_by_row = observed(many, hashes, times, range(hashes.size + 1))
    in_parts = observed(few, hashes, times, bounds)
    at_once = observed(one, hashes, times, [0, hashes.size])
    assert not (at_once & ~in_parts).any()
    assert not (in_parts & ~row_by_row).any()
    assert same(many, few)
    assert same(few, one)


@laws
@given(streams())
def test_batching_changes_nothing_where_chance_finds_nothing(stream):
    hashes, times, bounds = stream
    row_by_row = observed(RotatingBloom(SURE), hashes, times, range(hashes.size + 1))
    np.testing.assert_array_equal(observed(RotatingBloom(SURE), hashes, times, bounds), row_by_row)


@laws
@given(streams(), st.sampled_from([SURE, OVERFULL]))
def test_a_filter_goes_on_from_its_state_in_both_forms(stream, geometry):
    hashes, times, bounds = stream
    middle = bounds[len(bounds) // 2]
    whole = RotatingBloom(geometry)
    whole.observe(hashes[:middle], times[:middle])
    copies = []
    for state in (decode(encode(whole.state())), from_json(json.loads(json.dumps(to_json(whole.state()))))):
        copy = RotatingBloom(geometry)
        copy.load(state)
        assert same(copy, whole)
        copies.append(copy)
    expected = whole.observe(hashes[middle:], times[middle:])
    for copy in copies:
        np.testing.assert_array_equal(copy.observe(hashes[middle:], times[middle:]), expected)
        assert same(copy, whole)


@laws
@given(streams(), streams(), streams())
def test_merging_is_commutative_and_associative_and_the_empty_filter_is_neutral(a, b, c):
    def of(*streams):
        total = RotatingBloom(OVERFULL)
        for hashes, times, bounds in streams:
            part = RotatingBloom(OVERFULL)
            observed(part, hashes, times, bounds)
            total.merge(part)
        return total

    assert same(of(a, b), of(b, a))
    left, right = of(a, b), of(b, c)
    left.merge(of(c))
    outer = of(a)
    outer.merge(right)
    assert same(left, outer)
    alone = of(a)
    alone.merge(RotatingBloom(OVERFULL))
    assert same(alone, of(a))


@laws
@given(streams())
def test_a_filter_shares_no_memory_with_what_it_loaded(stream):
    hashes, times, bounds = stream
    bloom = RotatingBloom(SURE)
    observed(bloom, hashes, times, bounds)
    before = encode(bloom.state())
    other = RotatingBloom(SURE)
    other.load(bloom.state())
    for words in [*bloom.state()["steps"].values(), *bloom.state()["sealed"].values()]:
        words[:] = 0
    assert encode(other.state()) == before


@laws
@given(streams())
def test_the_arguments_are_left_as_they_were(stream):
    hashes, times, _ = stream
    hashes_before, times_before = hashes.copy(), times.copy()
    RotatingBloom(SURE).observe(hashes, times)
    np.testing.assert_array_equal(hashes, hashes_before)
    np.testing.assert_array_equal(times, times_before)


@laws
@given(streams())
def test_what_is_sealed_never_changes_again(stream):
    hashes, times, bounds = stream
    bloom = RotatingBloom(SURE)
    sealed: dict[str, bytes] = {}
    for a, b in pairwise(bounds):
        bloom.observe(hashes[a:b], times[a:b])
        now = {step: words.tobytes() for step, words in bloom.state()["sealed"].items()}
        assert all(sealed.get(step, words) == words for step, words in now.items())
        sealed |= now


@laws
@given(streams())
def test_the_false_positive_ratio_is_that_of_a_filter_that_never_asked_for_it(stream):
    hashes, times, bounds = stream
    asked, fresh = RotatingBloom(SURE), RotatingBloom(SURE)
    for a, b in pairwise(bounds):
        asked.observe(hashes[a:b], times[a:b])
        assert 0 <= asked.false_positive_ratio <= 1
    fresh.load(asked.state())
    assert fresh.false_positive_ratio == asked.false_positive_ratio
