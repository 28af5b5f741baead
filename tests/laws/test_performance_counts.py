"""The laws of the counts of performance: batching, merging, state, untouched input."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from monitor.codec import decode, encode, from_json, to_json
from monitor.errors import StoreError
from monitor.performance import Outcomes, PerformanceCounts, PerformanceFrame, Task
from monitor.performance.metrics import METRICS, measured
from monitor.types import Groups
from tests.support.outcomes import BINARY, TASKS, between, made

laws = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
FRAMES = {task: PerformanceFrame.of_rows(task, made(task, 600, skew=2.0)) for task in TASKS}
share = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 0.5, 5e-324, float("nan"), -0.1, 1.1]))
number = st.one_of(st.floats(-100, 100), st.sampled_from([0.0, float("nan"), float("inf"), 1e9, 1e-9]))


@st.composite
def outcomes_of(draw, task: Task):
    """Return rows with anything that may come in, and where to cut them."""
    n = draw(st.integers(0, 30))
    size, codes = 1, []
    for _ in range(draw(st.integers(0, 2))):
        width = draw(st.integers(1, 3))
        codes.append(np.array(draw(st.lists(st.integers(size, size + width - 1), min_size=n, max_size=n)), np.int32))
        size += width
    groups, classes = Groups(size, tuple(codes)), len(task.classes)
    kind, dtype = (number, np.float64) if task.kind == "regression" else (st.integers(-1, classes), np.int64)
    sides = [draw(arrays.arrays(dtype, n, elements=kind)) for _ in range(2)]
    width = () if task.kind == "binary" else (classes,)
    p = None if task.kind == "regression" else draw(arrays.arrays(np.float64, (n, *width), elements=share))
    label = sides[1] if draw(st.booleans()) else None
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=3)))
    return Outcomes(sides[0], label, p, groups), [0, *cuts, n]


def folded(task: Task, rows: Outcomes, cuts: list[int] | None = None) -> PerformanceCounts:
    counts = PerformanceCounts(task, rows.groups.size, FRAMES[task])
    for start, end in pairwise([0, len(rows)] if cuts is None else cuts):
        counts.update(between(rows, start, end))
    return counts


def assert_same(left: Any, right: Any) -> None:
    """Counts are equal to the bit; sums agree to 1e-12 of the largest, moments to 1e-9."""
    regression = left.task.kind == "regression"
    left, right = left.state(), right.state()
    assert left.keys() == right.keys()
    for name, value in left.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            if name != "rest":  # what rounding took from the mean
                close = 1e-9 if regression else 1e-12
                slack = close * max(float(np.abs(value).max(initial=0.0)), 1e-12)
                np.testing.assert_allclose(right[name], value, rtol=close, atol=slack, err_msg=name)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(right[name], value, err_msg=name)
        else:
            assert right[name] == value


@every_task
@laws
@given(data=st.data())
def test_chunking_and_merging_do_not_matter(task, data):
    rows, cuts = data.draw(outcomes_of(task))
    whole = folded(task, rows)
    assert_same(whole, folded(task, rows, cuts))
    forward, backward = (PerformanceCounts(task, rows.groups.size, FRAMES[task]) for _ in range(2))
    parts = [folded(task, rows, [start, end]) for start, end in pairwise(cuts)]
    for part in parts:
        forward.merge(part)
    for part in reversed(parts):
        backward.merge(part)
    assert_same(whole, forward)
    assert_same(whole, backward)


@every_task
@laws
@given(data=st.data())
def test_the_empty_is_neutral_to_the_bit_and_state_survives_json_and_bytes(task, data):
    rows, _ = data.draw(outcomes_of(task))
    original = folded(task, rows)
    before = encode(original.state())
    original.update(between(rows, 0, 0))
    original.merge(PerformanceCounts(task, rows.groups.size, FRAMES[task]))
    assert encode(original.state()) == before
    for state in (from_json(json.loads(json.dumps(to_json(original.state())))), decode(encode(original.state()))):
        again = PerformanceCounts(task, rows.groups.size, FRAMES[task])
        again.load(state)
        assert encode(again.state()) == before
        again.update(rows)
    original.update(rows)
    assert_same(original, again)


@every_task
@laws
@given(data=st.data())
def test_the_input_is_neither_changed_nor_kept_and_a_state_shares_no_memory(task, data):
    rows, _ = data.draw(outcomes_of(task))
    kept = [None if part is None else part.copy() for part in (rows.predicted, rows.label, rows.probability)]
    counts = folded(task, rows)
    for part, before in zip((rows.predicted, rows.label, rows.probability), kept, strict=True):
        np.testing.assert_array_equal(part, before)
    state = counts.state()
    before = encode(state)
    counts.merge(folded(task, rows))
    assert encode(state) == before


@every_task
@laws
@given(data=st.data())
def test_no_rows_break_a_metric_and_its_interval_holds_its_value(task, data):
    rows, _ = data.draw(outcomes_of(task))
    counts = folded(task, rows)
    for name, kind in METRICS.items():
        if task.kind not in kind.tasks:
            continue
        found = measured(counts, name)
        defined = np.isfinite(found.value)
        assert found.value.shape == (rows.groups.size,)
        for end in (found.lower, found.upper, found.standard_error, found.error_bound):
            np.testing.assert_array_equal(np.isnan(end), ~defined, err_msg=name)
        assert (found.lower[defined] <= found.value[defined] + 1e-12).all(), name
        assert (found.upper[defined] >= found.value[defined] - 1e-12).all(), name


@every_task
def test_each_group_is_as_if_it_were_counted_alone(task):
    rows = made(task, 400, 3, missing=0.1, segments=3)
    together = folded(task, rows)
    for group in range(4):
        inside = np.ones(400, np.bool_) if group == 0 else rows.groups.codes[0] == group
        taken = rows.take(inside)
        alone = folded(task, Outcomes(taken.predicted, taken.label, taken.probability, Groups()))
        for name, kind in METRICS.items():
            if task.kind in kind.tasks:
                one, all_of_them = measured(alone, name), measured(together, name)
                assert all_of_them.value[group] == pytest.approx(one.value[0], rel=1e-9), name
                assert all_of_them.lower[group] == pytest.approx(one.lower[0], rel=1e-9), name
                assert all_of_them.n[group] == one.n[0]


@every_task
def test_states_that_do_not_fit_are_refused(task):
    counts = folded(task, made(task, 50))
    state = counts.state()
    wrong = [
        {**state, "frame": "another"},
        {**state, "rows": state["rows"][:0]},
        {**state, "cells": state["cells"][::-1]},
        {**state, "cells": state["cells"] + 10**9},
        {name: value for name, value in state.items() if name != "cells"},
    ]
    for damaged in wrong:
        with pytest.raises(StoreError):
            PerformanceCounts(task, 1, FRAMES[task]).load(damaged)


def test_counts_on_different_frames_are_not_merged():
    with pytest.raises(ValueError, match="different frames"):
        folded(BINARY, made(BINARY, 5)).merge(PerformanceCounts(BINARY))


@every_task
def test_a_frame_survives_json_with_its_digest(task):
    frame = FRAMES[task]
    again = PerformanceFrame.of_state(json.loads(json.dumps(frame.state())))
    assert again.digest == frame.digest
    for damaged in (
        {**frame.state(), "scale": 0.0},
        {**frame.state(), "cuts": [[1.0]]},
        {**frame.state(), "kind": "?"},
    ):
        with pytest.raises(StoreError):
            PerformanceFrame.of_state(damaged)
