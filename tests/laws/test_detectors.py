"""Laws that every detector obeys on any counts, empty and degenerate ones included; warnings are errors."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from monitor.detectors import DetectorSpec, FrechetSpec
from monitor.detectors.stacked import stacks
from tests.support.cells import FixedCategories, FixedCells

# What compares no cells has laws of its own: frechet in test_frechet.py.
SPECS = [spec() for spec in get_args(get_args(DetectorSpec)[0]) if spec is not FrechetSpec]
SYMMETRIC = ("psi", "js", "hellinger", "tv", "chi2", "ks", "missing", "invalid", "mode_share")
UNORDERED = ("psi", "js", "hellinger", "tv", "chi2", "kl")
WITHIN_ONE = ("js", "hellinger", "tv", "chi2", "ks", "missing", "invalid", "unseen", "vanished", "mode_share")
OF_CHANCE = ("psi", "kl", "js", "hellinger", "chi2")
OF_VALUES = ("unseen", "vanished", "mode_share", "cardinality_shift")
each_detector = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
few = settings(max_examples=30, deadline=None)


@st.composite
def pairs(draw, equal=False):
    """Draw two count arrays (groups x cells) of any size up to 10^12 rows, often with empty cells and groups."""
    groups = draw(st.integers(1, 4))
    cells = 7 if draw(st.booleans()) else draw(st.integers(1, 12))
    counts = st.one_of(st.just(0), st.integers(0, 5), st.integers(0, 2000), st.integers(0, 10**12))
    shape = (groups, cells)
    before = draw(arrays.arrays(np.int64, shape, elements=counts))
    return before, before.copy() if equal else draw(arrays.arrays(np.int64, shape, elements=counts))


def compared(spec, before, now, rho=0.0):
    if spec.kind in OF_VALUES:
        before, now = (np.pad(x, ((0, 0), (max(0, 3 - x.shape[1]), 0))) for x in (before, now))
        known = np.full(before.shape[1], 5)
        known[-2:] = 0
        return spec.build().compare(FixedCategories(before, known), FixedCategories(now, known), rho)
    if spec.kind in ("missing", "invalid"):
        missing = 7 - before.shape[1]
        if missing > 0:
            before, now = (np.pad(x, ((0, 0), (0, missing))) for x in (before, now))
    return spec.build().compare(FixedCells(before), FixedCells(now), rho)


@each_detector
@given(pair=pairs())
@few
def test_numbers_are_in_their_ranges_and_nan_exactly_where_a_side_is_empty(spec, pair):
    score = compared(spec, *pair)
    empty = (pair[0].sum(axis=1) == 0) | (pair[1].sum(axis=1) == 0)
    assert (score.n_baseline == pair[0].sum(axis=1)).all()
    assert (score.n_current == pair[1].sum(axis=1)).all()
    for numbers in (score.score, score.noise_floor, score.lower_bound):
        assert (np.isnan(numbers) == empty).all()
        assert (numbers[~empty] >= 0).all()
        assert np.isfinite(numbers[~empty]).all()
    assert (score.lower_bound[~empty] <= score.score[~empty] * (1 + 1e-9) + 1e-12).all()
    if spec.kind in WITHIN_ONE:
        assert (score.score[~empty] <= 1).all()
    if spec.kind == "wasserstein":
        assert np.isnan(score.p_value).all()
    else:
        assert ((score.p_value[~empty] >= 0) & (score.p_value[~empty] <= 1)).all()
    if score.direction is not None:
        assert (np.abs(score.direction) == (score.score > 0)).all()
    if score.error_bound is not None:
        assert (np.isnan(score.error_bound) | (score.error_bound >= 0)).all()


@each_detector
@given(pair=pairs(equal=True))
@few
def test_equal_counts_are_no_drift(spec, pair):
    score = compared(spec, *pair)
    some = pair[0].sum(axis=1) > 0
    assert score.score[some] == pytest.approx(0, abs=1e-7)
    assert score.lower_bound[some] == pytest.approx(0, abs=1e-7)
    if spec.kind != "wasserstein":
        assert score.p_value[some] == pytest.approx(1)


@each_detector
@given(shares=arrays.arrays(np.int64, (1, 7), elements=st.integers(1, 1000)), times=st.integers(1, 50))
@few
def test_proportional_counts_are_no_drift(spec, shares, times):
    """Half a count in each cell is then only felt in cells of few rows, so the counts are made large."""
    score = compared(spec, shares * 10_000, shares * 10_000 * times)
    assert score.score == pytest.approx(0, abs=1e-4)
    assert score.lower_bound == pytest.approx(0, abs=1e-6)


@each_detector
@given(pair=pairs())
@few
def test_groups_do_not_see_each_other(spec, pair):
    stacked = compared(spec, *pair)
    for group in range(len(pair[0])):
        alone = compared(spec, pair[0][[group]], pair[1][[group]])
        for name in ("score", "noise_floor", "lower_bound", "p_value", "n_baseline", "n_current", "contributions"):
            np.testing.assert_allclose(
                getattr(stacked, name)[group], getattr(alone, name)[0], rtol=1e-9, atol=1e-12, err_msg=name
            )


@pytest.mark.parametrize("spec", [s for s in SPECS if s.kind in SYMMETRIC], ids=lambda spec: spec.kind)
@given(pair=pairs())
@few
def test_exchanging_the_sides_changes_no_symmetric_score(spec, pair):
    forward, backward = compared(spec, *pair), compared(spec, pair[1], pair[0])
    np.testing.assert_allclose(forward.score, backward.score, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(forward.p_value, backward.p_value, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("spec", [s for s in SPECS if s.kind in UNORDERED], ids=lambda spec: spec.kind)
@given(pair=pairs(), random=st.randoms(use_true_random=False))
@few
def test_the_order_of_the_cells_does_not_matter_where_they_have_none(spec, pair, random):
    order = random.sample(range(pair[0].shape[1]), pair[0].shape[1])
    straight, shuffled = compared(spec, *pair), compared(spec, pair[0][:, order], pair[1][:, order])
    np.testing.assert_allclose(straight.score, shuffled.score, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(straight.contributions[:, order], shuffled.contributions, rtol=1e-9, atol=1e-12)


@each_detector
@given(pair=pairs())
@few
def test_nothing_that_is_compared_is_changed(spec, pair):
    before, now = pair[0].copy(), pair[1].copy()
    compared(spec, *pair)
    assert (before == pair[0]).all()
    assert (now == pair[1]).all()


@each_detector
@given(pair=pairs())
@few
def test_a_baseline_of_one_group_serves_all_groups(spec, pair):
    one = compared(spec, pair[0][:1], pair[1])
    repeated = compared(spec, np.repeat(pair[0][:1], len(pair[1]), axis=0), pair[1])
    np.testing.assert_array_equal(one.score, repeated.score)
    np.testing.assert_array_equal(one.lower_bound, repeated.lower_bound)


@each_detector
@given(pair=pairs(), share=st.floats(1e-4, 0.5))
@few
def test_every_group_has_its_own_correlation_which_never_makes_it_surer(spec, pair, share):
    rho = share * np.arange(len(pair[0])) / 4
    together, plain = compared(spec, *pair, rho=rho), compared(spec, *pair)
    for group, own in enumerate(rho.tolist()):
        alone = compared(spec, pair[0][[group]], pair[1][[group]], rho=own)
        for name in ("score", "noise_floor", "lower_bound", "p_value"):
            wanted = getattr(alone, name)[0]
            np.testing.assert_allclose(getattr(together, name)[group], wanted, rtol=1e-9, atol=1e-12, err_msg=name)
    if spec.kind in OF_CHANCE:  # with one or two rows in a side their approximation is not monotone
        return
    sure = ~np.isnan(plain.lower_bound)
    assert (together.lower_bound[sure] <= plain.lower_bound[sure] * (1 + 1e-9) + 1e-9).all()


BY_ROWS = [spec for spec in SPECS if getattr(spec.build(), "by_rows", False)]


@pytest.mark.parametrize("spec", BY_ROWS, ids=lambda spec: spec.kind)
@given(pair=pairs(), rhos=st.tuples(*[st.sampled_from([0.0, 0.01, 1.0])] * 3))
@few
def test_fields_that_are_compared_together_are_compared_as_each_alone(spec, pair, rhos):
    """Bit by bit, and a field of another shape too."""
    sides = [(FixedCells(before), FixedCells(now)) for before, now in (pair, pair[::-1], (pair[0][:, :1],) * 2)]
    detector, given = spec.build(), [(*side, rho) for side, rho in zip(sides, rhos, strict=True)]
    found = {}
    for stack in stacks(detector, range(3), given):
        score = detector.compare(stack.baseline, stack.current, stack.rho)
        for place, number in enumerate(stack.numbers):
            rows = slice(place * len(pair[0]), (place + 1) * len(pair[0]))
            found[number] = {name: part[rows] for name, part in vars(score).items() if part is not None}
    for number, side in enumerate(given):
        alone = {name: part for name, part in vars(detector.compare(*side)).items() if part is not None}
        assert {name: part.tobytes() for name, part in alone.items()} == {
            name: part.tobytes() for name, part in found[number].items()
        }
