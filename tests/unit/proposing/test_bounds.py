"""What a sample allows to be said of what it does not show."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.proposing.bounds import chance_failures, lower_tail, none_seen_ratio, round_up, upper_tail


def test_none_seen_is_the_rule_of_three_at_99_percent():
    n = 500
    ratio = none_seen_ratio(n)
    assert (1 - ratio) ** n == pytest.approx(0.01, rel=0.03)
    assert none_seen_ratio(0) == none_seen_ratio(3) == 1.0


def test_chance_failures_are_rarely_exceeded_at_the_bound():
    most = chance_failures(50_000, 1000)
    drawn = np.random.default_rng(1).binomial(1000, none_seen_ratio(50_000), 200_000)
    assert (drawn > most).mean() < 2e-4
    assert (drawn > most - 2).mean() > 1e-4


@pytest.mark.parametrize("index", [2.0, 4.0])
def test_the_end_of_a_tail_is_beyond_most_of_a_thousand_samples(index):
    rng = np.random.default_rng(5)
    tail = upper_tail(np.sort(rng.pareto(index, 4000)))
    assert tail.end is not None
    assert tail.index == pytest.approx(index, rel=0.4)
    exceeding = sum(rng.pareto(index, 4000).max() > tail.end for _ in range(200))
    assert exceeding <= 4


def test_a_tail_that_is_too_heavy_has_no_end():
    assert upper_tail(np.sort(np.random.default_rng(2).pareto(0.7, 4000))).end is None


def test_the_lower_tail_is_the_mirrored_upper_one():
    values = np.sort(np.random.default_rng(4).normal(0, 1, 1000))
    upper = upper_tail(np.sort(-values))
    assert upper.end is not None
    assert lower_tail(values).end == -upper.end


def test_numbers_near_the_end_of_float64_have_no_end():
    assert upper_tail(np.array([-1e308, 0.0, 1e308])).end is None
    assert upper_tail(np.sort(np.random.default_rng(1).normal(0, 1e299, 500))).end is not None


def test_equal_values_end_where_they_are():
    assert upper_tail(np.full(50, 3.0)).end == 3.0


@pytest.mark.parametrize(
    ("value", "rounded"), [(213, 220), (220, 220), (0.0123, 0.013), (0, 0), (-213, -210), (9.95, 10)]
)
def test_rounding_goes_up_to_two_digits(value, rounded):
    assert round_up(value) == pytest.approx(rounded)
