"""Comparing metrics with limits and with the baseline: levels that are earned, and false ones that are rare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest

from monitor.performance import Metric, Outcomes, PerformanceCounts
from monitor.performance.compare import beyond, worsened
from monitor.performance.metrics import METRICS, measured
from monitor.policy.threshold import levels
from monitor.types import Groups, Level
from tests.support.outcomes import BINARY, REGRESSION, made


@dataclass(frozen=True)
class Limits:
    """What the policy reads."""

    warning: float = 0.0
    critical: float = 0.05
    level_on: Literal["bound", "raw"] = "bound"
    min_rows: int = 10


def number(value: float, error: float, n: int = 100) -> Metric:
    return Metric.number(np.array([value]), np.array([error]), np.array([n]))


@pytest.mark.parametrize(
    ("value", "best", "limit", "raw", "bound"),
    [
        (0.80, "high", 0.90, Level.CRITICAL, Level.CRITICAL),
        (0.89, "high", 0.90, Level.WARNING, Level.OK),
        (0.91, "high", 0.90, Level.OK, Level.OK),
        (0.91, "low", 0.90, Level.WARNING, Level.OK),
        (0.97, "low", 0.90, Level.CRITICAL, Level.WARNING),
        (-0.93, "zero", 0.90, Level.WARNING, Level.WARNING),
        (0.2, "zero", 0.90, Level.OK, Level.OK),
    ],
)
def test_a_metric_beyond_its_limit_has_a_level(value, best, limit, raw, bound):
    score = beyond(number(value, 0.012), best, limit)
    assert levels(score, Limits(level_on="raw"))[0].tolist() == [raw]
    assert levels(score, Limits())[0].tolist() == [bound]


def test_a_drop_from_the_baseline_has_a_bound_that_knows_both_sides():
    score = worsened(number(0.80, 0.01), number(0.90, 0.02, 50), "high")
    assert score.score[0] == pytest.approx(0.1)
    assert score.lower_bound[0] == pytest.approx(0.1 - 1.959964 * np.hypot(0.01, 0.02))
    assert (score.n_baseline[0], score.n_current[0], score.direction[0]) == (50, 100, -1)


def test_what_got_better_is_no_score():
    for best, now, before in (("high", 0.9, 0.8), ("low", 0.8, 0.9)):
        score = worsened(number(now, 0.001), number(before, 0.001), best)
        assert (score.score[0], score.lower_bound[0]) == (0.0, 0.0)
        assert score.p_value[0] == pytest.approx(1.0)


def test_a_bias_that_moved_either_way_is_a_change():
    for now in (-0.5, 0.9):
        score = worsened(number(now, 0.05), number(0.2, 0.05), "zero")
        assert score.score[0] == pytest.approx(0.7)
        assert score.lower_bound[0] > 0.5


def test_nothing_compared_is_unknown():
    empty = measured(PerformanceCounts(BINARY), "accuracy")
    full = measured(_counts(made(BINARY, 200)), "accuracy")
    for score in (worsened(empty, full, "high"), worsened(full, empty, "high"), beyond(empty, "high", 0.5)):
        assert levels(score, Limits())[0].tolist() == [Level.UNKNOWN]
        assert np.isnan(score.p_value[0])


def _counts(rows: Outcomes, task=BINARY) -> PerformanceCounts:
    counts = PerformanceCounts(task, rows.groups.size)
    counts.update(rows)
    return counts


@pytest.mark.parametrize("name", ["accuracy", "f1", "auc", "mcc", "brier", "log_loss", "recall"])
def test_a_model_that_is_as_it_was_is_seldom_said_to_be_worse(name):
    best = METRICS[name].best
    before = measured(_counts(made(BINARY, 20_000, 3)), name)
    now = measured(_counts(made(BINARY, 300 * 400, 4, segments=400)), name)
    score = worsened(now, before, best)
    assert score.score.shape == (401,)
    assert (score.lower_bound[1:] > 0).mean() < 0.055
    limit = beyond(now, best, float(before.value[0]))
    assert (limit.lower_bound[1:] > 0).mean() < 0.055


def test_a_model_that_became_worse_is_said_to_be():
    before = measured(_counts(made(REGRESSION, 5_000, 3), REGRESSION), "mae")
    rows = made(REGRESSION, 500, 4)
    worse = Outcomes(rows.predicted * 1.4, rows.label, None, Groups())
    assert worsened(measured(_counts(worse, REGRESSION), "mae"), before, "low").lower_bound[0] > 5
