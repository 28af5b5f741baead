"""How sure a model is, as columns."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from monitor.performance import Outcomes
from monitor.performance.confidence import sureness
from monitor.types import Groups
from tests.support.outcomes import BINARY, MULTICLASS


def test_of_several_classes_they_are_those_of_scipy_and_of_the_sorted_probabilities():
    p = np.random.default_rng(1).dirichlet([0.5, 1, 2], 200)
    found = sureness(MULTICLASS, Outcomes(np.full(200, -1), None, p, Groups()))
    ordered = np.sort(p, axis=1)
    np.testing.assert_allclose(found["confidence"].values, ordered[:, -1])
    np.testing.assert_allclose(found["margin"].values, ordered[:, -1] - ordered[:, -2])
    np.testing.assert_allclose(found["entropy"].values, stats.entropy(p, axis=1) / np.log(3), atol=1e-12)


def test_of_two_classes_the_probability_of_one_says_it_all():
    p = np.array([0.0, 0.5, 0.9, 1.0, np.nan, 1.5])
    found = sureness(BINARY, Outcomes(np.full(6, -1), None, p, Groups()))
    assert found["confidence"].valid == pytest.approx([1.0, 0.5, 0.9, 1.0])
    assert found["margin"].valid == pytest.approx([1.0, 0.0, 0.8, 1.0])
    assert found["entropy"].valid == pytest.approx([0.0, 1.0, stats.entropy([0.9, 0.1], base=2), 0.0])
    assert [len(column) for column in found.values()] == [6, 6, 6]


def test_without_probabilities_every_row_is_absent():
    found = sureness(BINARY, Outcomes(np.zeros(3, np.int64), None, None, Groups()))
    assert all(column.valid.size == 0 and len(column) == 3 for column in found.values())
