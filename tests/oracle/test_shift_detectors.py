"""The shifts of mean, spread and median against numpy on the values themselves, and what they promise of noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from monitor.accumulators.frame import Frame
from monitor.detectors import MeanShiftSpec, MedianShiftSpec, VarianceShiftSpec
from tests.support.cells import histogram_of, histograms_of

WINDOWS = 600
SHIFTS = [MeanShiftSpec, VarianceShiftSpec, MedianShiftSpec]
DRAWS = {
    "normal": lambda rng, *shape: rng.normal(5, 2, shape),
    "log-normal": lambda rng, *shape: rng.lognormal(0, 1, shape),
    "heavy tails": lambda rng, *shape: rng.standard_cauchy(shape),
    "zero-inflated": lambda rng, *shape: np.where(rng.random(shape) < 0.9, 0, rng.exponential(1, shape)),
    "whole numbers": lambda rng, *shape: rng.poisson(3, shape) * 1.0,
    "yes and no": lambda rng, *shape: (rng.random(shape) < 0.1) * 1.0,
}
each_draw = pytest.mark.parametrize("name", DRAWS)


def compared(spec, before, now, frame=None):
    frame = Frame.of_numbers(before.ravel()) if frame is None else frame
    return spec.build().compare(histograms_of(np.atleast_2d(before), frame), histograms_of(np.atleast_2d(now), frame))


@pytest.mark.parametrize("shift", [-2.0, -0.5, 0.1, 1.0, 2.0])
def test_shifts_of_normal_values_are_in_standard_deviations(shift):
    rng = np.random.default_rng(1)
    before, now = rng.normal(100, 7, 50_000), rng.normal(100 + 7 * shift, 7, 50_000)
    for spec in (MeanShiftSpec(), MedianShiftSpec()):
        score = compared(spec, before, now)
        assert score.score[0] == pytest.approx(abs(shift), abs=0.03)
        assert score.direction[0] == np.sign(shift)
        assert abs(shift) * 0.9 - 0.1 < score.lower_bound[0] < abs(shift) * 1.01
    assert compared(VarianceShiftSpec(), before, now).score[0] < 0.03


def test_the_mean_is_the_exact_one_while_values_are_within_reach():
    rng = np.random.default_rng(2)
    before, now = rng.uniform(0, 1, 4000), rng.beta(2, 3, 500)
    score = compared(MeanShiftSpec(), before, now)
    unit = (np.quantile(before, 0.75) - np.quantile(before, 0.25)) / 1.349
    assert score.score[0] == pytest.approx(abs(now.mean() - before.mean()) / unit, rel=5e-3)
    exact = stats.ttest_ind(now, before, equal_var=False).pvalue
    assert exact < score.p_value[0] < 1e-10  # of the larger variance, which is the baseline's here


@pytest.mark.parametrize(("factor", "expected"), [(0.25, -0.75), (0.5, -0.5), (0.9, -0.1), (1.5, 0.5), (2.0, 0.91)])
def test_the_spread_is_compared_with_that_of_the_baseline(factor, expected):
    rng = np.random.default_rng(3)
    score = compared(VarianceShiftSpec(), rng.normal(0, 3, 50_000), rng.normal(0, 3 * factor, 50_000))
    assert score.score[0] * score.direction[0] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("spec", SHIFTS)
def test_only_the_direction_that_counts_counts(spec):
    rng = np.random.default_rng(4)
    before, now = rng.normal(0, 1, 5000), rng.normal(1, 2, 1000)
    both, up, down = (compared(spec(direction=direction), before, now) for direction in ("both", "up", "down"))
    assert both.score[0] == up.score[0] > 0.5
    assert down.score[0] == down.lower_bound[0] == 0
    assert down.direction[0] == both.direction[0] == 1
    assert (up.p_value[0], down.p_value[0]) == (pytest.approx(both.p_value[0] / 2), 1)
    assert up.lower_bound[0] > both.lower_bound[0]


@pytest.mark.parametrize("spec", SHIFTS)
def test_the_unit_goes_with_the_values(spec):
    rng = np.random.default_rng(5)
    before, now = rng.gamma(2, 1, 3000), rng.gamma(3, 1, 300)
    plain, other = compared(spec(), before, now), compared(spec(), 1e6 - 250 * before, 1e6 - 250 * now)
    assert other.score[0] == pytest.approx(plain.score[0], rel=0.03)
    assert other.direction[0] == (plain.direction[0] if spec is VarianceShiftSpec else -plain.direction[0])


@pytest.mark.parametrize("spec", SHIFTS)
def test_correlated_rows_are_worth_fewer(spec):
    rng = np.random.default_rng(6)
    before, now = rng.normal(0, 1, 5000), rng.normal(0.6, 1.6, 1000)
    plain, correlated = compared(spec(), before, now), compared(spec(rho=0.01), before, now)
    assert correlated.score[0] == plain.score[0]
    assert correlated.lower_bound[0] < plain.lower_bound[0]
    assert correlated.p_value[0] > plain.p_value[0]


@each_draw
@pytest.mark.parametrize("rows", [60, 600])
@pytest.mark.parametrize("spec", SHIFTS)
def test_without_drift_a_bound_is_above_zero_in_five_of_a_hundred_windows_at_most(spec, rows, name):
    rng = np.random.default_rng(7)
    before = DRAWS[name](rng, WINDOWS, 2000)  # each window has a baseline of its own, else they would err together
    frame = Frame.of_numbers(before[:10].ravel())
    now = DRAWS[name](rng, WINDOWS, rows)
    for direction in ("both", "up", "down"):
        score = compared(spec(direction=direction), before, now, frame)
        chance = 3 * np.sqrt(0.05 * 0.95 / WINDOWS)
        assert np.mean(score.lower_bound > 1e-9) <= 0.05 + chance
        assert np.mean(score.p_value < 0.05) <= 0.05 + chance


@each_draw
@pytest.mark.parametrize("spec", SHIFTS)
def test_the_noise_floor_is_the_mean_score_without_drift(spec, name):
    rng = np.random.default_rng(8)
    frame = Frame.of_numbers(DRAWS[name](rng, 20_000))
    score = compared(spec(), DRAWS[name](rng, 1, 20_000), DRAWS[name](rng, WINDOWS, 500), frame)
    assert score.noise_floor.mean() == pytest.approx(score.score.mean(), rel=0.15, abs=0.005)


@pytest.mark.parametrize("spec", SHIFTS)
@pytest.mark.parametrize(("shift", "factor"), [(0.3, 1.0), (1.0, 1.0), (0.0, 1.5), (-0.5, 0.6)])
def test_the_bound_covers_a_true_change(spec, shift, factor):
    rng = np.random.default_rng(9)
    before = rng.normal(0, 1, 50_000)
    frame = Frame.of_numbers(before)
    true = compared(spec(), before, rng.normal(shift, factor, 500_000), frame).score[0]
    score = compared(spec(), before, rng.normal(shift, factor, (WINDOWS, 200)), frame)
    assert np.mean(score.lower_bound <= true) >= 0.93


def test_one_value_moves_a_mean_by_no_more_than_its_cell_allows():
    rng = np.random.default_rng(10)
    before, now = rng.normal(0, 1, 5000), rng.normal(0, 1, 500)
    frame = Frame.of_numbers(before)
    for spec in SHIFTS:
        plain = spec().build().compare(histogram_of(before, frame), histogram_of(now, frame))
        for outlier in (1e9, -1e9, 1.7e308):
            hit = spec().build().compare(histogram_of(before, frame), histogram_of(np.append(now, outlier), frame))
            assert hit.score[0] == pytest.approx(plain.score[0], abs=0.06)
