"""Accumulators against independent computations: numpy, collections, fractions, statistics, river."""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections import Counter
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from river.stats import Var

from monitor.accumulators import (
    CategoriesSpec,
    DistinctSpec,
    Frame,
    HistogramSpec,
    MomentsSpec,
    PresenceSpec,
    QuantilesSpec,
    TextSpec,
)
from monitor.types import Column, Groups

ALL = Groups()
SAMPLES = {
    "normal": lambda rng: rng.normal(3, 2, 5_000),
    "heavy": lambda rng: rng.standard_cauchy(5_000),
    "tied": lambda rng: rng.poisson(0.4, 5_000).astype(float),
    "far": lambda rng: 1e9 + rng.random(5_000),
    "tiny": lambda rng: rng.normal(0, 1e-150, 5_000),
}


def column(x) -> Column:
    return Column(x, np.zeros(len(x), np.uint8))


def fold(spec, frame, x, pieces=7):
    accumulator = spec(field="f").build(frame, 1)
    for part in np.array_split(x, pieces):
        accumulator.update(column(part), ALL)
    return accumulator


@pytest.mark.parametrize("name", SAMPLES)
def test_moments_agree_with_exact_rational_arithmetic(name):
    x = SAMPLES[name](np.random.default_rng(1))[:1_500]
    exact = [Fraction(v) for v in x.tolist()]
    mean = sum(exact) / len(exact)
    m2 = sum((v - mean) ** 2 for v in exact)
    moments = fold(MomentsSpec, None, x)
    assert moments.mean[0] == pytest.approx(float(mean), rel=1e-12)
    assert moments.m2[0] == pytest.approx(float(m2), rel=1e-12)
    assert moments.variance[0] == pytest.approx(float(m2 / (len(x) - 1)), rel=1e-12)


@pytest.mark.parametrize("name", SAMPLES)
def test_moments_agree_with_numpy(name):
    x = SAMPLES[name](np.random.default_rng(2))
    moments = fold(MomentsSpec, None, x)
    assert moments.n[0] == x.size
    assert moments.mean[0] == pytest.approx(np.mean(x), rel=1e-12)
    assert moments.variance[0] == pytest.approx(np.var(x, ddof=1), rel=1e-11)
    assert (moments.min[0], moments.max[0]) == (x.min(), x.max())


@pytest.mark.parametrize("spread", [1.0, 2.0**-20, 2.0**-22])
@pytest.mark.parametrize("grouped", [False, True])
def test_moments_are_right_where_the_spread_is_a_few_roundings_of_the_mean(spread, grouped):
    x = 1e9 + np.round(np.random.default_rng(8).random(600) * 2) * spread
    groups = Groups(2, (np.ones(x.size, np.int32),)) if grouped else ALL
    moments = MomentsSpec(field="f").build(None, groups.size)
    for rows in np.array_split(np.arange(x.size), 60):
        moments.update(column(x[rows]), groups.take(rows))
    exact = [Fraction(v) for v in x.tolist()]
    mean = sum(exact) / len(exact)
    assert moments.mean[-1] == float(mean)
    assert moments.m2[-1] == pytest.approx(float(sum((v - mean) ** 2 for v in exact)), rel=1e-9)


def test_variance_far_from_zero_is_right_where_rivers_update_many_is_negative():
    x = 1e9 + np.random.default_rng(3).random(10_000)
    theirs, moments = Var(), MomentsSpec(field="f").build(None, 1)
    for part in np.array_split(x, 100):
        theirs.update_many(part)
        moments.update(column(part), ALL)
    truth = statistics.variance((x - 1e9).tolist())
    assert moments.variance[0] == pytest.approx(truth, rel=1e-12)
    # When this fails, river has mended the trap of STYLE.md §8 and the note there can go.
    assert abs(theirs.get() - truth) > 0.5 * truth


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("name", SAMPLES)
def test_histogram_cells_agree_with_bisection_value_by_value(name, grouped):
    rng = np.random.default_rng(4)
    frame, x = Frame.of_numbers(SAMPLES[name](rng)), SAMPLES[name](rng)
    groups = Groups(2, (np.ones(x.size, np.int32),)) if grouped else ALL
    histogram = HistogramSpec(field="f").build(frame, groups.size)
    histogram.update(column(x), groups)
    cuts = frame.grid.tolist()
    places = [bisect_right(cuts, v) for v in x.tolist()]
    counts = Counter(places)
    assert histogram.counts[-1].tolist() == [counts[i] for i in range(len(cuts) + 1)]
    sums = [sum((Fraction(v) for v, p in zip(x.tolist(), places, strict=True) if p == i), Fraction())
            for i in range(0, len(cuts) + 1, 9)]  # fmt: skip
    np.testing.assert_allclose(histogram.sums[-1][::9], [float(s) for s in sums], rtol=1e-11, atol=1e-320)


