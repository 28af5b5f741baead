"""The Fréchet distance: scipy's square root is the oracle, geometry gives the laws, simulation the promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import linalg

from monitor.accumulators.vector import VectorSpec
from monitor.detectors import FrechetSpec
from monitor.types import Column, Groups

laws = settings(max_examples=30, deadline=None)
DETECTOR = FrechetSpec(rho=0.0).build()


def counted(matrix, groups=None):
    found = VectorSpec(field="f", dimension=matrix.shape[1]).build(None, groups.size if groups else 1)
    found.update(Column(matrix, np.zeros(len(matrix), np.uint8)), groups or Groups())
    return found


def compared(before, now, **settings_):
    detector = FrechetSpec(**{"rho": 0.0, **settings_}).build()
    return detector.compare(counted(before), counted(now))


@st.composite
def clouds(draw):
    """Two clouds of points of the same dimension, of any shape, place and scale."""
    d, seed = draw(st.integers(1, 6)), draw(st.integers(0, 2**31))
    random = np.random.default_rng(seed)
    scale = draw(st.sampled_from([1e-3, 1.0, 1e4]))
    both = []
    for _ in range(2):
        n, shape = draw(st.integers(2, 40)), random.standard_normal((d, d))
        both.append(scale * (random.standard_normal((n, d)) @ shape + random.standard_normal(d)))
    return both


@laws
@given(pair=clouds())
def test_the_score_is_that_of_the_matrix_square_root(pair):
    before, now = pair
    assume(min(len(before), len(now)) > before.shape[1] + 3)  # it has to be regular for scipy
    first, second = (np.cov(x, rowvar=False).reshape(x.shape[1], -1) for x in pair)
    root = linalg.sqrtm(first)
    cross = np.trace(linalg.sqrtm(root @ second @ root)).real
    squared = np.square(before.mean(0) - now.mean(0)).sum() + np.trace(first) + np.trace(second) - 2 * cross
    expected = np.sqrt(max(squared, 0.0) / np.trace(first))
    assert compared(before, now).score[0] == pytest.approx(expected, rel=1e-5, abs=1e-5)


@laws
@given(pair=clouds(), seed=st.integers(0, 1000))
def test_turning_moving_and_stretching_all_vectors_alike_changes_nothing(pair, seed):
    random = np.random.default_rng(seed)
    d = pair[0].shape[1]
    turn, move = linalg.qr(random.standard_normal((d, d)))[0], random.standard_normal(d) * np.abs(pair[0]).max()
    straight, turned = compared(*pair), compared(*(3 * (x @ turn + move) for x in pair))
    assert turned.score[0] == pytest.approx(straight.score[0], rel=1e-4, abs=1e-3)


@laws
@given(pair=clouds())
def test_numbers_are_in_their_ranges_and_the_bound_never_above_the_score(pair):
    score = compared(*pair)
    assert 0 <= score.lower_bound[0] <= score.score[0] * (1 + 1e-12)
    assert score.noise_floor[0] > 0
    assert 0 <= score.p_value[0] <= 1
    assert np.abs(score.contributions[0]).sum() == pytest.approx(score.score[0] ** 2)
    assert (score.n_baseline.tolist(), score.n_current.tolist()) == ([len(pair[0])], [len(pair[1])])


@laws
@given(pair=clouds())
def test_equal_clouds_are_no_drift(pair):
    """Of a flat cloud the fourth root of the rounding remains."""
    score = compared(pair[0], pair[0])
    assert score.score[0] == pytest.approx(0, abs=1e-3)
    assert score.lower_bound[0] == 0
    assert score.p_value[0] == pytest.approx(1, abs=1e-3)


@laws
@given(pair=clouds())
def test_back_and_forth_is_as_far_but_for_the_unit(pair):
    there, back = compared(*pair).score[0], compared(*pair[::-1]).score[0]
    first, second = (x.var(axis=0, ddof=1).sum() for x in pair)
    assert there * np.sqrt(first) == pytest.approx(back * np.sqrt(second), rel=1e-4, abs=1e-3 * np.sqrt(first + second))


def test_groups_do_not_see_each_other_and_a_baseline_of_one_group_serves_all():
    random = np.random.default_rng(3)
    before, now = random.standard_normal((90, 3)), random.standard_normal((60, 3)) + 1
    groups = Groups(3, (random.integers(1, 3, 60).astype(np.int32),))
    score = DETECTOR.compare(counted(before), counted(now, groups))
    for group in (1, 2):
        alone = compared(before, now[groups.codes[0] == group])
        assert score.score[group] == pytest.approx(alone.score[0])
        assert score.n_current[group] == alone.n_current[0]
    np.testing.assert_array_equal(score.n_baseline, [90, 90, 90])


@pytest.mark.parametrize(("m", "n"), [(0, 10), (10, 0), (1, 10), (10, 1), (0, 0)])
def test_a_side_with_fewer_than_two_rows_is_not_defined(m, n):
    score = compared(np.ones((m, 2)), np.ones((n, 2)))
    assert np.isnan([score.score[0], score.noise_floor[0], score.lower_bound[0], score.p_value[0]]).all()
    assert (score.n_baseline[0], score.n_current[0]) == (m, n)


def test_a_baseline_without_spread_is_measured_in_units_of_the_values():
    still, moved = np.ones((100, 3)), np.ones((100, 3)) + np.array([0, 2, 0])
    score = compared(still, moved)
    assert (score.score[0], score.lower_bound[0], score.p_value[0]) == (2, 2, 0)
    assert compared(still, still).p_value[0] == 1


def test_moments_beyond_float64_are_not_defined():
    score = compared(np.array([[1e200, 0.0], [-1e200, 1.0], [0.0, 2.0]]), np.eye(2))
    assert np.isnan(score.score[0])


def test_above_dimension_32_all_rows_have_one_score_whatever_the_segments_are():
    random = np.random.default_rng(4)
    groups = Groups(3, (random.integers(1, 3, 200).astype(np.int32),))
    before, now = (counted(random.standard_normal((200, 33)), groups) for _ in range(2))
    assert DETECTOR.compare(before, now).score.shape == (1,)
    assert before.norms.n.tolist()[0] == 200
    assert sum(before.norms.n.tolist()[1:]) == 200


def test_a_correlation_of_rows_raises_the_noise_and_lowers_the_bound():
    random = np.random.default_rng(5)
    before, now = counted(random.standard_normal((2000, 4))), counted(random.standard_normal((500, 4)) + 0.3)
    free, tied = (FrechetSpec(rho=rho).build().compare(before, now) for rho in (0.0, 0.01))
    assert tied.noise_floor[0] > 2 * free.noise_floor[0]
    assert tied.lower_bound[0] < free.lower_bound[0]
    estimated = FrechetSpec().build().compare(before, now, np.array([0.01]))
    assert estimated.lower_bound[0] == tied.lower_bound[0]


def _normal(random, n, d, centres):
    return random.standard_normal((n, d)) / np.sqrt(1 + np.arange(d))


def _clustered(random, n, d, centres):
    return centres[random.integers(0, len(centres), n)] + 0.5 * _normal(random, n, d, centres)


def _unit_length(random, n, d, centres):
    x = _clustered(random, n, d, centres) + 1
    return x / np.linalg.norm(x, axis=1)[:, None]


def _heavy_tailed(random, n, d, centres):
    return _normal(random, n, d, centres) / np.sqrt(random.chisquare(5, n) / 5)[:, None]


@pytest.mark.parametrize("draw", [_normal, _clustered, _unit_length, _heavy_tailed], ids=lambda draw: draw.__name__)
@pytest.mark.parametrize(("d", "n"), [(8, 100), (16, 400)])
def test_without_drift_the_bound_is_above_zero_in_less_than_a_twentieth_of_windows(draw, d, n):
    """And the noise floor is about the score, a little more where clusters make it calmer than a normal cloud."""
    random = np.random.default_rng(11)
    centres = random.standard_normal((6, d))
    before = counted(draw(random, 20_000, d, centres))
    scores = [DETECTOR.compare(before, counted(draw(random, n, d, centres))) for _ in range(150)]
    assert np.mean([score.lower_bound[0] > 0 for score in scores]) <= 0.05
    ratio = np.mean([score.score[0] for score in scores]) / np.mean([score.noise_floor[0] for score in scores])
    assert 0.7 < ratio < 1.05
    assert np.mean([score.p_value[0] < 0.05 for score in scores]) <= 0.12


def test_a_shift_of_the_mean_and_a_turned_covariance_are_both_found():
    """Turned about its own middle a cloud keeps its mean: only the second term can see it."""
    random = np.random.default_rng(12)
    before = random.standard_normal((5000, 16)) * np.linspace(2, 0.1, 16)
    fresh = random.standard_normal((1000, 16)) * np.linspace(2, 0.1, 16)
    calm, shifted, turned = (compared(before, now).lower_bound[0] for now in (fresh, fresh + 0.3, fresh[:, ::-1]))
    assert calm < 0.02
    assert shifted > 0.1
    assert turned > 0.25


def test_true_distances_are_hardly_ever_below_the_bound():
    """The true distance of these two normal clouds is known: |Δ| = 0.2·√8 and a second term of 8·(1.2 - 1)²."""
    random = np.random.default_rng(13)
    before = counted(random.standard_normal((5000, 8)))
    truth = np.sqrt((8 * 0.2**2 + 8 * 0.2**2) / 8)
    bounds = [
        DETECTOR.compare(before, counted(0.2 + 1.2 * random.standard_normal((300, 8)))).lower_bound[0]
        for _ in range(150)
    ]
    assert np.mean(np.array(bounds) > truth) <= 0.05
    assert np.mean(bounds) > 0.3 * truth
