from __future__ import annotations

import hashlib
import warnings

import numpy as np
import pyarrow as pa
import pytest
from datasketches import kll_doubles_sketch
from pydantic import TypeAdapter, ValidationError

from monitor.accumulators import (
    AccumulatorSpec,
    CategoriesSpec,
    DistinctSpec,
    Frame,
    HistogramSpec,
    MomentsSpec,
    PresenceSpec,
    QuantilesSpec,
    TextSpec,
)
from monitor.accumulators.grouping import grouped_counts, grouped_sums
from monitor.accumulators.histogram import cells_of
from monitor.errors import StoreError
from monitor.types import Column, Groups, Presence

ALL = Groups()
TWO = Groups(3, (np.array([1, 1, 2, 2], np.int32),))


def numbers(*values: float) -> Column:
    return Column(np.array(values, np.float64), np.zeros(len(values), np.uint8))


def words(*values: str) -> Column:
    return Column(pa.array(values, pa.string()), np.zeros(len(values), np.uint8))


def test_the_union_knows_each_kind_and_refuses_others():
    adapter = TypeAdapter(AccumulatorSpec)
    assert adapter.validate_python({"kind": "moments", "field": "a"}) == MomentsSpec(field="a")
    for wrong in ({"kind": "median", "field": "a"}, {"kind": "moments"}, {"kind": "moments", "field": "a", "k": 1}):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


def test_presence_tells_missing_from_invalid():
    presence = np.array([*Presence, Presence.OK], np.uint8)
    counts = PresenceSpec(field="f").build(None, 2)
    counts.update(Column(np.zeros(8), presence), Groups(2, (np.full(8, 1, np.int32),)))
    assert counts.counts.tolist() == [[2, 1, 1, 1, 1, 1, 1]] * 2
    assert (counts.rows[0], counts.missing[0], counts.invalid[0]) == (8, 2, 4)


def test_grouped_counts_and_sums_cover_more_rows_than_a_block():
    rng = np.random.default_rng(1)
    n, groups = 40_000, 5
    codes, cells, weights = rng.integers(1, groups, n).astype(np.int32), rng.integers(0, 7, n), rng.normal(size=n)
    one = Groups(groups, (codes,))
    for g in range(1, groups):
        expected = np.bincount(cells[codes == g], minlength=7)
        np.testing.assert_array_equal(grouped_counts(cells, 7, one)[g], expected)
        sums = np.bincount(cells[codes == g], weights[codes == g], minlength=7)
        np.testing.assert_allclose(grouped_sums(cells, weights, 7, one)[g], sums, rtol=1e-10)
    np.testing.assert_array_equal(grouped_counts(cells, 7, one)[0], np.bincount(cells, minlength=7))


def test_codes_of_a_narrow_type_do_not_overflow():
    cells = np.full(10, 250, np.uint8)
    counts = grouped_counts(cells, 251, Groups(2_000, (np.full(10, 1_999, np.int16),)))
    assert counts[1_999, 250] == 10


@pytest.mark.parametrize("cuts", [0, 1, 2, 3, 7, 8, 48, 49])
def test_the_blocked_search_equals_searchsorted(cuts):
    rng = np.random.default_rng(cuts)
    grid = np.unique(rng.integers(-30, 30, cuts).astype(float))
    x = np.concatenate([rng.integers(-40, 40, 20_000).astype(float), rng.normal(size=20_000), [1e308, -1e308, -0.0]])
    np.testing.assert_array_equal(cells_of(x, grid), np.searchsorted(grid, x, side="right"))


def test_a_value_on_a_cut_belongs_to_the_cell_above_it():
    frame = Frame.of_numbers(np.arange(1_000.0))
    for groups in (ALL, Groups(2, (np.array([1], np.int32),))):
        histogram = HistogramSpec(field="f").build(frame, groups.size)
        histogram.update(numbers(float(frame.grid[10])), groups)
        assert histogram.counts[0].nonzero()[0].tolist() == [11]


