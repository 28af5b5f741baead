"""Judging a window: every detector, segment and check has a verdict, and unknown is not ok."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.accumulators.frame import Frame
from monitor.accumulators.moments import Moments
from monitor.baseline import BaselineView, view_of
from monitor.checks import OutliersSpec, Reference, row_checks
from monitor.judge import judge, judge_gap
from monitor.outcomes import EPOCH_CHANGE, PARTIAL
from monitor.types import Level
from tests.support.monitors import FIRST_MS, batch_of, make_baseline, make_plan, record, usual

BASELINE = make_baseline(segments=[("country", 2, None)])
PLAN = make_plan(baseline=BASELINE)
DRIFTED = [record(FIRST_MS + i, 480.0, "NL") for i in range(100)]


def profile_of(records):
    batch = batch_of(records)
    profile = PLAN.profile.empty()
    masks = [check.failures(batch) for check in PLAN.row_checks]
    profile.update(batch.columns, PLAN.segmenter.groups(batch.columns), masks, len(batch))
    return profile


def judged(records, unknown=""):
    profile = profile_of(records)
    return judge(PLAN, FIRST_MS, FIRST_MS + 1_000, profile, unknown=unknown, baseline=view_of(BASELINE))


def test_while_there_is_nothing_to_compare_with_drift_is_unknown_and_says_why():
    learning = BaselineView(BASELINE.profile.accumulators, unknown="learning")
    result = judge(PLAN, FIRST_MS, FIRST_MS + 1_000, profile_of(DRIFTED), unknown="", baseline=learning)
    assert {(verdict.level, verdict.reason) for verdict in result.verdicts} == {(Level.UNKNOWN, "learning")}


def test_the_correlation_of_rows_that_the_view_states_weakens_the_bound():
    needs = {item.needs: 0.05 for item in PLAN.detectors}
    sure = {(v.field, v.detector): v.lower_bound for v in judged(DRIFTED).verdicts if not v.segment}
    view = BaselineView(BASELINE.profile.accumulators, needs)
    result = judge(PLAN, FIRST_MS, FIRST_MS + 1_000, profile_of(DRIFTED), unknown="", baseline=view)
    found = {(v.field, v.detector): v.lower_bound for v in result.verdicts if not v.segment}
    assert found["amount", "psi"] < sure["amount", "psi"]


def test_there_is_a_verdict_for_every_detector_and_segment():
    result = judged(usual(500, seed=5))
    assert len(result.verdicts) == 5 * 4
    assert [v.segment for v in result.verdicts[:4]] == ["", "country=DE", "country=FR", "country=<other>"]
    assert {v.level for v in result.verdicts if v.segment == ""} == {Level.OK}
    assert (result.rows, result.windows, result.partial, result.gap) == (500, 1, False, False)


def test_a_segment_with_too_few_rows_is_unknown():
    verdicts = judged([record(FIRST_MS, 20.0, "DE")] * 50).verdicts
    french = next(v for v in verdicts if (v.field, v.segment, v.detector) == ("amount", "country=FR", "psi"))
    assert (french.level, french.reason, french.score, french.n_current) == (Level.UNKNOWN, "no rows", None, 0)


def test_a_drift_comes_with_its_evidence():
    result = judged(DRIFTED)
    key = ("amount", "", "psi")
    assert next(v for v in result.verdicts if (v.field, v.segment, v.detector) == key).level is Level.CRITICAL
    assert "≥" in result.evidence[key]
    assert "≥" in result.evidence["amount", "", "wasserstein"]
    assert result.evidence["country", "", "psi"].startswith("(unseen): +")


def test_no_drift_has_no_evidence():
    assert judged(usual(500, seed=5)).evidence == {}


def test_a_check_that_can_never_judge_is_unknown_and_says_why():
    constant = Reference({"amount": Frame.of_numbers(np.ones(100))}, {"amount": Moments(1)})
    (check,) = row_checks([OutliersSpec(field="amount")], {"amount": "number"}, constant)
    plan = replace(PLAN, row_checks=(check,), window_checks=())
    batch = batch_of(usual(500, seed=5))
    profile = plan.profile.empty()
    profile.update(batch.columns, plan.segmenter.groups(batch.columns), [check.failures(batch)], len(batch))
    found = judge(plan, FIRST_MS, FIRST_MS + 1_000, profile, unknown="").checks
    assert {(o.level, o.reason) for o in found} == {(Level.UNKNOWN, "no spread in the baseline")}


@pytest.mark.parametrize("unknown", [PARTIAL, EPOCH_CHANGE])
def test_where_rows_may_be_missing_every_level_is_unknown_and_says_why(unknown):
    result = judged(DRIFTED, unknown)
    assert {(v.level, v.reason) for v in result.verdicts} == {(Level.UNKNOWN, unknown)}
    assert {(o.level, o.reason) for o in result.checks} == {(Level.UNKNOWN, unknown)}
    assert result.partial == (unknown == PARTIAL)
    assert result.evidence == {}


def test_the_numbers_are_shown_even_where_the_level_is_unknown():
    verdict = next(v for v in judged(DRIFTED, PARTIAL).verdicts if v.detector == "psi")
    assert verdict.score > 1
    assert verdict.n_current == 100


def test_checks_are_judged_by_segment():
    records = [record(FIRST_MS, 600.0, "DE")] * 2 + [record(FIRST_MS, 1.0, "FR")] * 2
    outcomes = {(o.check, o.segment): o for o in judged(records).checks}
    assert outcomes["amount.range", ""].failure_ratio == 0.5
    assert outcomes["amount.range", "country=DE"].level is Level.WARNING
    assert outcomes["amount.range", "country=FR"].level is Level.OK
    other = outcomes["amount.range", "country=<other>"]
    assert (other.level, other.failure_ratio, other.rows) == (Level.UNKNOWN, None, 0)


def test_a_gap_is_unknown_for_drift_and_a_failure_for_the_volume():
    result = judge_gap(PLAN, FIRST_MS, FIRST_MS + 9_000, 9, unknown="")
    assert {(v.level, v.reason, v.score) for v in result.verdicts} == {(Level.UNKNOWN, "no rows", None)}
    assert [(o.check, o.level, o.rows) for o in result.checks] == [("volume", Level.CRITICAL, 0)]
    assert (result.gap, result.windows, result.profile) == (True, 9, None)


def test_a_partial_gap_is_unknown_for_the_volume_too():
    result = judge_gap(PLAN, FIRST_MS, FIRST_MS + 9_000, 9, unknown=PARTIAL)
    assert [(o.level, o.failure_ratio) for o in result.checks] == [(Level.UNKNOWN, None)]
    assert result.partial