def test_cells_at_ten_buckets_are_the_deciles_by_hand():
    rng = np.random.default_rng(5)
    reference, x = rng.gamma(2, 3, 10_000), rng.gamma(2.5, 3, 4_000)
    cuts = np.unique(np.quantile(reference, np.linspace(0, 1, 11)[1:-1]))
    histogram = fold(HistogramSpec, Frame.of_numbers(reference), x)
    by_hand = [int(((x >= lo) & (x < hi)).sum()) for lo, hi in zip([-np.inf, *cuts], [*cuts, np.inf], strict=True)]
    assert histogram.cells(10)[0].tolist() == by_hand


def test_categories_agree_with_a_counter():
    rng = np.random.default_rng(6)
    reference = [f"v{i}" for i in rng.zipf(1.5, 3_000) if i < 200]
    current = [f"v{i}" for i in rng.zipf(1.4, 3_000) if i < 400]
    frame = Frame.of_categories(pa.array(reference), max_categories=20)
    top = sorted(Counter(reference).items(), key=lambda item: (-item[1], item[0]))[:20]
    assert frame.categories == tuple(value for value, _ in top)
    assert frame.counts[:20].tolist() == [count for _, count in top]
    counts = CategoriesSpec(field="f").build(frame, 1)
    counts.update(Column(pa.array(current), np.zeros(len(current), np.uint8)), ALL)
    truth = Counter(current)
    seen = set(reference)
    assert counts.known[0].tolist() == [truth[value] for value in frame.categories]
    assert counts.unseen[0] == sum(n for value, n in truth.items() if value not in seen)
    assert counts.other[0] == sum(n for value, n in truth.items() if value in seen - set(frame.categories))


def test_presence_agrees_with_a_counter_per_group():
    rng = np.random.default_rng(7)
    presence, codes = rng.integers(0, 7, 3_000).astype(np.uint8), rng.integers(1, 4, 3_000).astype(np.int32)
    counts = PresenceSpec(field="f").build(None, 4)
    counts.update(Column(np.zeros(3_000), presence), Groups(4, (codes,)))
    for group in range(1, 4):
        truth = Counter(presence[codes == group].tolist())
        assert counts.counts[group].tolist() == [truth[p] for p in range(7)]


def test_text_lengths_agree_with_python():
    texts = ["", "ü", "日本語", "a" * 1_000, "👩‍👩‍👧", "\0"]
    lengths = TextSpec(field="f").build(None, 1)
    lengths.update(Column(pa.array(texts), np.zeros(len(texts), np.uint8)), ALL)
    assert lengths.moments.mean[0] == pytest.approx(statistics.fmean(map(len, texts)))
    assert lengths.moments.variance[0] == pytest.approx(statistics.variance(map(len, texts)))


@pytest.mark.parametrize("n", [1, 10, 100, 1_000, 3_000, 10_000, 20_000, 100_000, 300_000])
@pytest.mark.parametrize("kind", ["number", "text"])
def test_distinct_is_within_four_standard_errors(n, kind):
    x = np.arange(float(n)) * 0.37
    distinct = DistinctSpec(field="f").build(None, 1)
    distinct.update(column(x if kind == "number" else pa.array([f"user-{i}" for i in range(n)])), ALL)
    assert abs(distinct.estimate - n) <= max(4 * distinct.standard_error_ratio * n, 0.01)


def test_distinct_is_without_bias_where_plain_hyperloglog_has_it():
    # Between 2.5 and 5 times the registers the original estimator is off by up to some 5 %.
    errors = []
    for seed in range(40):
        x = np.random.default_rng(seed).random(12_000)
        errors.append(fold(DistinctSpec, None, x, 1).estimate / 12_000 - 1)
    assert abs(np.mean(errors)) < 4 * 0.0163 / np.sqrt(40)
    assert np.std(errors) < 1.5 * 0.0163


@pytest.mark.parametrize("name", ["normal", "heavy", "tied"])
def test_quantile_ranks_are_within_the_stated_bound(name):
    # The bound holds with 99 %; twice the bound fails about once in a million and the sketch takes no seed.
    x = np.concatenate([SAMPLES[name](np.random.default_rng(seed)) for seed in range(10)])
    sketch = fold(QuantilesSpec, None, x)
    merged = QuantilesSpec(field="f").build(None, 1)
    for part in np.array_split(x, 5):
        merged.merge(fold(QuantilesSpec, None, part, 3))
    ordered, shares = np.sort(x), np.array([0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    for accumulator in (sketch, merged):
        values = accumulator.quantiles(shares)
        low = np.searchsorted(ordered, values, side="left") / x.size
        high = np.searchsorted(ordered, values, side="right") / x.size
        slack = 2 * accumulator.rank_error_ratio
        assert ((low - slack <= shares) & (shares <= high + slack)).all()
        assert accumulator.n == x.size
