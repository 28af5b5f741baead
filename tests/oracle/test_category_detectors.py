"""Unseen and vanished values, the mode's share and the number of values: by hand, and what they promise of noise.

Each simulation draws baselines anew, since what is rare in one is a matter of luck.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats

from monitor.accumulators.frame import Frame
from monitor.detectors import CardinalityShiftSpec, ChiSquaredSpec, ModeShareSpec, UnseenSpec, VanishedSpec
from tests.support.cells import FixedCategories, FixedCells, categories_of, histograms_of

BASELINES, WINDOWS = 20, 40
FLAT = np.full(20, 0.05)
TAIL = 1 / np.arange(1, 2001) ** 1.1
SHARES = {
    "flat": FLAT,
    "long tail": TAIL / TAIL.sum(),
    "one and the rest": np.array([0.9, *np.full(50, 0.002)]),
    "yes and no": np.array([0.7, 0.3]),
}
ALL = [UnseenSpec(), VanishedSpec(), ModeShareSpec(), CardinalityShiftSpec(), CardinalityShiftSpec(direction="down")]


def counted(draws, baseline, cap):
    """Return the frame of a baseline's counts by value, and those of baseline and draws on it."""
    order = np.argsort(-baseline, kind="stable")
    seen = int((baseline > 0).sum())
    known = min(cap, seen)

    def cells(counts):
        ordered = counts[:, order]
        unseen, other = ordered[:, seen:].sum(axis=1), ordered[:, known:seen].sum(axis=1)
        return np.column_stack((ordered[:, :known], unseen, other))

    before = cells(baseline[None, :])
    keys = np.arange(seen, dtype=np.uint64)
    frame = Frame(categories=tuple(f"v{i:04}" for i in range(known)), keys=keys, counts=before[0])
    return categories_of(before, frame), categories_of(cells(draws), frame)


@cache
def drawn(name, rows_before, rows, cap):
    """Return baselines and windows, without drift but for those named `new value`."""
    rng = np.random.default_rng(11)
    before, now = SHARES.get(name, np.append(FLAT, 0.0)), SHARES.get(name, np.append(FLAT * 0.9, 0.1))
    return [
        counted(rng.multinomial(rows, now, WINDOWS), rng.multinomial(rows_before, before), cap)
        for _ in range(BASELINES)
    ]


def simulated(spec, name, rows_before, rows, cap=5000):
    """Return score, bound, floor and p-value of all windows."""
    scores = [spec.build().compare(*sides) for sides in drawn(name, rows_before, rows, cap)]
    names = ("score", "lower_bound", "noise_floor", "p_value")
    return [np.concatenate([getattr(score, name) for score in scores]) for name in names]


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize(("rows_before", "rows", "cap"), [(10_000, 60, 5000), (5000, 1000, 5000), (2000, 2000, 100)])
@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.kind)
def test_without_drift_a_bound_is_above_zero_in_five_of_a_hundred_windows_at_most(spec, rows_before, rows, cap, name):
    score, bound, floor, p_value = simulated(spec, name, rows_before, rows, cap)
    assert (bound <= score).all()
    assert np.mean(bound > 1e-9) <= 0.08
    assert np.mean(p_value < 0.05) <= 0.08
    assert floor.mean() >= score.mean() * 0.7 - 0.003  # on the safe side where many values are rare


def test_good_and_turing_expect_the_values_that_are_new_in_any_window():
    score, bound, floor, _ = simulated(UnseenSpec(), "long tail", 2000, 1000)
    assert floor.mean() == pytest.approx(score.mean(), rel=0.03)
    assert score.mean() > 0.1  # every eighth row, and hardly any window has a level for it
    assert np.mean(bound > 0.01) < 0.03


def test_of_a_tail_that_was_cut_off_the_most_rare_values_are_assumed():
    counts = np.array([900, 50, 10, 0, 40])
    frame = Frame(categories=("a", "b", "c"), keys=np.arange(33, dtype=np.uint64), counts=counts)
    before, now = categories_of(counts[None, :], frame), categories_of(np.array([[90, 5, 0, 5, 0]]), frame)
    score = UnseenSpec().build().compare(before, now)
    assert score.score[0] == pytest.approx(0.05)
    assert score.noise_floor[0] == pytest.approx(0.028)  # 30 values in 40 rows: 28 once at most, and two of 6 … 10


def test_unseen_values_in_excess_are_bounded_from_below():
    score, bound, _, _ = simulated(UnseenSpec(), "new value", 5000, 300)
    assert score.mean() == pytest.approx(0.1, abs=0.005)
    assert 0.93 <= np.mean(bound <= 0.1) <= 0.99
    assert bound.mean() > 0.06


