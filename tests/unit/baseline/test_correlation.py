"""The correlation of rows within windows: right on average, honest about its error, hard to mislead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monitor.baseline.correlation import estimate, estimate_rho
from tests.support.simulated import windows

FLAT = np.full(10, 0.1)


@pytest.mark.parametrize("rows", [100, 100_000])
@pytest.mark.parametrize("rho", [0.002, 0.05])
@pytest.mark.parametrize("cells", [2, 10, 50])
def test_the_estimate_is_right_on_average_and_states_its_error(rows, rho, cells):
    drawn = windows(np.random.default_rng(1), np.full(cells, 1 / cells), rows, rho, 60, 200)
    found = estimate(drawn)
    assert found.rho.mean() == pytest.approx(rho, rel=0.08, abs=0.2 * found.error.mean())
    if rho > 2 * found.error.mean():  # else the estimate is often 0
        assert found.error.mean() == pytest.approx(found.rho.std(), rel=0.35)
    assert (found.cautious > found.rho).all()


def test_independent_rows_have_none():
    found = estimate(windows(np.random.default_rng(2), FLAT, 1000, 0.0, 60, 400))
    assert np.median(found.rho) < 2e-5
    assert found.rho.max() < 5 * found.error.max()


@pytest.mark.parametrize("rho", [0.0, 0.01])
def test_windows_of_unequal_size_are_used_for_what_they_are(rho):
    rng = np.random.default_rng(3)
    drawn = np.concatenate([windows(rng, FLAT, rows, rho, 20, 300) for rows in (30, 300, 3000)])
    found = estimate(drawn)
    assert found.rho.mean() == pytest.approx(rho, rel=0.05, abs=5e-5)


def test_a_few_bad_windows_do_not_become_the_rule():
    rng = np.random.default_rng(4)
    clean = windows(rng, FLAT, 1000, 0.01, 100, 300)
    bad = clean.copy()
    bad[:5, :, :5], bad[:5, :, 5:] = 200, 0
    by_means = ((bad - 100.0) ** 2 / 100).sum(axis=2).mean() / 9 / 1000
    assert by_means > 0.015
    assert estimate(bad).rho.mean() < 1.15 * estimate(clean).rho.mean()


def test_small_cells_are_merged():
    shares = np.array([0.9, 0.05, 0.04, 0.005, 0.003, 0.0015, 0.0005])
    drawn = windows(np.random.default_rng(5), shares, 1000, 0.002, 200, 300)
    assert estimate(drawn).rho.mean() == pytest.approx(0.002, rel=0.08)


@pytest.mark.parametrize(
    "counts",
    [
        np.zeros((0, 1, 4), int),
        np.zeros((50, 2, 4), int),
        np.full((9, 1, 4), 100),
        np.concatenate((np.full((50, 1, 1), 100), np.zeros((50, 1, 3), int)), axis=2),
        np.eye(3, dtype=int)[np.arange(60) % 3][:, None],
    ],
    ids=["no windows", "no rows", "too few windows", "one cell", "one row a window"],
)
def test_what_says_nothing_is_unknown_and_taken_as_independent(counts):
    found = estimate(counts)
    assert not found.known.any()
    assert (found.rho == 0).all()
    assert (found.cautious == 0).all()


def test_windows_that_are_each_of_one_value_are_wholly_correlated():
    assert estimate_rho(np.eye(4, dtype=int)[np.arange(40) % 4] * 50) == pytest.approx(1.0, abs=0.05)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.int64, st.tuples(st.integers(0, 25), st.integers(1, 3), st.integers(1, 8)), elements=st.integers(0, 99))
)
def test_any_counts_give_numbers_between_0_and_1(counts):
    found = estimate(counts)
    for numbers in (found.rho, found.cautious, found.shrunk().rho, found.shrunk().cautious):
        assert ((numbers >= 0) & (numbers <= 1)).all()
    assert (found.windows <= len(counts)).all()


def test_groups_do_not_see_each_other():
    drawn = windows(np.random.default_rng(6), FLAT, 500, 0.01, 40, 3)
    together = estimate(drawn).rho
    np.testing.assert_allclose(together, [estimate_rho(drawn[:, group]) for group in range(3)])


def test_segments_of_few_rows_are_drawn_to_all_rows_and_sure_ones_are_not():
    rng = np.random.default_rng(7)
    everything = windows(rng, FLAT, 2000, 0.01, 50, 1)
    different = windows(rng, FLAT, 1000, 0.08, 50, 1)
    thin = windows(rng, FLAT, 12, 0.0, 50, 1)
    absent = np.zeros_like(thin)
    own = estimate(np.concatenate((everything, different, thin, absent), axis=1))
    found = own.shrunk()
    assert found.rho[0] == own.rho[0]
    assert found.rho[1] == pytest.approx(own.rho[1], rel=0.1)
    assert own.error[2] > 0.5 * own.rho[0]
    assert abs(found.rho[2] - own.rho[0]) < abs(own.rho[2] - own.rho[0])
    assert found.rho[3] == own.rho[0]
