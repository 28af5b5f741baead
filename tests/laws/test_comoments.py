"""The laws of co-moments: batching, merging, groups and state do not matter; numpy is the oracle."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.accumulators.comoments import CoMoments
from monitor.codec import decode, encode
from monitor.errors import StoreError
from monitor.types import Groups

laws = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def rows_of(draw):
    """Rows on any scale and far from zero, two dimensions of groups, and where to cut them."""
    n, d, seed = draw(st.integers(0, 60)), draw(st.integers(1, 5)), draw(st.integers(0, 2**31))
    offset = draw(st.sampled_from([0.0, 1.0, -1e6, 1e9]))
    scale = draw(st.sampled_from([1e-3, 1.0, 1e5]))
    random = np.random.default_rng(seed)
    matrix = offset + scale * random.standard_normal((n, d))
    codes = (random.integers(1, 4, n).astype(np.int32), random.integers(4, 6, n).astype(np.int32))
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=4)))
    return matrix, Groups(6, codes), [0, *cuts, n]


def folded(matrix, groups, bounds):
    found = CoMoments(groups.size, matrix.shape[1])
    for start, end in pairwise(bounds):
        found.update(matrix[start:end], groups.take(np.arange(start, end)))
    return found


def assert_same(a, b, matrix):
    """Equal to 1e-9 of the diagonal, and of what the values themselves are rounded to."""
    np.testing.assert_array_equal(a.n, b.n)
    rounding = np.abs(matrix).max(initial=0.0) * 2.0**-52
    np.testing.assert_allclose(a.mean, b.mean, rtol=1e-14, atol=4 * rounding)
    for one, two in zip(a.m2, b.m2, strict=True):
        largest = float(np.diagonal(one).max(initial=0.0))
        np.testing.assert_allclose(two, one, rtol=1e-9, atol=1e-9 * largest + len(matrix) * rounding**2)


@laws
@given(rows=rows_of())
def test_chunking_does_not_matter(rows):
    matrix, groups, bounds = rows
    assert_same(folded(matrix, groups, [0, len(matrix)]), folded(matrix, groups, bounds), matrix)


@laws
@given(rows=rows_of())
def test_merging_in_any_order_equals_folding(rows):
    matrix, groups, bounds = rows
    whole = folded(matrix, groups, [0, len(matrix)])
    parts = [folded(matrix[a:b], groups.take(np.arange(a, b)), [0, b - a]) for a, b in pairwise(bounds)]
    for order in (parts, parts[::-1]):
        total = CoMoments(groups.size, matrix.shape[1])
        for part in order:
            total.merge(part)
        assert_same(whole, total, matrix)


@laws
@given(rows=rows_of())
def test_mean_and_covariance_are_those_of_numpy_in_every_group(rows):
    matrix, groups, bounds = rows
    found = folded(matrix, groups, bounds)
    for group in range(groups.size):
        mine = matrix if group == 0 else matrix[(groups.codes[0] == group) | (groups.codes[1] == group)]
        assert found.n[group] == len(mine)
        assert not np.isfinite(found.mean[group]).any() if not len(mine) else True
        assert not np.isfinite(found.covariance[group]).any() if len(mine) < 2 else True
        if len(mine) >= 2:
            shifted = mine - mine[0]  # what numpy loses far from zero is not our error
            largest = float(shifted.var(axis=0).max())
            np.testing.assert_allclose(found.mean[group] - mine[0], shifted.mean(axis=0), rtol=1e-7, atol=1e-6)
            expected = np.cov(shifted, rowvar=False).reshape(found.covariance[group].shape)
            np.testing.assert_allclose(found.covariance[group], expected, rtol=1e-9, atol=1e-9 * largest)


@laws
@given(rows=rows_of())
def test_the_empty_is_neutral_to_the_bit_and_m2_symmetric_to_the_bit(rows):
    matrix, groups, bounds = rows
    found = folded(matrix, groups, bounds)
    said = encode(found.state())
    np.testing.assert_array_equal(found.m2, found.m2.transpose(0, 2, 1))
    found.update(matrix[:0], groups.take(np.arange(0)))
    found.merge(CoMoments(groups.size, matrix.shape[1]))
    assert encode(found.state()) == said
    fresh = CoMoments(groups.size, matrix.shape[1])
    fresh.merge(found)
    assert encode(fresh.state()) == said


@laws
@given(rows=rows_of())
def test_state_survives_bytes_and_goes_on_as_before(rows):
    matrix, groups, bounds = rows
    one, two = folded(matrix, groups, bounds), CoMoments(groups.size, matrix.shape[1])
    state = one.state()
    two.load(decode(encode(state)))
    assert encode(two.state()) == encode(one.state())
    for array in state.values():
        array[...] = 7
    for each in (one, two):
        each.update(matrix, groups)
    assert encode(two.state()) == encode(one.state())


def test_one_group_takes_all_rows_whatever_the_segments_are():
    """What is kept for all rows only is not asked for the groups of the batch."""
    matrix = np.arange(12.0).reshape(6, 2)
    found = CoMoments(1, 2)
    found.update(matrix, Groups(3, (np.array([1, 2, 1, 2, 1, 2], np.int32),)))
    assert found.n.tolist() == [6]
    np.testing.assert_allclose(found.covariance[0], np.cov(matrix, rowvar=False))


def test_the_mean_is_right_where_sums_exceed_float64():
    found = CoMoments(1, 1)
    found.update(np.array([[1e308], [1.5e308]]), Groups())
    found.update(np.array([[-1.5e308]]), Groups())
    assert found.mean[0, 0] == pytest.approx(1e308 / 3)
    assert not np.isfinite(found.m2[0, 0, 0])


def test_the_input_is_neither_changed_nor_kept():
    matrix = np.random.default_rng(1).standard_normal((20, 3))
    kept, found = matrix.copy(), CoMoments(1, 3)
    found.update(matrix, Groups())
    np.testing.assert_array_equal(matrix, kept)
    said = encode(found.state())
    matrix[:] = 5
    assert encode(found.state()) == said


def test_a_state_of_another_dimension_is_refused_and_changes_nothing():
    found, other = CoMoments(1, 3), CoMoments(1, 4)
    found.update(np.ones((2, 3)), Groups())
    said = encode(found.state())
    with pytest.raises(StoreError, match="shape"):
        found.load(other.state())
    for name in found.state():
        with pytest.raises(StoreError):
            found.load({k: v for k, v in found.state().items() if k != name})
    assert encode(found.state()) == said
