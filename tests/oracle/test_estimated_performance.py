"""Estimates without labels: NannyML's on its own data, its realised metrics, and how often the intervals hold."""

from __future__ import annotations

import csv
import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from monitor.performance import Outcomes, PerformanceCounts, PerformanceFrame, Task
from monitor.performance.calibration import Calibrator
from monitor.performance.estimated import ESTIMATED, estimated, expected_confusion
from monitor.performance.metrics import measured
from monitor.types import Groups
from tests.support.outcomes import BINARY, MULTICLASS, made

DATA = Path(__file__).parents[1] / "data"
CHUNKS = 10
SCALE = {"car_loan": 100, "credit_card": 100, "employment": 10_000}
TASKS = {
    "car_loan": Task("binary", ("default", "repaid")),
    "credit_card": Task("multiclass", ("highstreet", "prepaid", "upmarket")),
    "employment": Task("binary", ("no", "yes")),
}
EXPONENTS = {"as it is": 1.0, "skewed": 2.0}
NAMES = {
    "roc_auc": "auc",
    "f1": "f1",
    "precision": "precision",
    "recall": "recall",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "average_precision": "average_precision",
}
CASES = [(data, given) for data in TASKS for given in EXPONENTS]
each_case = pytest.mark.parametrize(("data", "given"), CASES, ids=[" ".join(case) for case in CASES])


