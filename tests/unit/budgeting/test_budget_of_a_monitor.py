"""A monitor under a budget, through the engine: its streams, its levels, its checkpoints, its epochs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.budgeting.streams import STATISTICS, statistic_keys, streams_of, weights_of
from monitor.checks import RangeSpec
from monitor.config.estimate import estimate
from monitor.config.tree import Config
from monitor.decoders import EventTimePlan
from monitor.detectors.mean import MeanShiftSpec
from monitor.detectors.presence import MissingSpec
from monitor.detectors.psi import PsiSpec
from monitor.lines import window_lines
from monitor.meters import Meters
from monitor.policy import BudgetPolicySpec, PolicySpec
from monitor.publish import Outside, Publisher
from monitor.saving import Saver
from monitor.signals import alert_keys
from tests.support.monitors import FIRST_MS, fetch, make_baseline, make_engine, make_plan, record

SPEC = BudgetPolicySpec(false_pages=1, per=100_000, season="none", calibration=200, quarantine=5)
DETECTORS = {"amount": (PsiSpec(min_rows=5), MeanShiftSpec(min_rows=5)), "country": (MissingSpec(min_rows=5),)}
ROWS = 40
CALM, FAULT = 100, 15


def plan_of(spec=SPEC, *, baseline=None, **settings):
    baseline = make_baseline() if baseline is None else baseline
    settings = {"detectors": DETECTORS, "lateness_ms": 0, "idle_ms": None} | settings
    return replace(make_plan(baseline=baseline, **settings), policy=spec.build())


def windows_of(n, factor=1.0, first=0, seed=1):
    """Return the records of n windows like the baseline, amounts times a factor."""
    rng = np.random.default_rng([seed, first])
    return [
        record(FIRST_MS + (first + w) * 1000 + i * 20, float(factor * np.round(rng.gamma(4.0, 10.0) * 2) / 2), country)
        for w in range(n)
        for i, country in enumerate(rng.choice(["DE", "FR", "US"], ROWS, p=[0.6, 0.3, 0.1]).tolist())
    ]


def run(engine, records, at=0, finish=True):
    """Return judged windows as lines, and alerts."""
    results = [engine.step([fetch(records[i : i + 500], at=at + i)], 0) for i in range(0, len(records), 500)]
    results += [engine.finish()] if finish else []
    lines = [line for r in results for w in r.windows for line in window_lines(engine.plan, w)]
    return lines, [a for r in results for a in r.alerts]


def configured(**more):
    """Return a configuration of one field with one detector."""
    return Config.model_validate(
        {
            "name": "m",
            "source": {"kind": "files", "paths": ["x.jsonl"]},
            "baseline": {"kind": "file", "path": "b"},
            "fields": {"amount": {"type": "number"}},
            "drift": [{"kind": "psi"}],
            **more,
        }
    )


def of(lines, detector, field="amount"):
    return [
        line for line in lines if line["kind"] == "verdict" and (line["detector"], line["field"]) == (detector, field)
    ]


@pytest.fixture(scope="module")
def faulty():
    """Calm windows, some with amounts twice as large, calm ones again."""
    records = [*windows_of(CALM), *windows_of(FAULT, 2.0, CALM), *windows_of(60, first=CALM + FAULT)]
    engine = make_engine(plan_of())
    return engine, *run(engine, records)


def test_a_stream_is_unknown_until_it_is_calibrated(faulty):
    found = of(faulty[1], "mean_shift")
    assert [line["level"] for line in found[:50]] == ["unknown"] * 50
    assert found[10]["reason"] == "calibrating (6 of 50)"
    assert found[70]["level"] == "ok"


def test_a_fault_pages_once_by_its_evidence_and_resolves(faulty):
    _, lines, alerts = faulty
    level = [line["level"] for line in of(lines, "mean_shift")]
    assert "critical" not in level[:CALM]
    assert "critical" in level[CALM : CALM + 8]
    assert level[-1] == "ok"
    mine = [a.status for a in alerts if a.labels["rule"] == "mean_shift" and a.labels["field"] == "amount"]
    assert mine == ["firing", "resolved"]


def test_the_alert_says_how_much_evidence_and_since_when(faulty):
    first = next(a for a in faulty[2] if a.status == "firing" and a.labels["field"] == "amount")
    assert first.annotations["reason"] == "evidence beyond budget"
    assert "times what the budget asks for; probably since 1970-01-01T00:18:" in first.annotations["budget"]


def test_the_line_of_a_page_has_onset_and_what_else_moved(faulty):
    paged = next(line for line in of(faulty[1], "mean_shift") if line["level"] == "critical")
    assert abs(paged["budget"]["onset_ms"] - (FIRST_MS + CALM * 1000)) <= 4_000
    assert paged["budget"]["evidence"] >= 1
    assert 0 < paged["budget"]["p_value"] < 0.1


def test_no_single_window_is_judged_by_its_threshold_alone():
    records = [*windows_of(CALM), *windows_of(1, 3.0, CALM), *windows_of(10, first=CALM + 1)]
    lines, alerts = run(make_engine(plan_of()), records)
    strange = of(lines, "mean_shift")[CALM]
    assert strange["lower_bound"] > 0.5, "the threshold policy would be critical"
    assert strange["level"] == "ok"
    assert alerts == []


def test_what_is_sure_but_small_does_not_page():
    small = {"amount": (MeanShiftSpec(min_rows=5, warning=5.0, critical=10.0),)}
    records = [*windows_of(CALM), *windows_of(FAULT, 2.0, CALM)]
    lines, alerts = run(make_engine(plan_of(detectors=small)), records)
    assert of(lines, "mean_shift")[-1]["reason"] == "evidence without effect"
    assert [a for a in alerts if a.labels["rule"] == "mean_shift"] == []


def test_contracts_stay_outside_and_page_at_once():
    records = [*windows_of(3), *windows_of(2, 100.0, 3)]
    _, alerts = run(make_engine(plan_of(row_checks=(RangeSpec(field="amount", max=500.0),))), records)
    assert [a.labels["rule"] for a in alerts] == ["range"] or [a.labels["rule"] for a in alerts] == ["amount.range"]


def test_statistics_become_streams_with_verdicts_of_their_own(faulty):
    engine, lines, _ = faulty
    names = {(line["detector"], line["field"]) for line in lines if line["kind"] == "verdict"}
    assert {
        ("volume_change", ""),
        ("late_share", ""),
        ("missing_share", "amount"),
        ("invalid_share", "amount"),
    } <= names
    assert ("missing_share", "country") not in names, "the detector `missing` watches it"
    assert any(name == "failure_share" for name, _ in names)
    volume = of(lines, "volume_change", "")[-1]
    assert (volume["score"], volume["level"]) == (ROWS, "ok")
    assert {key.rule for key in alert_keys(engine.plan)} >= set(STATISTICS)


def test_half_of_the_rows_gone_pages_the_volume():
    records = [*windows_of(CALM), *windows_of(20, first=CALM)[::2]]
    _, alerts = run(make_engine(plan_of()), records)
    assert "volume_change" in [a.labels["rule"] for a in alerts]


def test_streams_are_signed_where_a_detector_is_and_share_the_budget_by_importance():
    plan = replace(plan_of(), importance={"amount": 3.0})
    streams = streams_of(plan)
    assert sorted(s.sign for s in streams if s.key[0] == "mean_shift") == [-1, 1]
    assert [s.sign for s in streams if s.key[0] == "psi"] == [0]
    weights = weights_of(streams)
    assert weights.sum() == pytest.approx(1)
    by_field = {s.key[1]: w for s, w in zip(streams, weights, strict=True)}
    assert by_field["amount"] == pytest.approx(3 * by_field["country"])
    assert len({s.name for s in streams}) == len(streams)


@pytest.mark.parametrize("cut", [30, CALM + 3])
def test_a_checkpoint_changes_nothing(cut):
    records = [*windows_of(CALM), *windows_of(FAULT, 2.0, CALM)]
    half = cut * ROWS
    plan = plan_of()
    whole, _ = run(make_engine(plan), records)
    first = make_engine(plan)
    before, _ = run(first, records[:half], finish=False)
    saved = Saver(first).checkpoint()
    second = make_engine(plan)
    second.partitions.clear()
    Saver(second).restore(saved.monitor, {key: block for key, block in saved.memory.items() if block is not None})
    second.assign(next(iter(first.partitions.values())))
    after, _ = run(second, records[half:], at=half)
    assert [line for line in before + after if line["kind"] == "verdict"] == [
        line for line in whole if line["kind"] == "verdict"
    ]


def test_another_baseline_begins_the_streams_that_compare_with_it_anew():
    first = make_engine(plan_of())
    run(first, windows_of(CALM))
    assert first.budget.view.armed == len(streams_of(first.plan)) - 1, "all but the delay"
    other = make_engine(plan_of(baseline=make_baseline(windows_of(60, 1.1, seed=5))))
    other.budget.load(first.budget.state())
    compared = [s for s in streams_of(other.plan) if s.key[0] not in STATISTICS]
    assert other.budget.restarted == len(compared)
    assert other.budget.view.not_armed["calibrating"] == len(compared) + 1, "and the delay, of which there is none"


def test_another_threshold_of_a_detector_begins_nothing_anew():
    first = make_engine(plan_of())
    run(first, windows_of(CALM))
    changed = DETECTORS | {"amount": (PsiSpec(min_rows=5, warning=0.2), MeanShiftSpec(min_rows=5))}
    other = make_engine(plan_of(detectors=changed))
    other.budget.load(first.budget.state())
    assert other.budget.restarted == 0


def test_streams_over_the_cap_are_unknown_and_say_so():
    engine = make_engine(plan_of(SPEC.model_copy(update={"max_streams": 1})))
    lines, _ = run(engine, windows_of(5))
    assert of(lines, "mean_shift")[0]["reason"] == "over max_streams"
    assert of(lines, "psi")[0]["reason"] == "calibrating (0 of 50)"
    assert engine.budget.view.not_armed["over max_streams"] == len(streams_of(engine.plan)) - 1


def test_empty_windows_leave_the_evidence_as_it_is():
    gone = 3
    engine = make_engine(plan_of())
    run(engine, windows_of(CALM), finish=False)
    seen = engine.budget.view
    lines, _ = run(engine, windows_of(1, first=CALM + gone), at=CALM * ROWS, finish=False)
    assert [line["windows"] for line in lines if line["kind"] == "gap"] in ([gone], [])
    assert engine.budget.view.armed == seen.armed


def test_of_sliding_windows_only_those_that_share_nothing_are_heard():
    engine = make_engine(plan_of(size_ms=2_000, pane_ms=1_000))
    run(engine, windows_of(40))
    assert 19 <= engine.budget.state()["detector"]["heard"] <= 20


def test_the_snapshot_says_what_is_promised_and_spent(faulty):
    engine = faulty[0]
    publisher = Publisher(engine, Meters(lambda: 0.0))
    budget = publisher.snapshot(0, Outside()).budget
    assert (budget.promised, budget.per_ms) == (1, 100_000)
    assert budget.spent >= 1
    assert budget.run_length_ms >= 100_000
    assert budget.audit_ratio is not None
    assert budget.armed == len(streams_of(engine.plan)) - 1, "all but the delay, as these records have no timestamps"


def test_without_a_budget_nothing_is_watched_and_nothing_stored():
    plan = make_plan(baseline=make_baseline())
    engine = make_engine(plan)
    assert engine.budget.view is None
    assert engine.budget.state() == {}
    assert statistic_keys(plan) == ()


def test_a_budget_that_cannot_be_promised_is_refused():
    adapter = TypeAdapter(PolicySpec)
    assert adapter.validate_python({"kind": "budget"}).per == 30 * 86_400_000
    for wrong in ({"false_pages": 0}, {"false_pages": 10_000, "per": "1s"}, {"season": "monthly"}):
        with pytest.raises(ValidationError):
            adapter.validate_python({"kind": "budget", **wrong})


def test_the_estimate_knows_what_a_budget_costs():
    plain = configured()
    budgeted = configured(policy={"kind": "budget"})
    series = [estimate(config, 1).series for config in (plain, budgeted)]
    # Eight of the budget and one of evidence for psi; level, score, bound, evidence and an alert of each statistic.
    assert series[1] - series[0] >= 10 + 5 * 4
    assert estimate(budgeted, 1).memory_bytes - estimate(plain, 1).memory_bytes == pytest.approx(7 * 5_200, rel=0.2)


def delayed(n, delay_ms, first=0):
    """Return the fetch of n windows like the baseline, each record appended about `delay_ms` after its event."""
    records = windows_of(n, first=first)
    rng = np.random.default_rng([7, first])
    event_ms = np.repeat(FIRST_MS + (first + np.arange(n)) * 1000, ROWS) + np.tile(np.arange(ROWS) * 20, n)
    stamps = (event_ms + rng.exponential(delay_ms, n * ROWS)).astype(np.int64)
    return replace(fetch(records, at=first * ROWS), timestamps_ms=stamps)


def test_rows_that_reach_the_topic_later_than_usual_page_the_delay():
    engine = make_engine(plan_of())
    results = [engine.step([delayed(CALM, 2_000)], 0), engine.step([delayed(FAULT, 8_000, CALM)], 0), engine.finish()]
    lines = [line for r in results for w in r.windows for line in window_lines(engine.plan, w)]
    delays = of(lines, "delay_p99_s", "")
    assert 2 < delays[60]["score"] < 20
    assert {line["level"] for line in delays[60:CALM]} == {"ok"}
    fired = [a for r in results for a in r.alerts if a.status == "firing"]
    assert {a.labels["rule"] for a in fired} == {"delay_p99_s"}


def test_the_delay_is_the_99th_percentile_of_the_window_to_a_percent():
    engine = make_engine(plan_of())
    found = delayed(20, 2_000)
    lines = [
        line
        for w in [*engine.step([found], 0).windows, *engine.finish().windows]
        for line in window_lines(engine.plan, w)
    ]
    event_ms = np.repeat(FIRST_MS + np.arange(20) * 1000, ROWS) + np.tile(np.arange(ROWS) * 20, 20)
    exact = np.sort((found.timestamps_ms - event_ms).reshape(20, ROWS) / 1000, axis=1)[:, int(0.99 * ROWS)]
    assert [line["score"] for line in of(lines, "delay_p99_s", "")] == pytest.approx(exact, rel=0.011)


def test_without_a_timestamp_or_a_time_field_nothing_is_said_of_delays(faulty):
    assert {line["reason"] for line in of(faulty[1], "delay_p99_s", "")} == {"no timestamps"}
    plan = plan_of()
    unstamped = replace(plan, decode=replace(plan.decode, event_time=EventTimePlan(None, "ms", 60_000)))
    assert not unstamped.watches_delays
    assert all(stream.key[0] != "delay_p99_s" for stream in streams_of(unstamped))
