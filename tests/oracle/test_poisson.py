"""The interval of a count against scipy's distributions, and the exact test that defines it."""

from __future__ import annotations

import pytest
from scipy import stats

from monitor.intervals import poisson


@pytest.mark.parametrize("n", [0, 1, 2, 7, 30, 400])
def test_the_ends_are_the_means_under_which_so_few_or_so_many_are_rare(n):
    lower, upper = poisson(n)
    assert stats.poisson.cdf(n, upper) == pytest.approx(0.025, rel=1e-9)
    assert lower == 0.0 if n == 0 else stats.poisson.sf(n - 1, lower) == pytest.approx(0.025, rel=1e-9)