def test_coarse_cells_are_counts_between_the_frames_edges():
    rng = np.random.default_rng(5)
    frame, x = Frame.of_numbers(rng.normal(size=5_000)), rng.normal(0.3, 2, 3_000)
    histogram = HistogramSpec(field="f").build(frame, 1)
    histogram.update(numbers(*x), ALL)
    for buckets in (2, 10, 20, 50):
        place = np.searchsorted(frame.edges(buckets), x, side="right")
        np.testing.assert_array_equal(histogram.cells(buckets)[0], np.bincount(place, minlength=buckets))
        expected = np.bincount(place, x, minlength=buckets)
        np.testing.assert_allclose(histogram.cell_sums(buckets)[0], expected, rtol=1e-10)


def test_sums_beyond_float64_are_infinite_and_come_back():
    histogram = HistogramSpec(field="f").build(None, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        histogram.update(numbers(1.7e308, 1.7e308), ALL)
        assert histogram.sums.tolist() == [[np.inf]]
        histogram.update(numbers(-1.7e308, -1.7e308, 2.0**1000), ALL)
        assert histogram.sums.tolist() == [[2.0**1000]]


def test_values_are_known_unseen_or_other():
    frame = Frame.of_categories(pa.array(["a"] * 9 + ["b"] * 6 + ["c"] * 2 + ["tail"]), max_categories=3)
    counts = CategoriesSpec(field="f").build(frame, 3)
    counts.update(words("b", "new", "tail", "b"), TWO)
    assert counts.counts.tolist() == [[0, 2, 0, 1, 1], [0, 1, 0, 1, 0], [0, 1, 0, 0, 1]]
    assert (counts.known[0].sum(), counts.unseen[0], counts.other[0]) == (2, 1, 1)


def test_rare_known_values_are_compared_as_other():
    frame = Frame.of_categories(pa.array(["a"] * 9 + ["b"] * 6 + ["c"] * 2 + ["tail"]), max_categories=3)
    counts = CategoriesSpec(field="f").build(frame, 1)
    counts.update(words("a", "b", "c", "c", "tail", "new"), ALL)
    assert dict(zip(frame.labels(), counts.cells()[0].tolist(), strict=True)) == {
        "a": 1, "b": 1, "(unseen)": 1, "(other)": 3,
    }  # fmt: skip
    assert counts.cells().sum() == counts.counts.sum()


def test_different_frames_cannot_be_merged_or_loaded():
    frames = [Frame.of_numbers(np.arange(100.0)), Frame.of_numbers(np.arange(1.0, 101.0))]
    one, two = (HistogramSpec(field="f").build(frame, 1) for frame in frames)
    with pytest.raises(ValueError, match="different frames"):
        one.merge(two)
    with pytest.raises(StoreError, match="another frame"):
        one.load(two.state())
    equal = HistogramSpec(field="f").build(Frame.of_numbers(np.arange(100.0)), 1)
    equal.update(numbers(3.0), ALL)
    one.merge(equal)
    assert one.counts.sum() == 1


@pytest.mark.parametrize("groups", [ALL, Groups(2, (np.array([1, 1, 1, 1], np.int32),))], ids=["one", "two"])
@pytest.mark.parametrize("pieces", [1, 2, 4])
def test_moments_of_the_largest_values_are_neither_warned_about_nor_poisoned(groups, pieces):
    x = np.array([1.7e308, 1.7e308, -1.7e308, 1.7e308])
    moments = MomentsSpec(field="f").build(None, groups.size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for rows in np.array_split(np.arange(4), pieces):
            moments.update(numbers(*x[rows]), groups.take(rows))
        np.testing.assert_allclose(moments.mean, 0.85e308, rtol=1e-15)
        assert moments.m2.tolist() == [np.inf] * groups.size
        assert (moments.min[0], moments.max[0]) == (-1.7e308, 1.7e308)


def test_a_constant_has_exactly_its_mean_and_no_variance():
    for value in (0.1, 1.7e308, -5e-324, 1e9 + 0.1):
        moments = MomentsSpec(field="f").build(None, 1)
        for _ in range(3):
            moments.update(numbers(*[value] * 7), ALL)
        assert moments.mean[0] == value
        assert moments.m2[0] <= 1e-30 * value * value


def test_what_an_empty_group_lacks_is_nan():
    moments = MomentsSpec(field="f").build(None, 3)
    moments.update(numbers(4.0), Groups(3, (np.array([2], np.int32),)))
    np.testing.assert_array_equal(moments.n, [1, 0, 1])
    for numbers_of in (moments.mean, moments.min, moments.max):
        np.testing.assert_array_equal(numbers_of, [4.0, np.nan, 4.0])
    np.testing.assert_array_equal(moments.variance, [np.nan] * 3)
    np.testing.assert_array_equal(moments.m2, [0.0] * 3)


def test_text_lengths_are_characters_not_bytes():
    text = TextSpec(field="f").build(None, 1)
    values = pa.array([None, "日本語", "", "abcd"], pa.string())
    text.update(Column(values, np.array([2, 0, 0, 0], np.uint8)), ALL)
    assert (text.moments.n[0], text.moments.mean[0], text.moments.max[0]) == (3, pytest.approx(7 / 3), 4)


def test_quantiles_of_few_values_are_exact_and_of_none_nan():
    quantiles = QuantilesSpec(field="f").build(None, 1)
    assert np.isnan(quantiles.quantiles(np.array([0.5]))).all()
    quantiles.update(numbers(3.0, 1.0, 2.0), ALL)
    assert quantiles.quantiles(np.array([0.0, 0.5, 1.0])).tolist() == [1.0, 2.0, 3.0]
    assert quantiles.n == 3
    assert 0.013 < quantiles.rank_error_ratio < 0.014


@pytest.mark.parametrize("n", [8_191, 8_192, 8_193, 50_001, 300_000])
def test_quantiles_of_large_batches_are_within_the_bound_however_many_there_were(n):
    quantiles = QuantilesSpec(field="f").build(None, 1)
    for _ in range(3):
        quantiles.update(numbers(*np.arange(float(n))), ALL)
    assert quantiles.n == 3 * n
    shares = np.arange(101) / 100
    found = quantiles.quantiles(shares)
    assert np.abs(found / (n - 1) - shares).max() < 2 * quantiles.rank_error_ratio
    assert len(quantiles.state()["sketch"]) < 6_000


def test_a_damaged_sketch_is_refused():
    quantiles = QuantilesSpec(field="f").build(None, 1)
    quantiles.update(numbers(*np.arange(1_000.0)), ALL)
    good = quantiles.state()
    flipped = bytes([*good["sketch"][:-9], good["sketch"][-9] ^ 1, *good["sketch"][-8:]])
    for bad in (b"", good["sketch"][:-1], flipped, b"\0" * len(good["sketch"])):
        with pytest.raises(StoreError, match="damaged"):
            quantiles.load({**good, "sketch": bad})
    foreign = bytes(kll_doubles_sketch(100).serialize())
    with pytest.raises(StoreError, match="k = 100"):
        quantiles.load({"sketch": foreign, "digest": hashlib.blake2b(foreign, digest_size=16).hexdigest()})
    assert quantiles.n == 1_000


def test_distinct_counts_few_values_almost_exactly():
    distinct = DistinctSpec(field="f").build(None, 1)
    assert distinct.estimate == 0
    distinct.update(numbers(0.0, -0.0, 1.0, 1.0, 2.0), ALL)
    assert distinct.estimate == pytest.approx(3, rel=1e-3)
    distinct.update(words("a", "b", "a"), ALL)
    assert distinct.estimate == pytest.approx(5, rel=2e-3)


def test_a_saturated_sketch_still_gives_a_number():
    distinct = DistinctSpec(field="f").build(None, 1)
    distinct.load({"registers": np.full(4096, 53, np.uint8)})
    assert distinct.estimate > 1e18
    for bad in (np.full(4096, 54), np.full(4096, 0.5), np.full(4096, -1), np.full(4096, 257)):
        with pytest.raises(StoreError):
            distinct.load({"registers": bad})
