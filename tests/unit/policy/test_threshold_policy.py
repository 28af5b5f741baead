"""Levels from scores and two thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.detectors import PsiSpec
from monitor.policy import PolicySpec, ThresholdPolicySpec
from monitor.policy.threshold import REASONS, levels
from monitor.types import Level, Score


def score_of(score, bound, n=1000, m=1000):
    size = len(score)
    return Score(
        score=np.array(score, float),
        noise_floor=np.zeros(size),
        lower_bound=np.array(bound, float),
        p_value=np.ones(size),
        n_baseline=np.broadcast_to(np.array(m), size),
        n_current=np.broadcast_to(np.array(n), size),
    )


def test_the_bound_decides_by_default():
    found, reasons = levels(score_of([0.9, 0.9, 0.9], [0.05, 0.15, 0.3]), PsiSpec())
    assert found.tolist() == [Level.OK, Level.WARNING, Level.CRITICAL]
    assert list(reasons) == ["ok", "bound above warning", "bound above critical"]
    assert found.dtype == np.int8


def test_the_score_decides_where_raw_is_asked_for():
    found, reasons = levels(score_of([0.05, 0.15, 0.3], [0, 0, 0]), PsiSpec(level_on="raw"))
    assert found.tolist() == [Level.OK, Level.WARNING, Level.CRITICAL]
    assert list(reasons) == ["ok", "score above warning", "score above critical"]


def test_a_number_equal_to_the_threshold_does_not_exceed_it():
    found, _ = levels(score_of([0.1, 0.25], [0.1, 0.25]), PsiSpec(level_on="raw"))
    assert found.tolist() == [Level.OK, Level.WARNING]


def test_equal_thresholds_leave_no_room_for_a_warning():
    found, _ = levels(score_of([1], [0.3]), PsiSpec(warning=0.2, critical=0.2))
    assert found.tolist() == [Level.CRITICAL]


def test_too_little_to_judge_is_unknown_with_the_reason():
    many = score_of(
        [np.nan, np.nan, 9, 9, np.nan], [np.nan, np.nan, 9, 9, np.nan], n=[0, 100, 49, 50, 60], m=[5, 0, 5, 5, 5]
    )
    found, reasons = levels(many, PsiSpec())
    assert found.tolist() == [Level.UNKNOWN] * 3 + [Level.CRITICAL, Level.UNKNOWN]
    assert list(reasons) == ["no rows", "no baseline rows", "too few rows", "bound above critical", "not defined"]


def test_without_any_rows_the_baseline_is_named_first():
    found, reasons = levels(score_of([np.nan], [np.nan], n=0, m=0), PsiSpec())
    assert found.tolist() == [Level.UNKNOWN]
    assert list(reasons) == ["no baseline rows"]


def test_no_groups_give_no_levels():
    found, reasons = levels(score_of([], []), PsiSpec())
    assert len(found) == len(reasons) == 0


def test_reasons_are_constants():
    _, reasons = levels(score_of([0.2, 0.4], [0.2, 0.4], n=[10, 100]), PsiSpec())
    assert set(reasons) <= set(REASONS)


def test_the_configured_policy_judges_alike():
    policy = TypeAdapter(PolicySpec).validate_python({"kind": "threshold"}).build()
    found, _ = policy.levels(score_of([0.3], [0.3]), PsiSpec())
    assert found.tolist() == [Level.CRITICAL]


def test_an_unknown_setting_is_refused():
    with pytest.raises(ValidationError):
        ThresholdPolicySpec.model_validate({"kind": "threshold", "warning": 0.1})