@cache
def outcomes(data: str, given: str) -> tuple[Outcomes, Outcomes]:
    """Return the reference and the analysis period; the groups of the latter are NannyML's chunks."""
    table = pq.read_table(DATA / "outcomes" / f"{data}.parquet")
    p = np.column_stack([table[name].to_numpy() for name in table.column_names if name[1:].isdigit()])
    p = (p / SCALE[data]) ** EXPONENTS[given]
    p = p[:, 0] if p.shape[1] == 1 else p / p.sum(axis=1, keepdims=True)
    before = table["reference"].to_numpy(zero_copy_only=False)
    both = Outcomes(*(table[name].to_numpy().astype(np.int64) for name in ("predicted", "label")), p, Groups())
    now = both.take(~before)
    now = now.take(np.arange(len(now) // CHUNKS * CHUNKS))  # what is left over is an eleventh chunk
    chunks = (np.arange(len(now)) // (len(now) // CHUNKS)).astype(np.int32)
    return both.take(before), Outcomes(now.predicted, now.label, now.probability, Groups(1 + CHUNKS, (chunks + 1,)))


@cache
def counted(data: str, given: str) -> PerformanceCounts:
    """Return the counts of the analysis period's chunks, calibrated by the reference as NannyML decides it."""
    before, now = outcomes(data, given)
    frame = PerformanceFrame.of_rows(TASKS[data], before)
    counts = PerformanceCounts(TASKS[data], 1 + CHUNKS, frame)
    counts.update(now)
    return counts


@cache
def answers() -> dict[tuple[str, str, str], dict[str, np.ndarray]]:
    """Return what NannyML said, by data, what was given and metric: its estimates and realised values by chunk."""
    found: dict[tuple[str, str, str], dict[str, np.ndarray]] = {}
    with (DATA / "conformance" / "nannyml_performance.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            key = row["data"], row["given"], row["metric"]
            of_key = found.setdefault(key, {name: np.full(CHUNKS, np.nan) for name in ("estimated", "realised")})
            for name, values in of_key.items():
                values[int(row["chunk"])] = float(row[name])
    return found


@pytest.mark.parametrize("data", TASKS)
def test_nannyml_was_asked_about_these_very_rows(data):
    digest = hashlib.blake2b((DATA / "outcomes" / f"{data}.parquet").read_bytes(), digest_size=6).hexdigest()
    with (DATA / "conformance" / "nannyml_performance.csv").open(newline="") as file:
        assert {row["digest"] for row in csv.DictReader(file) if row["data"] == data} == {digest}


@each_case
def test_estimates_are_nannymls(data, given):
    """Those of the predicted class to 1e-9, those of the order of scores within the stated bound."""
    counts, compared = counted(data, given), 0
    for metric, name in NAMES.items():
        theirs = answers().get((data, given, metric))
        if theirs is None:
            continue
        ours = estimated(counts, name)
        bound = 1e-9 + (ours.error_bound[1:] if name in ("auc", "average_precision") else 0.0)
        assert (np.abs(ours.value[1:] - theirs["estimated"]) <= bound + 1e-9).all(), name
        compared += 1
    assert compared >= 6


@each_case
def test_realised_metrics_are_nannymls(data, given):
    counts = counted(data, given)
    for metric, name in NAMES.items():
        theirs = answers().get((data, given, metric))
        if theirs is not None:
            ours = measured(counts, name)
            assert (np.abs(ours.value[1:] - theirs["realised"]) <= ours.error_bound[1:] + 1e-9).all(), name


@pytest.mark.parametrize("given", EXPONENTS)
@pytest.mark.parametrize("data", ["car_loan", "employment"])
def test_the_expected_confusion_matrix_is_nannymls(data, given):
    cells, _ = expected_confusion(counted(data, given))
    places = {"true_positive": (1, 1), "true_negative": (0, 0), "false_positive": (0, 1), "false_negative": (1, 0)}
    for name, (label, predicted) in places.items():
        theirs = answers()[data, given, name]["estimated"]
        np.testing.assert_allclose(cells[1:, label, predicted], theirs, rtol=1e-9, err_msg=name)


def test_skewed_scores_were_calibrated_and_good_ones_left_alone():
    assert not counted("car_loan", "skewed").frame.calibrators[0].is_identity
    assert not counted("employment", "skewed").frame.calibrators[0].is_identity


@pytest.mark.parametrize("task", [BINARY, MULTICLASS], ids=lambda task: task.kind)
@pytest.mark.parametrize("skew", [1.0, 2.0])
def test_intervals_hold_what_the_labels_say_later_in_95_of_100_windows(task, skew):
    before, now = made(task, 20_000, 1, skew=skew), made(task, 60_000, 2, segments=300, skew=skew)
    counts = PerformanceCounts(task, 301, PerformanceFrame.of_rows(task, before))
    counts.update(now)
    missed = {}
    for name in ESTIMATED:
        found, later = estimated(counts, name), measured(counts, name).value[1:]
        missed[name] = float(((later < found.lower[1:]) | (later > found.upper[1:])).mean())
    # The largest of 256 distances is larger than the one at the place where it is expected.
    assert {name: share for name, share in missed.items() if share > (0.3 if name == "ks" else 0.09)} == {}


def test_it_follows_a_change_of_what_comes_and_is_blind_to_a_change_of_what_it_means():
    before, now = made(BINARY, 20_000, 1), made(BINARY, 20_000, 2)
    frame = PerformanceFrame.of_rows(BINARY, before)
    hard = now.take(np.abs(now.probability - 0.4) < 0.2)
    turned = Outcomes(
        now.predicted, np.where(np.arange(20_000) % 3, now.label, 1 - now.label), now.probability, Groups()
    )
    for rows, follows in ((hard, True), (turned, False)):
        counts = PerformanceCounts(BINARY, 1, frame)
        counts.update(rows)
        found, real = estimated(counts, "accuracy"), measured(counts, "accuracy").value[0]
        assert (found.lower[0] <= real <= found.upper[0]) is np.bool_(follows)


@pytest.mark.parametrize("name", ["log_loss", "ece", "brier"])
def test_what_cannot_be_estimated_is_refused(name):
    with pytest.raises(ValueError, match="cannot be estimated without labels"):
        estimated(PerformanceCounts(BINARY), name)


def test_isotonic_regression_is_scikit_learns():
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - dear to import, and only here

    rng = np.random.default_rng(1)
    scores = rng.integers(0, 200, 3_000) / 200
    labels = (rng.random(3_000) < scores**2).astype(np.float64)
    asked = np.concatenate((np.linspace(-0.5, 1.5, 500), scores))
    expected = IsotonicRegression(out_of_bounds="clip").fit(scores, labels).predict(asked)
    np.testing.assert_allclose(Calibrator.fitted(scores, labels).calibrated(asked), expected, atol=1e-12)
