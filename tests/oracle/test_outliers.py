"""Fences of outliers against numpy and scipy on the baseline's own values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from monitor.accumulators.frame import Frame
from monitor.checks import OutliersSpec, row_checks
from monitor.checks.fences import NORMAL_MAD, Fences, mad, share_outside
from tests.support.checks import batch, masks, reference_to

RNG = np.random.default_rng(51)
SAMPLES: dict[str, Any] = {
    "normal": RNG.normal(5, 2, 20_000),
    "heavy": RNG.standard_t(2, 20_000),
    "skewed": RNG.lognormal(0, 1.5, 20_000),
    "two humps": np.concatenate((RNG.normal(-5, 1, 7_000), RNG.normal(9, 2, 13_000))),
    "whole": RNG.poisson(3, 20_000).astype(float),
    "ties": np.concatenate((np.zeros(8_000), RNG.exponential(1, 12_000))),
    "large": RNG.normal(1e12, 1, 20_000),
    "few": RNG.normal(0, 1, 200),
}
each_sample = pytest.mark.parametrize("name", SAMPLES)


def check_of(name: str, **settings: Any) -> Any:
    """Return the check with the sample as its baseline."""
    return row_checks([OutliersSpec(field="x", **settings)], {"x": "number"}, reference_to(x=SAMPLES[name]))[0]


@each_sample
def test_zscore_fences_are_exact(name):
    values = SAMPLES[name]
    mean, spread = values.mean(), values.std(ddof=1)
    low, high = check_of(name, method="zscore", factor=2.5).fences
    assert low == pytest.approx(mean - 2.5 * spread, rel=1e-12)
    assert high == pytest.approx(mean + 2.5 * spread, rel=1e-12)


@each_sample
def test_quartiles_are_within_half_the_distance_of_the_quantiles_around_them(name):
    values = SAMPLES[name]
    low, high = check_of(name, method="iqr", factor=1.5).fences
    first, third = np.quantile(values, [0.25, 0.75])
    one, other = (np.diff(np.quantile(values, ends))[0] / 2 for ends in ([0.24, 0.26], [0.74, 0.76]))
    slack = 2.5 * one + 2.5 * other + 8 * np.spacing(np.abs(values).max())
    assert abs(low - (first - 1.5 * (third - first))) <= slack
    assert abs(high - (third + 1.5 * (third - first))) <= slack
    assert slack < 0.5 * (third - first)


@each_sample
def test_mad_lies_between_the_quantiles_46_and_54_of_the_deviations(name):
    values = SAMPLES[name]
    deviations = np.abs(values - np.median(values))
    more = 2 / values.size
    least, most = np.quantile(deviations, [0.46 - more, 0.54 + more])
    assert least - 1e-9 <= mad(Frame.of_numbers(values)) <= most + 1e-9
    wanted = stats.median_abs_deviation(values)
    assert mad(Frame.of_numbers(values)) == pytest.approx(wanted, rel=0.06)


@each_sample
def test_mad_fences_stand_around_the_median(name):
    values = SAMPLES[name]
    low, high = check_of(name, method="mad", factor=3).fences
    assert (low + high) / 2 == pytest.approx(np.median(values), rel=1e-9, abs=1e-9)
    assert high - low == pytest.approx(6 * NORMAL_MAD * mad(Frame.of_numbers(values)), rel=1e-3)


@pytest.mark.parametrize("method", ["iqr", "mad", "zscore"])
@each_sample
def test_rows_outside_the_fences_fail_and_the_baselines_own_share_is_known(name, method):
    values = SAMPLES[name]
    check = check_of(name, method=method, factor=1.0)
    low, high = check.fences
    failed, evaluated = masks(check, batch(x=values))
    assert evaluated.all()
    assert failed.tolist() == ((values < low) | (values > high)).tolist()
    assert check.baseline_ratio == pytest.approx(failed.mean(), abs=0.04)
    assert check.spec.max_failure_ratio == pytest.approx(min(1, 0.01 + 4 * check.baseline_ratio), abs=1e-4)


@each_sample
def test_the_share_outside_is_exact_at_the_quantiles(name):
    values, frame = SAMPLES[name], Frame.of_numbers(SAMPLES[name])
    for cut in frame.grid[1:].tolist():
        assert share_outside(frame, Fences(cut, np.inf)) == pytest.approx((values < cut).mean(), abs=1e-12)
