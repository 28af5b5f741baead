"""The domain classifier: what it finds and names, scikit-learn's AUC for the same folds, and its false alarms."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from monitor.performance import domain
from monitor.performance.domain import FOLDS, LEAST_ROWS, separation, told_apart


def rows(n: int, d: int, seed: int) -> np.ndarray:
    """Return rows of heavy-tailed fields that go together."""
    turn = np.eye(d) + 0.3 * np.random.default_rng(99).standard_normal((d, d))
    return np.random.default_rng(seed).standard_t(4, (n, d)) @ turn


@pytest.mark.parametrize(("n", "d"), [(60, 2), (100, 4)])
def test_without_drift_it_is_above_chance_in_at_most_5_percent_of_windows(n, d):
    found = [told_apart(rows(n, d, 2 * i), rows(n, d, 2 * i + 1)) for i in range(100)]
    assert np.mean([one.lower_bound > 0.5 for one in found]) <= 0.1  # 5 % and 2.3 standard errors
    assert np.mean([one.p_value < 0.05 for one in found]) <= 0.1
    assert np.mean([one.auc for one in found]) == pytest.approx(0.5, abs=0.02)
    spread = np.std([one.auc for one in found])
    assert 0.75 < spread / found[0].noise < 1.1


def test_rows_that_resemble_each_other_count_for_less():
    before, now = rows(200, 2, 1), rows(200, 2, 2) + 0.4
    plain, alike = told_apart(before, now), told_apart(before, now, effect=4.0)
    assert alike.auc == plain.auc
    assert alike.noise == pytest.approx(2 * plain.noise)
    assert alike.lower_bound < plain.lower_bound


def changed(what: str) -> np.ndarray:
    now = np.random.default_rng(5).standard_normal((800, 4))
    if what == "mean":
        now[:, 2] += 0.5
    elif what == "spread":
        now[:, 2] *= 1.6
    else:
        now[:, 2] = 0.7 * now[:, 1] + np.sqrt(0.51) * now[:, 2]
    return now


@pytest.mark.parametrize(("what", "fields"), [("mean", {2}), ("spread", {2}), ("correlation", {1, 2})])
def test_a_change_is_found_and_the_fields_of_it_named(what, fields):
    found = told_apart(np.random.default_rng(4).standard_normal((800, 4)), changed(what))
    assert found.lower_bound > 0.55
    assert found.p_value < 1e-6
    named = set(np.argsort(found.contributions)[-len(fields) :].tolist())
    assert named == fields
    assert found.contributions[sorted(set(range(4)) - fields)].max() < 0.2 * found.contributions.max()


def test_the_auc_is_that_of_scikit_learns_classifier_on_the_same_folds():
    before, now = rows(300, 3, 1), rows(200, 3, 2) * 1.3 + 0.2
    terms = domain._terms(3)
    both = domain._expanded(np.concatenate((before, now)), terms)
    is_now = np.arange(500) >= 300
    folds = np.concatenate((np.arange(300), np.arange(200))) % FOLDS
    found = []
    for fold in range(FOLDS):
        out = folds == fold
        model = LogisticRegression(C=1.0, class_weight="balanced", tol=1e-10, max_iter=1_000)
        model.fit(both[~out], is_now[~out])
        found.append(roc_auc_score(is_now[out], model.decision_function(both[out])))
    assert told_apart(before, now).auc == pytest.approx(np.mean(found), abs=1e-4)


def test_rows_that_nothing_has_in_common_are_told_apart_without_fail():
    found = told_apart(np.zeros((40, 2)), np.ones((40, 2)))
    assert found.auc == pytest.approx(1.0)
    assert separation(found.auc) == pytest.approx(1.0)


def test_equal_and_constant_rows_are_not_told_apart():
    same = rows(100, 3, 1)
    for before, now in ((same, same), (np.ones((50, 2)), np.ones((50, 2)))):
        found = told_apart(before, now)
        assert found.auc <= 0.5
        assert found.lower_bound < 0.5
        assert found.p_value >= 0.5


def test_too_few_rows_are_not_compared():
    found = told_apart(rows(LEAST_ROWS - 1, 2, 1), rows(500, 2, 2))
    assert np.isnan([found.auc, found.noise, found.lower_bound, found.p_value, *found.contributions]).all()
