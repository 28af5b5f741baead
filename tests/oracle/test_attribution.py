"""Causes against numbers worked out by hand, and against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from monitor.rootcause import attribute, evidence, g_statistics, rank_segments, succinct, surprise


def test_a_segment_that_grows_is_mix_and_one_that_changes_is_within():
    # Half the rows in a (10 % slow) and half in b (30 % slow); then b is three quarters of the rows.
    before = np.array([[450, 50], [350, 150]])
    found = attribute(before, np.array([[225, 25], [525, 225]]))
    assert found.movement == pytest.approx([-0.05, 0.05])
    assert found.within == pytest.approx(np.zeros((2, 2)))
    # a: (0.25 - 0.5)·(0.1 - (0.2 + 0.25)/2) = 0.03125; b: 0.25·(0.3 - 0.225) = 0.01875
    assert found.mix[:, 1] == pytest.approx([0.03125, 0.01875])
    # Instead b becomes slower, 50 % of its rows: half of 20 points is within.
    found = attribute(before, np.array([[450, 50], [250, 250]]))
    assert found.mix == pytest.approx(np.zeros((2, 2)))
    assert found.within[:, 1] == pytest.approx([0, 0.1])


def test_both_at_once_are_the_average_of_the_two_orders():
    before, now = np.array([[450, 50], [350, 150]]), np.array([[225, 25], [375, 375]])
    found = attribute(before, now)
    w, w_now, p, q = 0.5, 0.75, 0.3, 0.5
    first_size, first_shares = w_now * (q - p), w * (q - p)
    assert found.within[1, 1] == pytest.approx((first_size + first_shares) / 2)
    assert found.mix[:, 1].sum() == pytest.approx(0.4 - 0.2 - found.within[1, 1])


def test_surprise_of_the_paper():
    # p = (0.5, 0.5), q = (0.25, 0.75)
    found = surprise(np.array([100.0, 100.0]), np.array([50.0, 150.0]))
    by_hand = [
        0.5 * (0.5 * np.log(1.0 / 0.75) + 0.25 * np.log(0.5 / 0.75)),
        0.5 * (0.5 * np.log(1.0 / 1.25) + 0.75 * np.log(1.5 / 1.25)),
    ]
    assert found == pytest.approx(by_hand)
    assert found.sum() == pytest.approx(jensenshannon([0.5, 0.5], [0.25, 0.75]) ** 2)


def test_the_succinct_set_stops_when_enough_is_explained():
    # By falling surprise: 2 (explains too little), 0, 3; then 80 % are explained.
    assert succinct([0.5, 0.15, 0.05, 0.3], [0.2, 0.01, 0.9, 0.1], [True] * 4) == [0, 3]
    assert succinct([0.5, 0.15, 0.05, 0.3], [0.2, 0.01, 0.9, 0.1], [False, True, True, True]) == [3, 1]
    assert succinct([], [], []) == []


def test_the_one_segment_that_changed_is_named_before_a_dimension_that_only_contains_it():
    # Four carriers of 1000 rows; 20 % slow, the third now 60 %. It flies from the first of two airports.
    by_carrier = np.tile([800, 200], (4, 1))
    now = by_carrier.copy()
    now[2] = [400, 600]
    moved = np.array([False, True])
    carriers = rank_segments(by_carrier * 10, now, moved)
    assert [part.number for part in carriers.named] == [2]
    assert carriers.segments[0].power == pytest.approx(1)
    assert (carriers.mix, carriers.within) == pytest.approx((0, 0.1))
    airports = rank_segments(np.array([[16000, 4000], [16000, 4000]]), np.array([[1200, 800], [1600, 400]]), moved)
    assert carriers.surprise > 2 * airports.surprise


def test_a_small_segment_is_not_named_for_noise():
    before = np.array([[80_000, 20_000], [80, 20]])
    assert not rank_segments(before, np.array([[8_000, 2_000], [6, 4]]), np.array([False, True])).named
    rows_of_one_kind = rank_segments(before, np.array([[600, 400], [8, 2]]), np.array([False, True]), rho=0.9)
    assert not rows_of_one_kind.named


def test_g_is_that_of_scipy():
    cells = np.random.default_rng(3).poisson([50, 20, 5], (12, 3))
    found = g_statistics(cells)
    for t in range(1, 12):
        table = [cells[:t].sum(axis=0), cells[t:].sum(axis=0)]
        assert found[t - 1] == pytest.approx(chi2_contingency(table, correction=False, lambda_="log-likelihood")[0])


def test_bets_are_fair():
    p = (np.arange(1_000_000) + 0.5) / 1_000_000
    # A grid misses some of what the boldest bets would win on p-values below one in a million.
    assert 0.9 < np.exp(evidence(p)).mean() <= 1
    assert evidence(np.array([0.5]))[0] == pytest.approx(-0.48, abs=0.01)
    assert evidence(np.array([0.01]))[0] > 1
    assert np.isnan(evidence(np.array([np.nan]))[0])
