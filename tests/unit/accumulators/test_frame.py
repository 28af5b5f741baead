from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from monitor.accumulators.frame import EMPTY_FRAME, Frame
from monitor.accumulators.hashing import hash_strings
from monitor.errors import StoreError


def again(frame: Frame) -> Frame:
    return Frame.of_state(json.loads(json.dumps(frame.state(), allow_nan=False)))


def test_the_grid_is_the_fiftieth_quantiles_of_the_finite_values():
    x = np.random.default_rng(1).lognormal(3, 1, 10_000)
    dirty = np.concatenate([x, [np.nan, np.inf, -np.inf]])
    frame = Frame.of_numbers(dirty)
    np.testing.assert_array_equal(frame.grid, np.quantile(x, np.arange(1, 50) / 50))
    assert frame.counts.sum() == 10_000
    assert (frame.low, frame.high) == (x.min(), x.max())


@pytest.mark.parametrize("buckets", [2, 5, 10, 25, 50])
def test_edges_of_a_divisor_of_fifty_are_the_exact_quantiles(buckets):
    x = np.random.default_rng(2).normal(size=5_000)
    expected = np.quantile(x, np.arange(1, buckets) / buckets)
    np.testing.assert_allclose(Frame.of_numbers(x).edges(buckets), expected, rtol=0, atol=1e-15)


def test_more_buckets_than_the_grid_has_give_the_grid():
    frame = Frame.of_numbers(np.arange(1_000.0))
    np.testing.assert_array_equal(frame.edges(1_000), frame.grid)
    assert frame.edges(20).size == 19


def test_one_bucket_has_no_cut():
    assert Frame.of_numbers(np.arange(1_000.0)).edges(1).size == 0


def test_a_value_that_holds_most_of_the_mass_gets_a_cell_of_its_own():
    x = np.concatenate([np.zeros(900), np.arange(1.0, 101.0)])
    frame = Frame.of_numbers(x)
    edges = frame.edges(10)
    # Decile 0.9 falls between the last zero and the first one; the empty first cell waits for negatives.
    assert edges.tolist() == [0.0, np.nextafter(0.0, 1)]
    assert frame.single[:3].tolist() == [False, True, False]
    counts = np.bincount(np.searchsorted(edges, x, side="right"), minlength=3)
    assert counts.tolist() == [0, 900, 100]


def test_a_constant_has_a_cell_of_its_own_between_two_empty_ones():
    frame = Frame.of_numbers(np.full(100, 7.0))
    assert frame.edges(10).tolist() == [7.0, np.nextafter(7.0, 8.0)]
    assert frame.counts.tolist() == [0, 100, 0]


def test_a_value_at_the_end_of_float64_has_nothing_above_it():
    frame = Frame.of_numbers(np.full(100, np.finfo(float).max))
    assert frame.grid.tolist() == [np.finfo(float).max]
    assert frame.counts.tolist() == [0, 100]


def test_whole_numbers_are_cut_from_one_to_the_next():
    x = np.repeat(np.arange(8.0), [90, 100, 110, 100, 100, 90, 110, 100])
    frame = Frame.of_numbers(x)
    cells = np.add.reduceat(frame.counts, frame.starts(50))
    assert cells.tolist() == [0, 90, 100, 110, 100, 100, 90, 110, 100, 0]
    assert frame.edges(50)[-1] == np.nextafter(7.0, 8.0)  # what exceeds all that was seen is a cell


def test_the_gap_above_a_frequent_value_belongs_to_what_is_above_it():
    x = np.concatenate([np.zeros(600), np.linspace(10, 20, 400)])
    frame = Frame.of_numbers(x)
    starts = frame.starts(10)
    assert frame.edges(10)[:2].tolist() == [0.0, np.nextafter(0.0, 1)]
    assert np.add.reduceat(frame.counts, starts).tolist() == [0, 600, 100, 100, 100, 100]


def test_a_value_of_few_rows_is_no_atom():
    x = np.concatenate([np.full(4, 5.0), np.arange(10.0, 110.0)])
    assert not Frame.of_numbers(x).single.any()
    assert Frame.of_numbers(np.append(x, 5.0)).single.any()


@pytest.mark.parametrize("buckets", [2, 5, 10, 25, 50])
def test_only_values_that_fill_a_bucket_are_set_apart(buckets):
    shares = {0.0: 600, 1.0: 250, 2.0: 120, 3.0: 50, 4.0: 30}
    x = np.concatenate([np.repeat(list(shares), list(shares.values())), np.linspace(0.001, 4.999, 950)])
    edges = Frame.of_numbers(x).edges(buckets)
    apart = [v for v in shares if v in edges and np.nextafter(v, np.inf) in edges]
    assert apart == [v for v, n in shares.items() if n * buckets >= x.size]


