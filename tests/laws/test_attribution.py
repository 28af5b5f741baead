"""Laws of causes: the parts add up to the whole, whatever the counts, and neither side comes first."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from monitor.rootcause import attribute, best_split, g_statistics, rank_segments, surprise

COUNTS = st.integers(0, 10_000)


@st.composite
def sides(draw):
    """Return two arrays of counts (segments x cells) of one shape."""
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 5)))
    one, other = (draw(arrays.arrays(np.int64, shape, elements=COUNTS)) for _ in range(2))
    return one, other


def shares(counts):
    """Return the whole's share of each cell."""
    return counts.sum(axis=0) / counts.sum()


@given(sides())
def test_mix_and_within_of_all_segments_add_up_to_the_movement_of_the_whole(both):
    before, now = both
    found = attribute(before, now)
    total = (found.mix + found.within).sum(axis=0)
    expected = shares(now) - shares(before) if before.sum() and now.sum() else np.zeros(before.shape[1])
    np.testing.assert_allclose(total, expected, atol=1e-12)
    np.testing.assert_allclose(found.movement, expected, atol=1e-12)


@given(sides())
def test_exchanging_the_sides_changes_all_signs(both):
    before, now = both
    there, back = attribute(before, now), attribute(now, before)
    np.testing.assert_allclose(there.mix, -back.mix, atol=1e-12)
    np.testing.assert_allclose(there.within, -back.within, atol=1e-12)


@given(arrays.arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=COUNTS), st.integers(1, 5))
def test_more_rows_of_the_same_kind_move_nothing(before, times):
    found = attribute(before, before * times)
    np.testing.assert_allclose(found.mix, 0, atol=1e-12)
    np.testing.assert_allclose(found.within, 0, atol=1e-12)


@given(arrays.arrays(np.int64, (1, 4), elements=COUNTS), arrays.arrays(np.int64, (1, 4), elements=COUNTS))
def test_one_segment_alone_is_all_within(before, now):
    np.testing.assert_allclose(attribute(before, now).mix, 0, atol=1e-12)


@given(sides(), st.data())
def test_powers_add_up_to_one_where_the_whole_moved(both, data):
    before, now = both
    moved = np.array(data.draw(st.lists(st.booleans(), min_size=before.shape[1], max_size=before.shape[1])))
    cause = rank_segments(before, now, moved)
    assert sorted(part.number for part in cause.segments) == list(range(len(before)))
    assert all(np.isfinite([part.power, part.surprise, part.mix, part.within]).all() for part in cause.segments)
    if cause.mix + cause.within > 1e-9:
        assert abs(sum(part.power for part in cause.segments) - 1) < 1e-6


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8), st.data())
def test_surprises_are_the_terms_of_a_divergence(expected, data):
    actual = data.draw(st.lists(st.floats(0, 1e6), min_size=len(expected), max_size=len(expected)))
    found = surprise(np.array(expected), np.array(actual))
    assert (found >= 0).all()
    assert found.sum() <= np.log(2) + 1e-9
    np.testing.assert_allclose(surprise(np.array(actual), np.array(expected)), found, atol=1e-12)


@given(arrays.arrays(np.int64, st.tuples(st.integers(2, 12), st.integers(1, 4)), elements=COUNTS))
def test_a_split_is_never_of_less_than_one_window(cells):
    found = g_statistics(cells)
    assert found.shape == (len(cells) - 1,)
    assert (found >= 0).all()
    split = best_split(cells, -5, 50)
    assert split is None or 1 <= split < len(cells)
