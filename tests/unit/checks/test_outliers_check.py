"""Outliers: what is evaluated, baselines that say nothing, tolerances, and clean data."""

from __future__ import annotations

import re

import numpy as np
import pytest
from pydantic import ValidationError

from monitor.accumulators.frame import Frame
from monitor.checks import OutliersSpec, Reference, failure_levels, row_checks
from monitor.checks.fences import mad
from monitor.types import Level, Presence
from tests.support.checks import batch, failing, masks, reference_to
from tests.support.configurations import changed, configured, problems

USUAL = np.random.default_rng(1).normal(100, 10, 5_000)
HEAVY = np.random.default_rng(2).standard_t(2, 5_000)


def check_of(values, **settings):
    return row_checks([OutliersSpec(field="x", **settings)], {"x": "number"}, reference_to(x=values))[0]


@pytest.mark.parametrize("method", ["iqr", "mad", "zscore"])
def test_a_value_far_from_the_baseline_fails(method):
    spec = OutliersSpec(field="x", method=method)
    failed, evaluated = failing(spec, batch(x=[100.0, 120.0, 200.0, 0.0, -1e308]), None, reference_to(x=USUAL))
    assert failed == [False, False, True, True, True]
    assert all(evaluated)


def test_fences_are_no_outliers_and_current_rows_do_not_move_them():
    check = check_of(USUAL)
    low, high = check.fences
    given = [low, high, np.nextafter(low, -np.inf), np.nextafter(high, np.inf)]
    assert masks(check, batch(x=given))[0].tolist() == [False, False, True, True]
    masks(check, batch(x=[1e9] * 1_000))
    assert check.fences == (low, high)


def test_unusable_values_are_not_evaluated():
    failed, evaluated = masks(check_of(USUAL), batch(x=([1e9] * 7, list(Presence))))
    assert failed.tolist() == evaluated.tolist() == [True] + [False] * 6


@pytest.mark.parametrize("method", ["iqr", "mad", "zscore"])
@pytest.mark.parametrize("values", [[], [7.0], [7.0] * 100, [np.inf, 7.0, 7.0]])
def test_a_baseline_without_spread_judges_nothing(method, values):
    given = np.array(values, np.float64)
    presence = np.where(np.isfinite(given), Presence.OK, Presence.POSITIVE_INFINITY).astype(np.uint8)
    check = row_checks([OutliersSpec(field="x", method=method)], {"x": "number"}, reference_to(x=given[presence == 0]))
    assert not masks(check[0], batch(x=[7.0, 1e9]))[1].any()
    assert check[0].unjudged == "no spread in the baseline"


def test_a_field_that_is_mostly_one_value_has_a_spread_by_zscore_only():
    mostly = np.concatenate((np.zeros(900), np.arange(100.0)))
    assert check_of(mostly, method="iqr").fences is None
    assert check_of(mostly, method="mad").fences is None
    assert check_of(mostly, method="zscore").fences is not None


def test_the_mad_of_half_one_value_is_nothing():
    assert mad(Frame.of_numbers(np.array([1.0, 1, 1, 5, 9]))) == 0
    assert mad(Frame.of_numbers(np.array([1.0, 2, 3, 4, 5]))) == pytest.approx(1, abs=0.3)


def test_the_tolerance_is_the_baselines_own_unless_given():
    heavy = check_of(HEAVY)
    assert heavy.baseline_ratio > 0.01
    assert heavy.spec.max_failure_ratio == pytest.approx(0.01 + 4 * heavy.baseline_ratio, abs=1e-4)
    assert check_of(USUAL).spec.max_failure_ratio == 0.01
    assert check_of(HEAVY, max_failure_ratio=0.002).spec.max_failure_ratio == 0.002
    assert check_of(HEAVY, factor=1e-9).spec.max_failure_ratio == 1


def test_few_rows_are_not_judged():
    levels, reasons, _ = failure_levels(np.array([0, 9, 9]), np.array([0, 499, 500]), check_of(USUAL).spec)
    assert levels.tolist() == [Level.UNKNOWN, Level.UNKNOWN, Level.WARNING]
    assert reasons.tolist() == ["no rows", "too few rows", "failures above tolerance"]


def test_another_baseline_is_another_epoch():
    assert check_of(USUAL).content == check_of(USUAL).content != check_of(HEAVY).content


def test_a_field_that_the_baseline_does_not_have_is_an_error():
    with pytest.raises(KeyError):
        OutliersSpec(field="x").build(Reference())


def test_a_column_of_texts_is_refused():
    with pytest.raises(TypeError, match="no outliers"):
        check_of(USUAL).failures(batch(x=["a"]))


@pytest.mark.parametrize("settings", [{"factor": 0}, {"factor": float("inf")}, {"method": "sigma"}, {"min_rows": 0}])
def test_what_cannot_be_meant_is_refused(settings):
    with pytest.raises(ValidationError):
        OutliersSpec(field="x", **settings)


CHECK = ("  - {kind: volume, min", "  - {kind: outliers, field: amount}\n  - {kind: volume, min")


def test_without_a_baseline_the_check_is_refused():
    text = changed(CHECK, ("baseline: {kind: file, path: baselines/payments}\n", ""), ("drift:\n", "drift: []\n"))
    text = re.sub(r"  - \{kind: (psi|ks).*\n", "", text)
    found = {problem.path: problem for problem in problems(text)}
    assert "driftline baseline build" in found["checks[0]"].remedy
    assert configured(changed(CHECK)).checks[0] == OutliersSpec(field="amount")
