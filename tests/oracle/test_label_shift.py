"""The shares of the labels, found without them: against known ones, how often the interval holds, and the guard."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.performance import Outcomes, PerformanceCounts, PerformanceFrame, Task
from monitor.performance.label_shift import LARGEST_CONDITION, METHODS, LabelShares, label_shares
from monitor.types import Groups
from tests.support.outcomes import BINARY, MULTICLASS, made

TASKS = (BINARY, MULTICLASS)
NEW_SHARES = {BINARY: (0.3, 0.7), MULTICLASS: (0.6, 0.3, 0.1)}
OLD = {task: made(task, 20_000, 1) for task in TASKS}


def counted(task: Task, rows: Outcomes, frame: PerformanceFrame) -> PerformanceCounts:
    counts = PerformanceCounts(task, rows.groups.size, frame)
    counts.update(rows)
    return counts


def shifted(task: Task, rows: int, seed: int, segments: int = 0) -> Outcomes:
    """Return rows whose classes come in other shares, but look as they did; their labels are not known."""
    rng = np.random.default_rng(seed)
    pool = made(task, 60_000, 2)
    label = rng.choice(len(task.classes), rows, p=NEW_SHARES[task])
    drawn = np.empty(rows, np.int64)
    for k in range(len(task.classes)):
        drawn[label == k] = rng.choice(np.flatnonzero(pool.label == k), np.count_nonzero(label == k))
    codes = (rng.integers(1, segments + 1, rows).astype(np.int32),) if segments else ()
    return Outcomes(pool.predicted[drawn], None, pool.probability[drawn], Groups(1 + segments, codes))


def found_in(task: Task, rows: Outcomes, old: Outcomes | None = None) -> LabelShares:
    old = OLD[task] if old is None else old
    frame = PerformanceFrame.of_rows(task, old)
    return label_shares(counted(task, old, frame), counted(task, rows, frame))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_the_shares_are_found_and_their_intervals_hold_them_in_95_of_100_windows(task):
    found = found_in(task, shifted(task, 60_000, 5, segments=300))
    assert (np.abs(found.shares[0] - NEW_SHARES[task]) < 3.5 * found.standard_errors[0]).all()
    assert found.shares[0] == pytest.approx(NEW_SHARES[task], abs=0.05)
    assert METHODS[found.method[0]] == "bbse"
    assert found.weights[0] == pytest.approx(np.array(NEW_SHARES[task]) / found.baseline[0], rel=0.5)
    outside = (NEW_SHARES[task] < found.lower[1:]) | (NEW_SHARES[task] > found.upper[1:])
    assert outside.mean() < 0.09
    assert found.shares.sum(axis=1) == pytest.approx(np.ones(301))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_without_a_shift_the_intervals_hold_the_old_shares(task):
    found = found_in(task, made(task, 30_000, 9, segments=60))
    outside = (found.baseline[1:] < found.lower[1:]) | (found.baseline[1:] > found.upper[1:])
    assert outside.mean() < 0.1
    assert found.distance[0] < 0.02


def test_the_solution_is_that_of_the_papers_equation():
    rows, old = shifted(MULTICLASS, 5_000, 3), OLD[MULTICLASS]
    joint = np.zeros((3, 3))
    np.add.at(joint, (old.predicted, old.label), 1 / len(old))
    weights = np.linalg.solve(joint, np.bincount(rows.predicted, minlength=3) / 5_000)
    assert found_in(MULTICLASS, rows).weights[0] == pytest.approx(weights, rel=1e-9)


def test_a_rare_class_alone_does_not_trip_the_guard():
    rng = np.random.default_rng(4)
    label = (rng.random(50_000) < 0.004).astype(np.int64)
    predicted = np.where(rng.random(50_000) < 0.1, 1 - label, label)
    joint = np.zeros((2, 2))
    np.add.at(joint, (predicted, label), 1 / 50_000)
    assert np.linalg.cond(joint) > LARGEST_CONDITION
    found = found_in(BINARY, Outcomes(predicted, None, None, Groups()), Outcomes(predicted, label, None, Groups()))
    assert METHODS[found.method[0]] == "bbse"
    assert found.condition[0] < 2


def weak(n: int, seed: int, share: float, strength: float) -> Outcomes:
    """Return rows of a model that always predicts `no`, with scores that tell the classes apart by `strength`."""
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < share).astype(np.int64)
    odds = np.exp(strength * (rng.normal(0, 1, n) + strength * (label - 0.5)))
    return Outcomes(np.zeros(n, np.int64), label, odds * 0.3 / (odds * 0.3 + 0.7), Groups())


@pytest.mark.parametrize(("strength", "method"), [(1.0, "soft"), (0.15, "likelihood")])
def test_where_predictions_say_nothing_the_probabilities_are_asked(strength, method):
    rows = weak(40_000, 6, 0.6, strength)
    found = found_in(BINARY, Outcomes(rows.predicted, None, rows.probability, Groups()), weak(40_000, 5, 0.3, strength))
    assert METHODS[found.method[0]] == method
    assert found.lower[0, 1] < 0.6 < found.upper[0, 1]
    assert found.upper[0, 1] - found.lower[0, 1] < 0.6


def test_a_model_that_says_nothing_at_all_gives_no_answer():
    old = Outcomes(np.zeros(500, np.int64), np.arange(500) % 2, None, Groups())
    found = found_in(BINARY, Outcomes(np.zeros(500, np.int64), None, None, Groups()), old)
    assert METHODS[found.method[0]] == "none"
    assert np.isnan(found.shares).all()
    assert found.condition[0] > LARGEST_CONDITION


def test_no_rows_give_no_answer_and_no_warning():
    frame = PerformanceFrame.plain(MULTICLASS)
    empty = PerformanceCounts(MULTICLASS, 3, frame)
    found = label_shares(PerformanceCounts(MULTICLASS, 1, frame), empty)
    assert np.isnan(found.shares).all()
    assert np.isnan(found.distance).all()


def test_the_likelihood_has_its_top_where_em_ends():
    rows, old = weak(5_000, 6, 0.6, 0.5), weak(5_000, 5, 0.3, 0.5)
    frame = PerformanceFrame.plain(BINARY)
    before, now = counted(BINARY, old, frame), counted(BINARY, rows, frame)
    n, p = now.classes.scored[0, 0], now.classes.expected_scores[0, 0] / np.maximum(now.classes.scored[0, 0], 1)
    prior = (1 - (positive := float(before.classes.expected_scores.sum() / 5_000)), positive)
    share = prior[1]
    for _ in range(3_000):
        up, down = p * share / prior[1], (1 - p) * (1 - share) / prior[0]
        share = float((n * np.where(n > 0, up / np.maximum(up + down, 1e-300), 0)).sum() / n.sum())
    before.classes.by_label[:] = 1.0  # so that nothing else can tell the classes apart
    before.classes.confusion[:] = 1
    assert label_shares(before, now).shares[0, 1] == pytest.approx(share, abs=1e-6)
