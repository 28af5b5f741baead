"""Laws that every detector of a group obeys on any rows, empty and degenerate ones included; warnings are errors."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from monitor.detectors import GroupDetectorSpec
from monitor.types import Groups
from tests.support.groups import columns_of, folded, frame_of

SPECS = [spec() for spec in get_args(get_args(GroupDetectorSpec)[0])]
each_detector = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
SEGMENTED = [spec for spec in SPECS if not hasattr(spec.build().needs("g", ("f0",)), "judged_groups")]
each_segmented = pytest.mark.parametrize("spec", SEGMENTED, ids=lambda spec: spec.kind)
few = settings(max_examples=25, deadline=None)
value = st.one_of(st.sampled_from([0.0, 1.0, 1e300, -1e300, 1e-300]), st.floats(-5, 5), st.just(float("nan")))


@st.composite
def matrices(draw, most=60):
    n = draw(st.integers(0, most))
    matrix = draw(arrays.arrays(np.float64, (n, 3), elements=value))
    match draw(st.integers(0, 3)):
        case 1:
            matrix[:, 1] = 4.0
        case 2:
            matrix[:, 2] = -matrix[:, 0]
        case 3:
            matrix[:] = 7.0
    return matrix


def kind_of(spec):
    return spec.build().needs("g", ("f0",)).kind


def scored(spec, before, now):
    frame = frame_of(before, getattr(spec, "features", 0))
    return spec.build().compare(folded(kind_of(spec), frame, before), folded(kind_of(spec), frame, now))


@each_detector
@given(before=matrices(), now=matrices())
@few
def test_numbers_are_in_their_ranges_and_nan_together(spec, before, now):
    score = scored(spec, before, now)
    complete = [int((~np.isnan(rows).any(axis=1)).sum()) for rows in (before, now)]
    assert [score.n_baseline[0], score.n_current[0]] == complete
    numbers = np.array([score.score[0], score.noise_floor[0], score.lower_bound[0], score.p_value[0]])
    if complete[0] < 15 or complete[1] < 6:
        assert np.isnan(numbers).all()
    assert np.isnan(numbers).all() or np.isfinite(numbers).all()
    if np.isfinite(numbers).all():
        assert (numbers >= 0).all()
        assert score.lower_bound[0] <= score.score[0] * (1 + 1e-9) + 1e-12
        assert score.p_value[0] <= 1
        if score.contributions is not None:
            assert np.isfinite(score.contributions).all()
            current = folded(kind_of(spec), frame_of(before), now)
            assert len(spec.build().labels(current)) == score.contributions.shape[1]


@each_detector
@given(rows=matrices())
@few
def test_equal_rows_are_no_drift(spec, rows):
    score = scored(spec, rows, rows)
    if np.isfinite(score.score[0]):
        assert score.score[0] == pytest.approx(0, abs=0.01) or spec.kind == "spe"
        assert score.lower_bound[0] == pytest.approx(0, abs=1e-7)
        assert score.p_value[0] > 0.05


@each_segmented
@given(before=matrices(), now=matrices(), data=st.data())
@few
def test_groups_do_not_see_each_other(spec, before, now, data):
    """Segments 1 and 2 have the same scores as if their rows had been alone, on the same frame."""
    halves = [
        np.array(data.draw(st.lists(st.integers(1, 2), min_size=len(rows), max_size=len(rows))), np.int32)
        for rows in (before, now)
    ]
    frame = frame_of(before, getattr(spec, "features", 0))
    together = [
        folded(kind_of(spec), frame, rows, Groups(3, (codes,)))
        for rows, codes in zip((before, now), halves, strict=True)
    ]
    stacked = spec.build().compare(*together)
    for group in (1, 2):
        alone = [
            folded(kind_of(spec), frame, rows[codes == group])
            for rows, codes in zip((before, now), halves, strict=True)
        ]
        one = spec.build().compare(*alone)
        for name in ("score", "noise_floor", "lower_bound", "p_value", "n_baseline", "n_current"):
            np.testing.assert_allclose(
                getattr(stacked, name)[group], getattr(one, name)[0], rtol=1e-6, atol=1e-7, err_msg=name
            )


@each_detector
def test_a_detector_without_columns_has_nothing_to_say(spec):
    frame = frame_of(np.zeros((0, 3)), getattr(spec, "features", 0))
    empty = folded(kind_of(spec), frame, np.zeros((0, 3)))
    score = spec.build().compare(empty, empty)
    assert np.isnan(score.score).all()
    assert (score.n_current == 0).all()
    assert len(columns_of(np.zeros((0, 3)))) == 3