def test_vanished_values_are_named_and_counted_with_their_baseline_share():
    before = FixedCategories(np.array([[500, 300, 150, 50, 0, 0]]), np.array([500, 300, 150, 50, 0, 0]))
    now = FixedCategories(np.array([[700, 300, 0, 0, 0, 0]]), before.frame_counts)
    score = VanishedSpec().build().compare(before, now)
    assert score.score[0] == pytest.approx(0.2)
    assert score.contributions[0].tolist() == [0, 0, -0.15, -0.05, 0, 0]
    assert 0.15 < score.lower_bound[0] < 0.2
    least = 4 * stats.binom.cdf(0, 150, 0.5)
    assert score.p_value[0] == pytest.approx(least, rel=1e-9)
    few = VanishedSpec().build().compare(before, FixedCategories(now.counts // 10, before.frame_counts))
    assert few.score[0] == pytest.approx(0.15)  # of the fourth only five rows were to be expected


def test_a_value_that_only_became_rarer_has_not_vanished():
    before = FixedCategories(np.array([[500, 500, 0, 0]]), np.array([500, 500, 0, 0]))
    now = FixedCategories(np.array([[800, 200, 0, 0]]), before.frame_counts)
    assert VanishedSpec().build().compare(before, now).score[0] == 0
    assert VanishedSpec(max_remaining_ratio=0.5).build().compare(before, now).score[0] == 0.5


@pytest.mark.parametrize(("q", "expected"), [(0.6, 0.3), (0.25, -0.05), (0.3, 0.0)])
def test_the_modes_share_is_compared_whichever_value_it_is(q, expected):
    before = np.array([0.3, 0.25, 0.25, 0.2])
    now = np.array([(1 - q) / 3] * 3 + [q])
    rows = [np.append(np.rint(x * 120_000), [0, 0])[None, :].astype(int) for x in (before, now)]
    sides = [FixedCategories(counts, np.full(6, 5)) for counts in rows]
    score = ModeShareSpec().build().compare(*sides)
    assert score.score[0] * (score.direction[0] or 1) == pytest.approx(max(now) - 0.3, abs=1e-9)
    assert expected == pytest.approx(max(now) - 0.3)


def test_the_mode_of_numbers_is_among_the_values_with_a_cell_of_their_own():
    rng = np.random.default_rng(12)
    before = np.where(rng.random(5000) < 0.2, 0.0, rng.normal(10, 2, 5000))
    now = np.where(rng.random(500) < 0.6, 0.0, rng.normal(10, 2, 500))
    frame = Frame.of_numbers(before)
    score = ModeShareSpec().build().compare(histograms_of(before[None], frame), histograms_of(now[None], frame))
    assert score.score[0] == pytest.approx((now == 0).mean() - (before == 0).mean())
    assert score.contributions[0][frame.single].tolist() == [pytest.approx(score.score[0])]


def test_fewer_values_than_the_baseline_gives_at_as_many_rows():
    before = FixedCategories(np.array([[*np.full(100, 100), 0, 0]]), np.array([*np.full(100, 100), 0, 0]))
    now = FixedCategories(np.array([[*np.full(10, 20), *np.zeros(90, int), 0, 0]]), before.frame_counts)
    score = CardinalityShiftSpec().build().compare(before, now)
    expected = 100 * (1 - (10_000 / 10_200) ** 99)
    most = 100 * (1 - 0.98**100)
    assert score.score[0] == pytest.approx((expected - 10) / most)
    assert score.direction[0] == -1
    assert score.lower_bound[0] > 0.7
    assert CardinalityShiftSpec(direction="up").build().compare(before, now).score[0] == 0


def test_more_values_than_the_baseline_gives_at_as_many_rows():
    counts = np.array([9900, *np.ones(100, int), 0, 0])
    before = FixedCategories(counts[None, :], counts)
    now = FixedCategories(np.array([[0, *np.full(100, 1), 0, 0]]), counts)
    score = CardinalityShiftSpec().build().compare(before, now)
    assert score.score[0] == pytest.approx((100 - (1 + 100 * 0.01)) / 2)
    assert score.direction[0] == 1
    assert score.lower_bound[0] > 10


@pytest.mark.parametrize("groups", [([500, 300, 200], [40, 30, 30]), ([900, 50, 0, 50], [90, 0, 10, 20])])
def test_g_is_scipys_likelihood_ratio_test(groups):
    sides = [FixedCells.of(counts) for counts in groups]
    g, pearson = (ChiSquaredSpec(statistic=name).build().compare(*sides) for name in ("g", "pearson"))
    expected = stats.chi2_contingency(np.array(groups), correction=False, lambda_="log-likelihood")
    assert g.p_value[0] == pytest.approx(expected.pvalue, rel=1e-9)
    assert g.score[0] == pearson.score[0]
    assert g.lower_bound[0] == pearson.lower_bound[0]
