"""How detectors are configured, what they need, and what they do with the real accumulators."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.accumulators.categories import CategoriesSpec
from monitor.accumulators.frame import Frame
from monitor.accumulators.histogram import HistogramSpec
from monitor.accumulators.presence import PresenceSpec
from monitor.accumulators.vector import VectorSpec
from monitor.detectors import DetectorSpec, KolmogorovSmirnovSpec, MissingSpec, PsiSpec, WassersteinSpec
from monitor.inner_types import vector_type
from monitor.types import Column, Groups, Presence
from tests.support.cells import FixedCells, histogram_of

ADAPTER = TypeAdapter(DetectorSpec)
SPECS = [spec() for spec in get_args(get_args(DetectorSpec)[0])]
BLIND_TO_A_SHIFT = ("variance_shift", "mode_share")
each_detector = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)


@each_detector
def test_a_kind_alone_gives_the_defaults(spec):
    assert ADAPTER.validate_python({"kind": spec.kind}) == spec
    assert 0 < spec.warning < spec.critical
    assert spec.level_on == "bound"
    assert spec.min_rows == 50


def test_every_kind_is_listed_once():
    kinds = [spec.kind for spec in SPECS]
    assert len(set(kinds)) == len(kinds)
    assert set(kinds) == {
        *("psi", "ks", "js", "hellinger", "wasserstein", "tv", "chi2", "kl", "missing", "invalid"),
        *("mean_shift", "variance_shift", "median_shift", "unseen", "vanished", "mode_share", "cardinality_shift"),
        "frechet",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "psi", "warnings": 0.1},
        {"kind": "psi", "warning": -1},
        {"kind": "psi", "warning": float("nan")},
        {"kind": "psi", "critical": float("inf")},
        {"kind": "psi", "buckets": 7},
        {"kind": "ks", "min_rows": 0},
        {"kind": "ks", "rho": 1.5},
        {"kind": "ks", "level_on": "score"},
        {"kind": "spi"},
        {"kind": "chi2", "statistic": "yates"},
        {"kind": "mean_shift", "direction": "left"},
        {"kind": "vanished", "max_remaining_ratio": 1},
        {"kind": "vanished", "min_expected": 0},
    ],
)
def test_a_wrong_setting_is_refused(wrong):
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(wrong)


@each_detector
def test_critical_below_warning_is_refused_with_the_remedy(spec):
    with pytest.raises(ValidationError, match="critical must be at least as large"):
        ADAPTER.validate_python({"kind": spec.kind, "warning": 0.5, "critical": 0.4})


@each_detector
def test_every_field_type_it_compares_has_an_accumulator(spec):
    expected = {
        "number": HistogramSpec,
        "integer": HistogramSpec,
        "boolean": CategoriesSpec,
        "category": CategoriesSpec,
        "text": PresenceSpec,
        vector_type(3): VectorSpec,
    }
    for field_type in (vector_type(3) if kind == "vector" else kind for kind in spec.field_types):
        needed = spec.build().needs("amount", field_type)
        assert needed.field == "amount"
        assert isinstance(needed, PresenceSpec if spec.kind in ("missing", "invalid") else expected[field_type])


def test_detectors_of_one_field_share_their_accumulator():
    assert PsiSpec().build().needs("x") == KolmogorovSmirnovSpec().build().needs("x")
    assert len({PsiSpec().build().needs("x"), WassersteinSpec().build().needs("x")}) == 1


def test_distances_that_need_an_order_are_for_numbers_only():
    assert KolmogorovSmirnovSpec.field_types == WassersteinSpec.field_types == {"number", "integer"}


def test_text_has_no_cells():
    with pytest.raises(ValueError, match="text"):
        PsiSpec().build().needs("note", "text")
    assert "text" in MissingSpec.field_types


def categories_of(values, frame):
    accumulator = CategoriesSpec(field="country").build(frame, 1)
    accumulator.update(Column(pa.array(values), np.zeros(len(values), np.uint8)), Groups())
    return accumulator


@pytest.mark.parametrize(
    "spec", [s for s in SPECS if s.kind in ("psi", "js", "hellinger", "tv", "chi2", "kl", "unseen")]
)
def test_a_new_category_is_drift(spec):
    before = ["DE"] * 600 + ["FR"] * 400
    frame = Frame.of_categories(pa.array(before), max_categories=10)
    baseline = categories_of(before, frame)
    quiet = spec.build().compare(baseline, categories_of(["DE"] * 300 + ["FR"] * 200, frame))
    loud = spec.build().compare(baseline, categories_of(["DE"] * 150 + ["FR"] * 100 + ["ES"] * 250, frame))
    assert quiet.lower_bound[0] == 0
    assert loud.lower_bound[0] > spec.critical
    assert np.argmax(loud.contributions[0]) == 2  # DE, FR, then unseen


@pytest.mark.parametrize(
    "spec",
    [s for s in SPECS if "number" in s.field_types and s.kind not in ("missing", "invalid", *BLIND_TO_A_SHIFT)],
)
def test_a_shift_of_a_real_histogram_is_drift_and_a_repetition_is_not(spec):
    rng = np.random.default_rng(3)
    values = rng.normal(size=20_000)
    frame = Frame.of_numbers(values)
    baseline = histogram_of(values, frame)
    quiet = spec.build().compare(baseline, histogram_of(rng.normal(size=2000), frame))
    loud = spec.build().compare(baseline, histogram_of(rng.normal(1.0, 1, 2000), frame))
    assert quiet.lower_bound[0] < spec.warning
    assert quiet.p_value[0] > 0.001 or spec.kind == "wasserstein"
    assert loud.lower_bound[0] > spec.critical


@pytest.mark.parametrize(
    "spec", [s for s in SPECS if "number" in s.field_types and s.kind not in ("missing", "invalid")]
)
def test_without_a_baseline_nothing_is_claimed(spec):
    empty = histogram_of(np.array([]), Frame.of_numbers(np.array([])))
    score = spec.build().compare(empty, histogram_of(np.arange(100.0), empty.frame))
    assert np.isnan(score.score).all()
    assert np.isnan(score.lower_bound).all()
    assert score.n_baseline[0] == 0
    assert score.n_current[0] == 100


@pytest.mark.parametrize("huge", [1.7e308, -1.7e308])
def test_wasserstein_stays_finite_with_the_largest_values_there_are(huge):
    frame = Frame.of_numbers(np.array([0.0, 1e-300, huge / 2, huge]))
    baseline = histogram_of(np.array([0.0, 1e-300, huge / 2, huge]), frame)
    score = WassersteinSpec().build().compare(baseline, histogram_of(np.array([huge] * 10 + [-huge] * 3), frame))
    assert np.isfinite(score.score).all()
    assert np.isfinite(score.lower_bound).all()


def test_wasserstein_sees_a_move_inside_the_open_outer_cell():
    """Five percent of the values a hundred times as large, all of them beyond the last cut."""
    values = np.random.default_rng(4).uniform(0, 1, 10_000)
    frame = Frame.of_numbers(values)
    moved = np.where(values > frame.grid[-1], values * 100, values)
    score = WassersteinSpec().build().compare(histogram_of(values, frame), histogram_of(moved, frame))
    assert score.score[0] == pytest.approx(0.02 * 98 / 0.5, rel=0.02)
    assert PsiSpec().build().compare(histogram_of(values, frame), histogram_of(moved, frame)).score[0] == 0


def test_wasserstein_of_a_constant_is_in_units_of_the_value():
    frame = Frame.of_numbers(np.full(100, 5.0))
    score = (
        WassersteinSpec().build().compare(histogram_of(np.full(100, 5.0), frame), histogram_of(np.full(60, 8.0), frame))
    )
    assert score.score[0] == 3


def test_missing_counts_absent_and_null_and_says_which():
    rows = np.zeros(7, np.int64)
    rows[[Presence.OK, Presence.ABSENT, Presence.NULL]] = 700, 100, 200
    score = MissingSpec().build().compare(FixedCells.of([1000, 0, 0, 0, 0, 0, 0]), FixedCells.of(rows))
    assert score.score[0] == pytest.approx(0.3)
    assert score.contributions is not None
    assert score.contributions[0, [Presence.ABSENT, Presence.NULL]] == pytest.approx([0.1, 0.2])


def test_a_column_without_a_single_value_is_missing_not_unknown():
    score = (
        MissingSpec().build().compare(FixedCells.of([1000, 0, 0, 0, 0, 0, 0]), FixedCells.of([0, 0, 80, 0, 0, 0, 0]))
    )
    assert score.score[0] == 1
    assert score.n_current[0] == 80
    assert score.lower_bound[0] > 0.9
