"""What the alert book hears of a window: what is bad, and what active streams are doing."""

from __future__ import annotations

from monitor.alerting import Key
from monitor.plan import Hysteresis
from monitor.results import CheckOutcome, WindowResult
from monitor.signals import alert_keys, signals
from monitor.snapshot import VerdictView
from monitor.types import Level
from tests.support.monitors import make_baseline, make_plan

PLAN = make_plan(baseline=make_baseline(), hysteresis=Hysteresis(3, 4, 1))


def verdict(level, detector="psi", field="amount", segment=""):
    return VerdictView(field, segment, detector, level, "why", 0.5, 0.4, 0.01, 0.0, 2_000, 100)


def outcome(level, check="amount.range", field="amount"):
    return CheckOutcome(check, field, "", level, 3, 10, 0.3, "failures above tolerance")


def heard(*, verdicts=(), checks=(), active=frozenset(), evidence=None):
    window = WindowResult(0, 1_000, 10, verdicts=verdicts, checks=checks, evidence=evidence)
    return signals(PLAN, window, active)


def test_ok_and_unknown_of_streams_that_are_quiet_are_not_said():
    assert heard(verdicts=(verdict(Level.OK), verdict(Level.UNKNOWN, "ks")), checks=(outcome(Level.OK),)) == []


def test_warnings_and_worse_are_said():
    found = heard(verdicts=(verdict(Level.WARNING),), checks=(outcome(Level.CRITICAL),))
    assert [(s.rule, s.field, s.level, s.alertname) for s in found] == [
        ("psi", "amount", Level.WARNING, "DriftlineDrift"),
        ("amount.range", "amount", Level.CRITICAL, "DriftlineCheck"),
    ]


def test_whatever_an_active_stream_does_is_said():
    active = {Key("psi", "amount", ""), Key("amount.range", "amount", "")}
    found = heard(verdicts=(verdict(Level.UNKNOWN),), checks=(outcome(Level.OK),), active=active)
    assert [(s.rule, s.level) for s in found] == [("psi", Level.UNKNOWN), ("amount.range", Level.OK)]


def test_drift_and_checks_have_hysteresis_of_their_own():
    drift, check = heard(verdicts=(verdict(Level.WARNING),), checks=(outcome(Level.WARNING),))
    assert (drift.raise_after, drift.clear_after) == (3, 4)
    assert (check.raise_after, check.clear_after) == (1, 4)


def test_the_evidence_is_in_the_words():
    (drift,) = heard(verdicts=(verdict(Level.WARNING),), evidence={("amount", "", "psi"): "b: +50%"})
    assert drift.annotations["evidence"].endswith("b: +50%")
    assert "0.500" in drift.annotations["summary"]
    assert "at least 0.400" in drift.annotations["description"]
    assert "evidence" not in heard(verdicts=(verdict(Level.WARNING),))[0].annotations


def test_the_keys_are_all_that_a_window_can_bring():
    keys = alert_keys(PLAN)
    assert Key("psi", "amount", "") in keys
    assert Key("country.nullable", "country", "") in keys
    assert Key("volume", "", "") in keys
    assert len(keys) == 5 + 2 + 1
    segmented = make_plan(baseline=make_baseline(segments=[("country", 2, None)]))
    assert len(alert_keys(segmented)) == (5 + 2) * 4 + 1