def counted(counts: list[int]) -> Frame:
    """A frame whose 50 levels are spread over the cells with these baseline counts."""
    cuts = len(counts) - 1
    levels = np.minimum(np.arange(49) * cuts // 49, cuts - 1)
    return Frame(np.arange(float(cuts)), levels, 0.0, 1.0, counts=np.array(counts, np.int64))


@pytest.mark.parametrize(
    ("counts", "cells"),
    [
        ([9, 9, 9, 9], [9, 9, 9, 9]),
        ([9, 4, 9, 9], [13, 9, 9]),
        ([4, 9, 9, 9], [13, 9, 9]),
        ([9, 9, 9, 4], [9, 9, 13]),
        ([0, 9, 9, 0], [0, 9, 9, 0]),
        ([9, 0, 9, 9], [9, 9, 9]),
        ([0, 4, 9, 9], [0, 13, 9]),
        ([0, 4], [0, 4]),
        ([0, 2, 2, 2, 1], [0, 7]),
        ([0, 0, 9], [0, 9]),
        ([0, 9], [0, 9]),
        ([2, 2, 2, 2], [8]),
        ([9, 2, 2, 2, 9], [9, 6, 9]),
        ([9, 2, 2, 2, 2, 9], [9, 6 + 2, 9]),
        ([1, 1, 1, 0], [3, 0]),
        ([1, 1, 1, 1], [4]),
    ],
)
def test_small_cells_are_merged_by_the_baselines_own_counts(counts, cells):
    frame = counted(counts)
    starts = frame.starts(50)
    assert starts[0] == 0
    assert np.add.reduceat(frame.counts, starts).tolist() == cells
    assert frame.edges(50).size == len(cells) - 1


def test_a_baseline_of_a_hundred_rows_keeps_cells_for_ks():
    frame = Frame.of_numbers(np.random.default_rng(3).normal(size=100))
    cells = np.add.reduceat(frame.counts, frame.starts(50))
    assert cells.min() >= 5
    assert cells.size >= 14


def test_no_finite_value_gives_a_frame_without_cuts():
    for values in (np.zeros(0), np.array([np.nan, np.inf])):
        frame = Frame.of_numbers(values)
        assert frame.edges(10).size == 0
        assert np.isnan(frame.low)
        assert again(frame).digest == frame.digest == EMPTY_FRAME.digest


def test_the_widest_range_of_float64_gives_finite_cuts():
    frame = Frame.of_numbers(np.array([-1.7e308, 1.7e308] * 50))
    assert np.isfinite(frame.grid).all()
    assert frame.counts.sum() == 100


def test_categories_are_the_most_frequent_with_ties_by_code_point():
    values = pa.array(["b", "a", "c", "c", None, "é", "z"])
    frame = Frame.of_categories(values, max_categories=3)
    assert frame.categories == ("c", "a", "b")
    assert frame.counts.tolist() == [2, 1, 1, 0, 2]
    assert frame.has_keys(hash_strings(pa.array(["z", "é", "q"]))).tolist() == [True, True, False]


def test_categories_can_be_given_as_counts():
    plain = Frame.of_categories(pa.array(["x", "y", "x", "w"]), max_categories=2)
    counted_up = Frame.of_categories(pa.array(["w", "x", "y", "x"]), np.array([1, 1, 1, 1]), max_categories=2)
    assert counted_up.digest == plain.digest
    assert plain.categories == ("x", "w")


def test_no_category_at_all_is_a_frame():
    for values in (pa.array([], pa.string()), pa.array([None], pa.string())):
        frame = Frame.of_categories(values, max_categories=5)
        assert (frame.categories, frame.keys.size, frame.counts.tolist()) == ((), 0, [0, 0])


def test_labels_name_the_cells_that_are_compared():
    frame = Frame.of_categories(pa.array(["a"] * 9 + ["b"] * 5 + ["c"] * 4), max_categories=3)
    assert frame.labels() == ("a", "b", "(unseen)", "(other)")


@pytest.mark.parametrize(
    "frame",
    [
        Frame.of_numbers(np.random.default_rng(4).normal(0, 1e-3, 1_000)),
        Frame.of_numbers(np.array([0.1, 0.2, 1e300, 5e-324])),
        Frame.of_categories(pa.array(["ü", "日本", '"', "\u2028", ""]), max_categories=4),
    ],
    ids=["dense", "extreme", "text"],
)
def test_a_frame_survives_json_to_the_last_bit(frame):
    copy = again(frame)
    assert copy.digest == frame.digest
    for name in ("grid", "levels", "keys", "counts"):
        np.testing.assert_array_equal(getattr(copy, name), getattr(frame, name))
    assert (copy.low, copy.high) == (frame.low, frame.high) or np.isnan(frame.low)
    assert copy.categories == frame.categories


@pytest.mark.parametrize(
    "change",
    [
        {"grid": [1.0, 0.5]},
        {"grid": ["x"]},
        {"levels": [0]},
        {"levels": [99] * 49},
        {"counts": [1]},
        {"counts": [-1] * 50},
        {"keys": "not base64!"},
        {"low": "low"},
        {"categories": 5},
    ],
)
def test_a_damaged_frame_is_refused(change):
    state = Frame.of_numbers(np.arange(100.0)).state()
    with pytest.raises(StoreError, match="build the baseline again"):
        Frame.of_state({**state, **change})


def test_frames_of_other_content_have_other_digests():
    one, two = Frame.of_numbers(np.arange(100.0)), Frame.of_numbers(np.arange(1.0, 101.0))
    assert one.digest != two.digest
    with pytest.raises(ValueError, match="different frames"):
        one.require_same(two)
    one.require_same(Frame.of_numbers(np.arange(100.0)))
