"""Between what a grid says and what the samples say is never more than the error bound that goes with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.accumulators.frame import Frame
from monitor.detectors import KolmogorovSmirnovSpec, MedianShiftSpec
from monitor.detectors.located import Places
from tests.support.cells import histogram_of


@st.composite
def samples(draw):
    """Draw two samples: of a few whole numbers, of many, with an atom in them, or far apart."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def one(size):
        values = rng.normal(draw(st.sampled_from([0.0, 0.5, 30.0])), draw(st.sampled_from([0.3, 1.0, 5.0])), size)
        values = np.round(values, draw(st.sampled_from([0, 1, 15])))
        return np.where(
            rng.random(size) < draw(st.sampled_from([0.0, 0.3, 0.95, 1.0])), draw(st.integers(-2, 2)), values
        )

    return one(draw(st.integers(1, 900))), one(draw(st.integers(1, 400)))


def exact_difference(one, other):
    """Return the largest difference of the two distribution functions."""
    at = np.concatenate((one, other))
    shares = [np.searchsorted(np.sort(x), at, side="right") / x.size for x in (one, other)]
    return np.abs(shares[0] - shares[1]).max()


@pytest.mark.parametrize("buckets", [10, 50])
@given(pair=samples())
@settings(max_examples=150, deadline=None)
def test_ks_of_the_samples_is_within_the_error_bound(buckets, pair):
    frame = Frame.of_numbers(pair[0])
    score = KolmogorovSmirnovSpec(buckets=buckets).build().compare(*(histogram_of(x, frame) for x in pair))
    exact = exact_difference(*pair)
    assert score.score[0] <= exact + 1e-12
    assert exact <= score.score[0] + score.error_bound[0] + 1e-12
    heaviest = max(np.bincount(np.searchsorted(frame.edges(buckets), x, side="right")).max() / x.size for x in pair)
    assert score.error_bound[0] <= heaviest + 1e-12


def test_no_smaller_error_bound_of_ks_follows_from_the_counts():
    """Samples with the same counts in which all current values precede the baseline's in their cell reach it."""
    grid = np.linspace(0, 1, 51)[:-1]
    baseline = np.repeat(grid + 0.019, 20)
    frame = Frame.of_numbers(baseline)
    current = np.repeat(np.concatenate(([frame.grid[0] - 0.01], frame.grid)), 5)
    sides = histogram_of(baseline, frame), histogram_of(current, frame)
    score = KolmogorovSmirnovSpec().build().compare(*sides)
    exact = exact_difference(baseline, current)
    assert exact == pytest.approx(score.score[0] + score.error_bound[0], abs=1e-12)


def test_ks_of_whole_numbers_is_exact():
    rng = np.random.default_rng(6)
    baseline, current = rng.poisson(3, 3000) * 1.0, rng.poisson(3.6, 500) * 1.0
    frame = Frame.of_numbers(np.minimum(baseline, 7))
    sides = histogram_of(np.minimum(baseline, 7), frame), histogram_of(np.minimum(current, 7), frame)
    score = KolmogorovSmirnovSpec().build().compare(*sides)
    exact = exact_difference(np.minimum(baseline, 7), np.minimum(current, 7))
    assert score.score[0] == pytest.approx(exact, abs=1e-12)
    assert score.error_bound[0] == 0


@given(pair=samples())
@settings(max_examples=150, deadline=None)
def test_the_shift_of_the_samples_medians_is_within_the_error_bound(pair):
    frame = Frame.of_numbers(pair[0])
    sides = [histogram_of(x, frame) for x in pair]
    score = MedianShiftSpec().build().compare(*sides)
    if np.isnan(score.error_bound[0]):
        middle = np.array([np.quantile(x, 0.5, method=method) for x in pair for method in ("lower", "higher")])
        assert ((middle < frame.grid[0]) | (middle >= frame.grid[-1])).any()
        return
    unit = Places.of(*sides, 0.0).origin[1][0]
    exact = abs(np.median(pair[1]) - np.median(pair[0])) / unit
    assert abs(exact - score.score[0]) <= score.error_bound[0] * (1 + 1e-9) + 1e-9
