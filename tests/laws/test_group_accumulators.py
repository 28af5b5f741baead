"""The laws of every accumulator of several columns in the union: batching, merging, state, untouched input."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from monitor.accumulators import AccumulatorSpec, GroupFrame
from monitor.codec import decode, encode, from_json, to_json
from monitor.errors import StoreError
from monitor.types import Column, Groups
from tests.support.groups import columns_of, frame_of

SPECS = [spec for spec in get_args(get_args(AccumulatorSpec)[0]) if "fields" in spec.model_fields]
SEGMENTED = [spec for spec in SPECS if not hasattr(spec, "judged_groups")]
every_segmented = pytest.mark.parametrize("spec", SEGMENTED, ids=lambda spec: spec.model_fields["kind"].default)
every_accumulator = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.model_fields["kind"].default)
laws = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_RNG = np.random.default_rng(3)
_MIXED = _RNG.normal(0, 3, (400, 3)) @ np.array([[1.0, 0.5, 0.0], [0.0, 1.0, -2.0], [0.0, 0.0, 1.0]])
FRAMES = {
    "usual": frame_of(_MIXED),
    "huge": frame_of(np.vstack([_MIXED * 1e306, np.full((5, 3), 1.7e308), np.full((5, 3), -1.7e308)])),
    "constant": frame_of(np.column_stack([_MIXED[:, 0], np.full(400, 7.0), 2 * _MIXED[:, 0]])),
    "plain": GroupFrame.plain(("f0", "f1", "f2"), 128),
}
finite = st.one_of(
    st.floats(-10, 10), st.integers(-3, 3).map(float), st.sampled_from([0.0, -0.0, 5e-324, 1e9, 1.7e308])
)
small = st.one_of(st.floats(-10, 10), st.integers(-3, 3).map(float), st.just(float("nan")))


@st.composite
def rows_of(draw, frame: str):
    n = draw(st.integers(0, 30))
    elements = small if frame == "plain" else st.one_of(finite, st.just(float("nan")))
    matrix = draw(arrays.arrays(np.float64, (n, 3), elements=elements))
    size, codes = 1, []
    for _ in range(draw(st.integers(0, 2))):
        width = draw(st.integers(1, 3))
        codes.append(np.array(draw(st.lists(st.integers(size, size + width - 1), min_size=n, max_size=n)), np.int32))
        size += width
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=3)))
    return matrix, Groups(size, tuple(codes)), [0, *cuts, n]


def build(spec: Any, frame: str, size: int) -> Any:
    fields = ("f0", "f1", "f2")
    more = {"features": 128} if "features" in spec.model_fields else {}
    return spec(group="g", fields=fields, **more).build(FRAMES[frame], size)


def part(rows: Any, start: int, end: int) -> tuple[tuple[Column, ...], Groups]:
    matrix, groups, _ = rows
    return columns_of(matrix[start:end]), Groups(groups.size, tuple(codes[start:end] for codes in groups.codes))


def folded(spec: Any, frame: str, rows: Any, cuts: Any = None) -> Any:
    accumulator = build(spec, frame, rows[1].size)
    bounds = [0, len(rows[0])] if cuts is None else cuts
    for start, end in pairwise(bounds):
        accumulator.update(*part(rows, start, end))
    return accumulator


def assert_same(left: Any, right: Any) -> None:
    """Counts are equal; floats agree to 1e-9 of the largest."""
    left, right = left.state(), right.state()
    assert left.keys() == right.keys()
    for name, value in left.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            slack = 1e-9 * max(float(np.abs(value).max(initial=0.0)), 1e-12)
            if name == "rest":  # what rounding took from the mean
                continue
            np.testing.assert_allclose(right[name], value, rtol=1e-9, atol=slack, err_msg=name)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(right[name], value, err_msg=name)
        else:
            assert right[name] == value


@every_accumulator
@pytest.mark.parametrize("frame", FRAMES)
@laws
@given(data=st.data())
def test_chunking_and_merging_do_not_matter(spec, frame, data):
    rows = data.draw(rows_of(frame))
    whole, pieces = folded(spec, frame, rows), folded(spec, frame, rows, rows[2])
    assert_same(whole, pieces)
    forward, backward = build(spec, frame, rows[1].size), build(spec, frame, rows[1].size)
    parts = [folded(spec, frame, rows, [a, b]) for a, b in pairwise(rows[2])]
    for one in parts:
        forward.merge(one)
    for one in reversed(parts):
        backward.merge(one)
    assert_same(whole, forward)
    assert_same(whole, backward)
    assert all(np.isfinite(value).all() for value in whole.state().values() if isinstance(value, np.ndarray))


@every_accumulator
@laws
@given(data=st.data())
def test_the_empty_is_neutral_to_the_bit_and_state_survives_json_and_bytes(spec, data):
    rows = data.draw(rows_of("usual"))
    size = rows[1].size
    original = folded(spec, "usual", rows)
    before = encode(original.state())
    original.update(*part(rows, 0, 0))
    original.merge(build(spec, "usual", size))
    assert encode(original.state()) == before
    for state in (from_json(json.loads(json.dumps(to_json(original.state())))), decode(encode(original.state()))):
        again = build(spec, "usual", size)
        again.load(state)
        assert encode(again.state()) == before
        again.update(*part(rows, 0, len(rows[0])))
    original.update(*part(rows, 0, len(rows[0])))
    assert_same(original, again)


@every_accumulator
@laws
@given(data=st.data())
def test_the_input_is_neither_changed_nor_kept_and_a_state_shares_no_memory(spec, data):
    rows = data.draw(rows_of("usual"))
    columns, groups = part(rows, 0, len(rows[0]))
    kept = [(column.values.copy(), column.presence.copy()) for column in columns]
    accumulator = build(spec, "usual", groups.size)
    accumulator.update(columns, groups)
    for column, (values, presence) in zip(columns, kept, strict=True):
        np.testing.assert_array_equal(column.values, values)
        np.testing.assert_array_equal(column.presence, presence)
        column.values[:] = 5.0
    state = accumulator.state()
    before = encode(state)
    accumulator.merge(folded(spec, "usual", rows))
    assert encode(state) == before


@every_accumulator
def test_states_that_do_not_fit_are_refused(spec):
    accumulator = build(spec, "usual", 2)
    accumulator.update(columns_of(_MIXED[:5]), Groups(2, (np.ones(5, np.int32),)))
    state = accumulator.state()
    name = next(name for name in ("sums", "m2", "rows") if name in state)
    for wrong in (
        {**state, "frame": "another"},
        {**state, name: state[name][:1]},
        {**state, name: "x"},
        {key: value for key, value in state.items() if key != "n"},
    ):
        with pytest.raises(StoreError):
            accumulator.load(wrong)
    with pytest.raises(ValueError, match="frames"):
        accumulator.merge(build(spec, "constant", 2))


@every_accumulator
def test_one_enormous_value_weighs_no_more_than_an_extreme_one(spec):
    """Values beyond the baseline's 99.9 % quantile are taken for it."""
    rows = np.zeros((200, 3))
    with_giant = rows.copy()
    with_giant[7, 0] = 1e9
    extreme = rows.copy()
    extreme[7, 0] = FRAMES["usual"].high[0]
    giant, edge = (folded(spec, "usual", (x, Groups(), None)) for x in (with_giant, extreme))
    assert encode(giant.state()) == encode(edge.state())


@every_segmented
def test_scaling_changes_the_rows_and_not_the_means_and_weight_0_empties(spec):
    codes = np.repeat(np.array([1, 2], np.int32), 50)
    original = folded(spec, "usual", (_MIXED[:100], Groups(3, (codes,)), None))
    before = encode(original.state())
    half = original.scaled(np.array([0.5, 0.5, 0.0]))
    assert half.n.tolist() == [50, 25, 0]
    np.testing.assert_allclose(half.mean[:2], original.mean[:2], rtol=1e-12)
    if hasattr(half, "covariance"):
        assert half.rows.tolist() == [50, 25, 0]
        factor = np.array([99 / 100 * 50 / 49, 49 / 50 * 25 / 24])[:, None, None]
        np.testing.assert_allclose(half.covariance[:2], original.covariance[:2] * factor, rtol=1e-12)
    empty = original.scaled(np.zeros(3))
    empty.merge(original)
    assert encode(empty.state()) == before == encode(original.state())
