"""Every metric against scikit-learn, its derivative against differences, and its interval by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from monitor.performance import Metric, Outcomes, PerformanceCounts, PerformanceFrame, Task
from monitor.performance import confusion as confusions
from monitor.performance.metrics import METRICS, measured
from monitor.types import Groups
from tests.support.outcomes import BINARY, MULTICLASS, REGRESSION, made

ROWS = {task: made(task, 3_000, 5, skew=1.4) for task in (BINARY, MULTICLASS, REGRESSION)}
LOPSIDED = Task("binary", ("no", "yes"), 0.5)


def counted(task: Task, rows: Outcomes, frame: PerformanceFrame | None = None) -> PerformanceCounts:
    counts = PerformanceCounts(task, rows.groups.size, frame)
    counts.update(rows)
    return counts


def of(task: Task, name: str, of_class: str | None = None) -> float:
    return float(measured(counted(task, ROWS[task]), name, of_class).value[0])


@pytest.mark.parametrize("task", [BINARY, MULTICLASS], ids=lambda task: task.kind)
def test_metrics_of_the_predicted_class_equal_scikit_learn(task):
    label, predicted = ROWS[task].label, ROWS[task].predicted
    expected = {
        "accuracy": sk.accuracy_score(label, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(label, predicted),
        "mcc": sk.matthews_corrcoef(label, predicted),
        "precision_macro": sk.precision_score(label, predicted, average="macro"),
        "precision_weighted": sk.precision_score(label, predicted, average="weighted"),
        "recall_macro": sk.recall_score(label, predicted, average="macro"),
        "f1_macro": sk.f1_score(label, predicted, average="macro"),
        "f1_weighted": sk.f1_score(label, predicted, average="weighted"),
    }
    assert {name: of(task, name) for name in expected} == pytest.approx(expected, abs=1e-12)
    for k, name in enumerate(task.classes):
        assert of(task, "precision", name) == pytest.approx(sk.precision_score(label == k, predicted == k), abs=1e-12)
        assert of(task, "recall", name) == pytest.approx(sk.recall_score(label == k, predicted == k), abs=1e-12)
        assert of(task, "f1", name) == pytest.approx(sk.f1_score(label == k, predicted == k), abs=1e-12)
        assert of(task, "specificity", name) == pytest.approx(sk.recall_score(label != k, predicted != k), abs=1e-12)


def test_without_a_class_a_binary_metric_is_that_of_the_positive_one():
    label, predicted = ROWS[BINARY].label, ROWS[BINARY].predicted
    assert of(BINARY, "precision") == pytest.approx(sk.precision_score(label, predicted), abs=1e-12)
    assert of(BINARY, "specificity") == pytest.approx(sk.recall_score(1 - label, 1 - predicted), abs=1e-12)


@pytest.mark.parametrize("task", [BINARY, MULTICLASS], ids=lambda task: task.kind)
def test_losses_of_probabilities_equal_scikit_learn(task):
    label, p = ROWS[task].label, ROWS[task].probability
    assert of(task, "log_loss") == pytest.approx(sk.log_loss(label, p), rel=1e-12)
    assert of(task, "brier") == pytest.approx(sk.brier_score_loss(label, p), rel=1e-12)


def test_a_probability_of_zero_that_was_wrong_costs_no_infinite_loss():
    rows = Outcomes(np.array([0, 1]), np.array([1, 0]), np.array([0.0, 1.0]), Groups())
    assert measured(counted(BINARY, rows), "log_loss").value[0] == pytest.approx(
        sk.log_loss(rows.label, rows.probability), rel=1e-9
    )


SHAPES = {"spread": (1.0, 1.0), "rare": (0.2, 40.0), "sure": (0.1, 0.1), "middle": (60.0, 60.0)}


@pytest.mark.parametrize("framed", [False, True], ids=["plain", "baseline"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_order_of_scores_is_judged_within_the_stated_bound(shape, framed):
    rng = np.random.default_rng(7)
    p = rng.beta(*SHAPES[shape], 4_000)
    label = (rng.random(4_000) < p).astype(np.int64)
    rows = Outcomes(np.full(4_000, -1), label, p, Groups())
    frame = PerformanceFrame.of_rows(LOPSIDED, rows.take(np.arange(0, 4_000, 2))) if framed else None
    counts = counted(LOPSIDED, rows, frame)
    exact = {
        "auc": sk.roc_auc_score(label, p),
        "average_precision": sk.average_precision_score(label, p),
        "ks": stats.ks_2samp(p[label == 1], p[label == 0]).statistic,
    }
    for name, value in exact.items():
        found = measured(counts, name)
        assert abs(found.value[0] - value) <= found.error_bound[0] + 1e-12, name
        assert not framed or found.error_bound[0] < 0.02, name


def test_scores_of_few_values_are_judged_exactly_but_for_what_a_cell_could_hide():
    rng = np.random.default_rng(3)
    p = rng.integers(0, 11, 2_000) / 10
    label = (rng.random(2_000) < p).astype(np.int64)
    counts = counted(BINARY, Outcomes(np.full(2_000, -1), label, p, Groups()))
    assert measured(counts, "auc").value[0] == pytest.approx(sk.roc_auc_score(label, p), abs=1e-12)
    exact = sk.average_precision_score(label, p)
    assert measured(counts, "average_precision").value[0] == pytest.approx(exact, abs=1e-12)


def test_the_auc_of_several_classes_is_the_mean_of_each_against_the_rest():
    rows, found = ROWS[MULTICLASS], measured(counted(MULTICLASS, ROWS[MULTICLASS]), "auc")
    exact = sk.roc_auc_score(rows.label, rows.probability, multi_class="ovr", average="macro")
    assert abs(found.value[0] - exact) <= found.error_bound[0]


def test_the_auc_of_the_negative_class_is_the_same():
    assert of(BINARY, "auc", "no") == pytest.approx(of(BINARY, "auc", "yes"), abs=1e-12)


def test_the_calibration_error_is_that_of_the_frames_bins():
    rows = ROWS[BINARY]
    frame = PerformanceFrame.of_rows(BINARY, rows)
    for used in (frame, PerformanceFrame.plain(BINARY)):
        found = counted(BINARY, rows, used)
        bins = np.digitize(rows.probability, used.bins[0])
        inside = [bins == b for b in range(15)]
        gaps = [abs(rows.probability[i].sum() - rows.label[i].sum()) for i in inside]
        assert measured(found, "ece").value[0] == pytest.approx(sum(gaps) / 3_000, rel=1e-9)
        parts = [measured(found, f"brier_{part}").value[0] for part in ("reliability", "resolution")]
        within = [np.var(rows.probability[i]) * i.sum() for i in inside if i.any()]
        together = [np.cov(rows.probability[i], rows.label[i], bias=True)[0, 1] * i.sum() for i in inside if i.any()]
        share = rows.label.mean()
        left_over = (sum(within) - 2 * sum(together)) / 3_000
        whole = parts[0] - parts[1] + share * (1 - share) + left_over
        assert measured(found, "brier").value[0] == pytest.approx(whole, rel=1e-9)
    assert np.bincount(np.digitize(rows.probability, frame.bins[0])).tolist() == [200] * 15


def test_debiasing_leaves_nothing_of_the_calibration_error_of_a_calibrated_model():
    frame = PerformanceFrame.of_rows(BINARY, made(BINARY, 5_000, 1))
    plain, debiased = [], []
    for seed in range(40):
        counts = counted(BINARY, made(BINARY, 500, 100 + seed), frame)
        plain.append(measured(counts, "ece").value[0])
        debiased.append(measured(counts, "ece_debiased").value[0])
    assert np.mean(plain) > 0.04
    assert np.mean(debiased) < 0.01


def test_metrics_of_numbers_equal_scikit_learn():
    rows = ROWS[REGRESSION]
    error = rows.predicted - rows.label
    expected = {
        "mae": sk.mean_absolute_error(rows.label, rows.predicted),
        "rmse": sk.root_mean_squared_error(rows.label, rows.predicted),
        "bias": error.mean(),
        "r2": sk.r2_score(rows.label, rows.predicted),
    }
    assert {name: of(REGRESSION, name) for name in expected} == pytest.approx(expected, rel=1e-10)
    for name, share in (("error_p50", 0.5), ("error_p90", 0.9), ("error_p95", 0.95), ("error_p99", 0.99)):
        exact = np.sort(np.abs(error))[int(share * 3_000)]
        found = measured(counted(REGRESSION, rows), name)
        assert abs(found.value[0] - exact) <= found.error_bound[0]


def test_r2_is_right_where_labels_are_far_from_zero():
    rows = Outcomes(ROWS[REGRESSION].predicted + 1e9, ROWS[REGRESSION].label + 1e9, None, Groups())
    frame = PerformanceFrame.of_rows(REGRESSION, rows)
    found = measured(counted(REGRESSION, rows, frame), "r2")
    assert found.value[0] == pytest.approx(of(REGRESSION, "r2"), rel=1e-6)
    near = measured(counted(REGRESSION, ROWS[REGRESSION]), "r2")
    assert found.standard_error[0] == pytest.approx(near.standard_error[0], rel=1e-5)


@pytest.mark.parametrize("name", [*confusions.OF_ALL, *confusions.OF_ONE])
def test_derivatives_are_those_of_small_differences(name):
    matrix = np.random.default_rng(2).integers(1, 60, (3, 4, 4)).astype(np.float64)
    function = confusions.OF_ALL.get(name) or (lambda cells: confusions.OF_ONE[name](cells, 2))
    gradient, step = function(matrix).gradient, 1e-4
    for i, j in np.ndindex(4, 4):
        up, down = matrix.copy(), matrix.copy()
        up[:, i, j] += step
        down[:, i, j] -= step
        difference = (function(up).value - function(down).value) / (2 * step)
        np.testing.assert_allclose(gradient[:, i, j], difference, atol=1e-8)


SIMULATED = 300


@pytest.fixture(scope="module")
def whole() -> dict[Task, PerformanceCounts]:
    """The metrics of very many rows, as which the truth may pass."""
    return {task: counted(task, made(task, 300_000, 77, skew=1.4)) for task in ROWS}


@pytest.mark.parametrize("task", ROWS, ids=lambda task: task.kind)
def test_intervals_hold_the_truth_in_95_of_100_windows(task, whole):
    rows = made(task, 250 * SIMULATED, 8, segments=SIMULATED, skew=1.4)
    counts = counted(task, rows)
    missed = {}
    for name, kind in METRICS.items():
        # What noise adds to these is not in their intervals, as their docstrings say.
        if task.kind in kind.tasks and name not in (
            "ece",
            "ece_debiased",
            "brier_reliability",
            "brier_resolution",
            "ks",
        ):
            truth, found = measured(whole[task], name).value[0], measured(counts, name)
            outside = (truth < found.lower[1:]) | (truth > found.upper[1:])
            missed[name] = float(outside.mean())
    # Of 250 heavy-tailed errors their squares have no normal mean yet, and the 99 % quantile no rank to spare.
    allowed = {"rmse": 0.15, "error_p99": 0.15}
    assert {name: share for name, share in missed.items() if share > allowed.get(name, 0.095)} == {}


def test_a_metric_of_nothing_is_nan_and_one_at_an_end_has_an_interval():
    for task in ROWS:
        empty = PerformanceCounts(task)
        for name, kind in METRICS.items():
            if task.kind in kind.tasks:
                assert np.isnan(measured(empty, name).value).all(), name
    perfect = Outcomes(np.array([0, 1] * 20), np.array([0, 1] * 20), np.array([0.1, 0.9] * 20), Groups())
    for name in ("accuracy", "f1", "precision", "auc", "mcc", "balanced_accuracy"):
        found = measured(counted(BINARY, perfect), name)
        assert (found.value[0], found.upper[0]) == pytest.approx((1.0, 1.0))
        assert 0.5 < found.lower[0] < 0.95, name


@pytest.mark.parametrize(
    ("task", "name", "of_class", "says"),
    [
        (BINARY, "rmse", None, "no metric of a binary task"),
        (REGRESSION, "auc", None, "no metric of a regression task"),
        (BINARY, "accuracy", "yes", "of all classes together"),
        (BINARY, "f1", "perhaps", "none of the classes no, yes"),
    ],
)
def test_metrics_that_do_not_exist_are_refused_with_what_does(task, name, of_class, says):
    with pytest.raises(ValueError, match=says):
        measured(PerformanceCounts(task), name, of_class)


def test_the_interval_of_a_share_is_wilsons():
    n, share = np.array([40]), np.array([0.9])
    found = Metric.share(share, np.sqrt(share * (1 - share) / n), n, size=n)
    expected = stats.binomtest(36, 40).proportion_ci(method="wilson")
    assert (found.lower[0], found.upper[0]) == pytest.approx((expected.low, expected.high), rel=1e-9)
