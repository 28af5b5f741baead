"""The law that bounds are made of, what chance makes of a divergence in a cell, held against other sums and draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from monitor.detectors import KullbackLeiblerSpec, PsiSpec, chance
from monitor.detectors.cells import CellPair
from monitor.detectors.chance import chances, confidence
from tests.support.cells import FixedCells

BY_HAND = {
    chance.psi_terms: lambda q, p: (q - p) * np.log(q / p),
    chance.kl_terms: lambda q, p: 2 * (q * np.log(q / p) + p - q),
    chance.kl_terms_of_baseline: lambda q, p: 2 * (p * np.log(p / q) + q - p),
    chance.js_terms: lambda q, p: 4 * (q * np.log(2 * q / (p + q)) + p * np.log(2 * p / (p + q))),
    chance.hellinger_terms: lambda q, p: 4 * (np.sqrt(q) - np.sqrt(p)) ** 2,
    chance.chi2_terms: lambda q, p: 2 * (q - p) ** 2 / (q + p),
}
each = pytest.mark.parametrize(("terms", "by_hand"), BY_HAND.items(), ids=lambda item: item.__name__)


@each
@pytest.mark.parametrize("expected", [0.3, 2.0, 7.5, 90.0])
def test_mean_and_variance_of_counts_are_those_of_the_poisson_law(terms, by_hand, expected):
    mean, variance = chances(terms, np.array([[expected]]), np.ones((1, 1)))
    law = stats.poisson(expected)
    wanted = law.expect(lambda c: by_hand(c + 0.5, expected + 0.5), maxcount=5000)
    squares = law.expect(lambda c: by_hand(c + 0.5, expected + 0.5) ** 2, maxcount=5000)
    assert mean[0, 0] == pytest.approx(wanted, rel=0.01)
    assert variance[0, 0] == pytest.approx(squares - wanted**2, rel=0.02)


@each
@pytest.mark.parametrize("expected", [0.3, 2.0, 7.5, 90.0])
def test_mean_and_variance_of_correlated_rows_are_those_of_the_gamma_law(terms, by_hand, expected):
    mean, variance = chances(terms, np.array([[expected]]), np.zeros((1, 1)))
    drawn = by_hand(np.random.default_rng(1).gamma(expected, size=400_000) + 0.5, expected + 0.5)
    assert mean[0, 0] == pytest.approx(drawn.mean(), rel=0.03)
    assert variance[0, 0] == pytest.approx(drawn.var(), rel=0.06 if expected > 1 else 0.12)


@each
def test_with_many_rows_it_is_the_chi_squared_law_and_with_none_nothing(terms, by_hand):
    mean, variance = chances(terms, np.array([[1e6, 0.0]]), np.full((1, 1), 0.5))
    np.testing.assert_allclose(mean, [[1.0, 0.0]], atol=0.01)
    np.testing.assert_allclose(variance, [[2.0, 0.0]], atol=0.02)


@each
def test_terms_are_the_divergences_they_are_named_after(terms, by_hand):
    rng = np.random.default_rng(2)
    now, before = rng.uniform(0.5, 50, (2, 100))
    np.testing.assert_allclose(terms(now, before), by_hand(now, before), rtol=1e-9, atol=1e-12)


def test_a_single_cell_says_nothing():
    pair = CellPair.of_counts(np.array([[100, 0], [0, 0]]), np.array([[50, 0], [0, 0]]))
    found = confidence(pair, chance.psi_terms)
    np.testing.assert_array_equal(found.lower_bound, 0)
    np.testing.assert_array_equal(found.p_value, 1)


def test_correlation_widens_the_bound_group_by_group():
    before, now = np.array([[5000, 5000]] * 3), np.array([[600, 400]] * 3)
    pair = CellPair.of_counts(before, now, np.array([0.0, 0.001, 0.01]))
    bounds = confidence(pair, chance.hellinger_terms).lower_bound
    assert (np.diff(bounds) < 0).all()


@pytest.mark.parametrize("spec", [PsiSpec(), KullbackLeiblerSpec()], ids=lambda spec: spec.kind)
@pytest.mark.parametrize(("rows", "baseline"), [(100, 3000), (1000, 1000), (5000, 500)])
def test_uneven_cells_and_thin_baselines_fire_no_more_than_promised(spec, rows, baseline):
    """Zipf shares over a hundred cells, most with few rows; a baseline as small as the window, or smaller."""
    rng = np.random.default_rng(3)
    shares = 1 / np.arange(1, 101)
    shares /= shares.sum()
    score = spec.build().compare(
        FixedCells(rng.multinomial(baseline, shares, 2000)), FixedCells(rng.multinomial(rows, shares, 2000))
    )
    assert np.mean(score.lower_bound > 0) <= 0.08
