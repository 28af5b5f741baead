"""Outcomes of checks: where rows failed, what window checks remember, and when they say unknown."""

from __future__ import annotations

import json
from dataclasses import replace

from monitor.checks import CardinalitySpec, ConstantSpec, LateSpec, RangeSpec, SchemaSpec, VolumeSpec
from monitor.codec import decode, encode
from monitor.decoded import Decoded
from monitor.lines import window_lines
from monitor.types import Level, Place
from tests.support.monitors import FIRST_MS, FixedDecoder, fetch, make_baseline, make_engine, make_plan, record, tp

T = FIRST_MS
CHECKS = (VolumeSpec(), LateSpec(min_rows=1), SchemaSpec(min_rows=1), ConstantSpec(field="amount", min_rows=2))


class Chatty(FixedDecoder):
    """Says that a record with an amount of 7 has a field that nobody configured."""

    def decode(self, fetch):
        decoded = super().decode(fetch)
        odd = (decoded.batch.columns["amount"].values == 7.0).any()
        return Decoded(decoded.batch, decoded.rejects, decoded.filtered, ("note",) if odd else ())


def outcomes(window, check):
    return [o for o in window.checks if o.check == check]


def test_the_first_rows_that_fail_are_named_in_order_whatever_the_fetches():
    spec = RangeSpec(field="amount", max=10.0)
    values = [record(T + i, 99.0 if i % 3 == 0 else 1.0) for i in range(60)]
    found = []
    for size in (60, 7, 1):
        engine = make_engine(make_plan(row_checks=[spec], size_ms=100, idle_ms=None), tp(0), tp(1))
        for partition in (tp(1), tp(0)):
            for start in range(0, 60, size):
                engine.step([fetch(values[start : start + size], partition=partition, at=start)], 0)
        (outcome,) = outcomes(engine.finish().windows[0], "amount.range")
        found.append(outcome.samples)
        assert outcome.failures == 40
    assert found == [tuple(Place("t", 0, offset) for offset in (0, 3, 6, 9, 12))] * 3


def test_samples_survive_a_checkpoint_and_reach_lines_and_alerts():
    plan = make_plan(row_checks=[RangeSpec(field="amount", max=10.0)])
    engine = make_engine(plan)
    engine.step([fetch([record(T, 99.0), record(T + 1)])], 0)
    pane = engine.partitions[tp()].panes[T]
    again = plan.profile.load(decode(encode(pane.state())))
    assert again.samples == pane.samples == [[Place("t", 0, 0)]]
    result = engine.step([fetch([record(T + 5_000)], at=2)], 0)
    line = next(line for line in window_lines(plan, result.windows[0]) if line.get("check") == "amount.range")
    assert line["samples"] == ["t/0@0"]
    assert result.alerts[0].annotations["evidence"] == "Failed at t/0@0"


def test_window_checks_see_late_rows_and_unknown_fields_with_their_place():
    engine = make_engine(make_plan(window_checks=CHECKS))
    engine.decoder = Chatty()
    engine.step([fetch([record(T, 1.0), record(T + 5_000, 2.0), record(T, 3.0)])], 0)
    engine.step([fetch([record(T + 5_100, 7.0)], at=3)], 0)
    (window,) = (w for w in engine.step([fetch([record(T + 9_000)], at=4)], 0).windows if w.rows == 2)
    (late,) = outcomes(window, "late")
    assert (late.level, late.value, late.rows, late.whole) == (Level.WARNING, 1 / 3, 3, True)
    (schema,) = outcomes(window, "schema")
    assert schema.reason == "new field 'note', first at t/0@3"


def test_what_checks_remember_survives_a_checkpoint():
    spec = CardinalitySpec(field="amount", max_jump=3.0, windows=3, min_rows=1)
    plan = make_plan(window_checks=[spec], row_checks=[])
    engine = make_engine(plan)
    for n in range(5):
        engine.step([fetch([record(T + n * 1_000 + i, float(i)) for i in range(20)], at=n * 20)], 0)
    again = make_engine(plan)
    again.load(json.loads(json.dumps(engine.state())))
    assert len(again.closer.memory["amount.cardinality"]["past"]) == 3
    assert again.state() == engine.state()


def test_empty_and_partial_windows_teach_nothing_and_are_unknown_but_for_volume():
    plan = make_plan(window_checks=CHECKS)
    engine = make_engine(plan)
    engine.expected = 2
    window = engine.step([fetch([record(T), record(T + 5_000)])], 0).windows[0]
    assert {o.level for o in window.checks} == {Level.UNKNOWN}
    assert engine.closer.memory == {}
    engine = make_engine(plan)
    gap = engine.step([fetch([record(T), record(T + 5_000)])], 0).windows[1]
    assert gap.gap
    assert {o.check: o.level for o in gap.checks} == {
        "volume": Level.CRITICAL,
        "late": Level.UNKNOWN,
        "schema": Level.UNKNOWN,
        "amount.constant": Level.UNKNOWN,
    }


def test_a_check_that_was_added_is_unknown_until_its_panes_are_whole():
    before = make_plan(window_checks=[])
    engine = make_engine(before)
    engine.step([fetch([record(T), record(T + 1)])], 0)
    state = engine.partitions[tp()].panes[T].state()
    after = make_plan(window_checks=[ConstantSpec(field="amount", min_rows=2)])
    engine = make_engine(after)
    engine.partitions[tp()] = replace(engine.partitions[tp()], max_event_ms=T, panes={T: after.profile.load(state)})
    window = engine.step([fetch([record(T + 5_000)])], 0).windows[0]
    assert [(o.level, o.reason) for o in outcomes(window, "amount.constant")] == [(Level.UNKNOWN, "epoch change")]


def test_a_segment_that_is_stuck_is_an_alert_of_its_own():
    baseline = make_baseline(segments=[("country", 2, None)])
    plan = make_plan(baseline=baseline, window_checks=[ConstantSpec(field="amount", min_rows=3)], detectors={})
    engine = make_engine(plan)
    values = [record(T + i, 5.0 if i % 2 else float(i), "DE" if i % 2 else "FR") for i in range(10)]
    result = engine.step([fetch([*values, record(T + 5_000)])], 0)
    fired = [alert.labels for alert in result.alerts if alert.labels["rule"] == "amount.constant"]
    assert [labels["segment"] for labels in fired] == ["country=DE"]
