"""Series of window values in the engine: which windows are heard, gaps, alerts, and state."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from monitor.checks import RangeSpec
from monitor.config.estimate import Estimate, estimate
from monitor.config.loader import load
from monitor.engine import Engine
from monitor.lines import window_lines
from monitor.meters import Meters
from monitor.partition import PartitionState
from monitor.plan import MonitorPlan
from monitor.publish import Outside, Publisher
from monitor.results import CheckOutcome, WindowResult
from monitor.sequential import NOTHING, AdwinSpec, DdmSpec, KswinSpec, PageHinkleySpec
from monitor.series import Series
from monitor.signals import alert_keys, signals
from monitor.types import Level
from tests.support.monitors import FixedDecoder, Rig, fetch, make_baseline, make_engine, make_plan, record, tp

SIZE_MS = 1_000
MEAN = PageHinkleySpec(field="amount", warm_up=20, threshold=10.0)
ROWS = PageHinkleySpec(statistic="rows", warm_up=10, threshold=10.0)
RANGE = DdmSpec(check="amount.range", warm_start=10)


def plan_of(*sequential, **settings) -> MonitorPlan:
    return replace(make_plan(lateness_ms=0, idle_ms=None, **settings), sequential=sequential)


def rows(window, n, amount, country="DE", first_ms=0):
    start = first_ms + window * SIZE_MS
    return [record(start + i * SIZE_MS // n, amount + (i % 3) * 0.1, country) for i in range(n)]


def stream(windows, seed=1, first_ms=0, **kinds):
    """Return the records of windows given as (rows, mean)."""
    rng = random.Random(seed)
    return [
        made for w, (n, mean) in enumerate(windows) for made in rows(w, n, mean + rng.gauss(0, 0.5), first_ms=first_ms)
    ]


def run(plan, records, cut=50):
    engine = make_engine(plan)
    results = [engine.step([fetch(records[i : i + cut], at=i)], 0) for i in range(0, len(records), cut)]
    results.append(engine.finish())
    return engine, [w for r in results for w in r.windows], [a for r in results for a in r.alerts]


def verdicts(windows, detector, segment=""):
    return [v for w in windows for v in w.verdicts if v.detector == detector and v.segment == segment]


def test_a_shift_of_the_mean_is_a_verdict_a_line_and_an_alert_at_once():
    plan = plan_of(MEAN)
    engine, windows, alerts = run(plan, stream([(20, 10.0)] * 40 + [(20, 13.0)] * 40))
    found = verdicts(windows, "page_hinkley_mean")
    assert len(found) == len(windows) == 80
    assert {(v.level, v.reason) for v in found[:9]} == {(Level.UNKNOWN, "warming up")}
    (at,) = [i for i, v in enumerate(found) if v.reason == "change found"]
    assert 40 < at < 50
    assert (found[at].field, found[at].direction, found[at].n_current) == ("amount", "up", 20)
    assert found[at].n_baseline == at + 1
    firing, resolved = alerts
    assert (firing.status, resolved.status) == ("firing", "resolved")
    assert (firing.starts_at_ms, firing.severity) == (at * SIZE_MS, "warning")
    summary = r"Mean of amount went from 10\.\d* to 13\.\d*, found after (\d+) windows"
    assert re.fullmatch(summary, firing.annotations["summary"])[1] == str(at - 39)
    assert "not with a baseline" in firing.annotations["description"]
    line = next(line for line in window_lines(plan, windows[at]) if line["detector"] == "page_hinkley_mean")
    assert (line["level"], line["reason"], line["direction"]) == ("warning", "change found", "up")
    assert engine.series.refused == {("amount", "", "page_hinkley_mean"): 0}


def test_the_alert_resolves_when_the_new_level_is_known_to_be_stable():
    plan = plan_of(MEAN)
    _, windows, alerts = run(plan, stream([(20, 10.0)] * 40 + [(20, 13.0)] * 40))
    (at,) = [i for i, v in enumerate(verdicts(windows, "page_hinkley_mean")) if v.reason == "change found"]
    # hold 5 windows; known again when max(warm_up, min_instances) windows are through; then clear_after.
    clear = at + max(MEAN.warm_up, MEAN.min_instances) + plan.hysteresis.clear_after
    assert alerts[1].ends_at_ms == clear * SIZE_MS


def test_empty_windows_have_no_rows_and_are_heard_one_by_one():
    normal = stream([(20, 10.0)] * 40)
    later = stream([(20, 10.0)] * 3, first_ms=100 * SIZE_MS)
    plan = plan_of(ROWS, MEAN)
    _, windows, alerts = run(plan, normal + later)
    gaps = [w for w in windows if w.gap]
    assert sum(w.windows for w in gaps) == 60
    assert all(b.start_ms == a.end_ms for a, b in pairwise(gaps))
    (found,) = [w for w in gaps if any(v.reason == "change found" for v in w.verdicts)]
    assert found.windows == 1
    assert {v.reason for w in gaps for v in w.verdicts if v.detector == "page_hinkley_mean"} == {"no rows"}
    alert = next(a for a in alerts if "Rows of a window" in a.annotations["summary"])
    assert alert.starts_at_ms == found.start_ms
    assert "went from 20 to 0" in alert.annotations["summary"]


def heard_apart(plan, total, *, apart):
    """Return the state after a run of empty windows, as one or each by itself, and the levels at every window."""
    series, level_at = Series(plan), {}
    check = CheckOutcome("volume", "", "", Level.CRITICAL, 1, 0, 1.0, "no rows", whole=True)
    first = WindowResult(-SIZE_MS, 0, 5)
    runs = [1] * total if apart else [total]
    start, parts = 0, list(series.step(first, epoch_ms=-(10**9)))
    for n in runs:
        window = WindowResult(start, start + n * SIZE_MS, 0, n, checks=(check,))
        parts += series.step(window, epoch_ms=-(10**9))
        start += n * SIZE_MS
    for part in parts:
        for i in range(part.windows):
            level_at[part.start_ms + i * SIZE_MS] = [(v.level, v.reason) for v in part.verdicts]
    return series.state(), level_at


@pytest.mark.parametrize("total", [1, 60, 1_300])
def test_a_run_of_empty_windows_is_the_same_as_its_windows_one_by_one(total):
    plan = plan_of(ROWS, AdwinSpec(statistic="rows", warm_up=10), DdmSpec(check="volume", warm_start=10))
    together, apart = heard_apart(plan, total, apart=False), heard_apart(plan, total, apart=True)
    assert together == apart


def test_a_year_of_empty_windows_costs_no_more_than_a_thousand():
    plan = plan_of(KswinSpec(statistic="rows", window_size=20, stat_size=5))
    series = Series(plan)
    parts = list(series.step(WindowResult(0, 31_536_000 * SIZE_MS, 0, 31_536_000), epoch_ms=-1))
    assert sum(part.windows for part in parts) == 31_536_000
    assert parts[-1].end_ms == 31_536_000 * SIZE_MS
    assert len(parts) < 10
    (state,) = series.state().values()
    assert state["empty"] == 1000


def test_partial_windows_and_those_of_another_epoch_are_unknown_and_not_heard():
    plan = plan_of(ROWS)
    series = Series(plan)
    (partial,) = series.step(WindowResult(0, SIZE_MS, 5, partial=True), epoch_ms=-1)
    (old,) = series.step(WindowResult(0, SIZE_MS, 5), epoch_ms=1)
    assert [(v.level, v.reason) for w in (partial, old) for v in w.verdicts] == [
        (Level.UNKNOWN, "partial"),
        (Level.UNKNOWN, "epoch change"),
    ]
    assert series.state() == Series(plan).state()


def test_of_sliding_windows_only_those_that_do_not_overlap_are_heard():
    plan = plan_of(ROWS, size_ms=4 * SIZE_MS, pane_ms=SIZE_MS)
    _, windows, _ = run(plan, stream([(10, 10.0)] * 100))
    found = verdicts(windows, "page_hinkley_rows")
    assert len(found) == len(windows) == 100
    heard = [v.n_baseline for v in found]
    assert heard[-1] == 25
    assert all(b - a in (0, 1) for a, b in pairwise(heard) if a)


def test_the_failures_of_a_check_are_a_series_of_0_and_1():
    plan = plan_of(RANGE, row_checks=(RangeSpec(field="amount", max=100.0),))
    _, windows, alerts = run(plan, stream([(20, 10.0)] * 60 + [(20, 200.0)] * 10))
    found = verdicts(windows, "ddm")
    assert {v.field for v in found} == {"amount.range"}
    (at,) = [i for i, v in enumerate(found) if v.reason == "change found"]
    assert 60 < at < 65
    assert "Share of windows in which the check amount.range fails went from 0 to 1" in str(alerts)


def test_a_window_of_which_nothing_is_known_of_the_check_is_skipped():
    plan = plan_of(RANGE)
    unknown = CheckOutcome("amount.range", "amount", "", Level.UNKNOWN, 0, 0, None, "too few rows")
    (window,) = Series(plan).step(WindowResult(0, SIZE_MS, 5, checks=(unknown,)), epoch_ms=-1)
    assert window.verdicts[0].reason == "check unknown"


def test_the_score_of_a_detector_is_a_series():
    baseline = make_baseline()
    score = AdwinSpec(field="amount", statistic="score", detector="psi", warm_up=10)
    plan = plan_of(score, baseline=baseline)
    _, windows, _ = run(plan, stream([(50, 40.0)] * 15))
    (last,) = verdicts(windows[-1:], "adwin_score_psi")
    assert (last.level, last.field) == (Level.OK, "amount")
    few = verdicts(run(plan, stream([(2, 40.0)] * 15))[1], "adwin_score_psi")
    assert {v.reason for v in few} == {"no score"}


@pytest.mark.parametrize(
    ("statistic", "field", "more", "expected"),
    [
        ("mean", "amount", {}, 3.0),
        ("stddev", "amount", {}, 2.0),
        ("missing_ratio", "country", {}, 0.25),
        ("invalid_ratio", "amount", {}, 0.25),
        ("distinct", "country", {}, 2.0),
        ("quantile", "amount", {"quantile": 0.99}, 5.0),
        ("rows", None, {}, 4.0),
        ("failure_ratio", None, {"check": "amount.range"}, 1 / 3),
    ],
)
def test_every_statistic_is_read_from_its_window(statistic, field, more, expected, monkeypatch):
    taken = []
    monkeypatch.setattr("monitor.sequential.stream.Stream.hear", lambda self, value: taken.append(value) or NOTHING)
    spec = AdwinSpec(statistic=statistic, field=field, **more)
    plan = plan_of(spec, row_checks=(RangeSpec(field="amount", max=4.0),))
    made = [record(0, 1.0), record(1, 3.0, "FR"), record(2, 5.0, None), record(3, float("nan"))]
    run(plan, made)
    assert taken == [pytest.approx(expected, rel=0.01)]


def test_a_statistic_without_a_value_is_unknown():
    plan = plan_of(AdwinSpec(field="amount"), AdwinSpec(field="amount", statistic="stddev"))
    _, windows, _ = run(plan, [record(0, float("nan"))])
    assert [(v.reason, v.level) for v in windows[0].verdicts] == [("no values", Level.UNKNOWN)] * 2


def test_what_is_not_finite_is_counted_and_exported():
    plan = plan_of(AdwinSpec(field="amount", statistic="stddev"))
    engine = make_engine(plan)
    publisher = Publisher(engine, Meters(lambda: 0.0))
    engine.step([fetch([record(0, 1e300), record(1, -1e300)])], 0)
    result = engine.finish()
    assert result.windows[0].verdicts[0].reason == "not finite"
    publisher.hear(result)
    key = ("amount", "", "adwin_stddev")
    assert publisher.snapshot(0, Outside()).sequential_refused == {key: 0}
    publisher.show()
    assert publisher.snapshot(0, Outside()).sequential_refused == {key: 1}


def test_segments_have_series_of_their_own():
    baseline = make_baseline(segments=[("country", 2, None)])
    spec = AdwinSpec(field="amount", segments=True)
    plan = plan_of(spec, DdmSpec(check="volume", segments=True), baseline=baseline)
    _, windows, _ = run(plan, stream([(20, 10.0)] * 3))
    assert [v.segment for v in windows[0].verdicts if v.detector == "adwin_mean"] == list(plan.segmenter.labels)
    assert [v.segment for v in windows[0].verdicts if v.detector == "ddm"] == [""]
    known = {key for key in alert_keys(plan) if key.rule in ("adwin_mean", "ddm")}
    assert known == {
        (v.detector, v.field, v.segment) for v in windows[0].verdicts if v.detector in ("adwin_mean", "ddm")
    }
    assert verdicts(windows[:1], "adwin_mean", "country=DE")[0].n_current == 20


def test_an_engine_that_is_stored_and_loaded_at_any_window_goes_on_as_if_it_had_not_been():
    plan = plan_of(MEAN, ROWS, RANGE, AdwinSpec(field="amount"), KswinSpec(field="amount", window_size=20, stat_size=8))
    records = stream([(10, 10.0)] * 30 + [(10, 13.0)] * 30)
    _, whole, alerts = run(plan, records)
    engine = make_engine(plan)
    windows, heard = [], []
    for i in range(0, len(records), 10):
        result = engine.step([fetch(records[i : i + 10], at=i)], 0)
        windows, heard = windows + result.windows, heard + result.alerts
        again = Engine(plan, FixedDecoder())
        again.load(json.loads(json.dumps(engine.state())))
        again.causes.load(engine.causes.state())
        again.assign(engine.partitions[tp()])
        engine = again
    result = engine.finish()
    windows, heard = windows + result.windows, heard + result.alerts
    assert [w.verdicts for w in windows] == [w.verdicts for w in whole]
    assert heard == alerts


def test_a_daemon_that_crashes_and_starts_again_knows_its_series(tmp_path):
    records = stream([(10, 10.0)] * 30 + [(10, 13.0)] * 10)
    states = []
    for crashes in (0, 5):
        rig = Rig(tmp_path / str(crashes), plan_of(MEAN, ROWS, RANGE), max_poll_records=25)
        rig.append(records)
        rig.start()
        for _ in range(crashes):
            rig.rounds(3)
            rig.restart()
        rig.until_end()
        states.append(rig.daemon.engine.series.state())
        rig.crash()
    assert states[0] == states[1]
    assert any(state["stream"]["change"] for state in states[0].values())


def test_a_changed_spec_begins_anew_and_the_others_go_on():
    before = plan_of(MEAN, ROWS)
    engine, _, _ = run(before, stream([(20, 10.0)] * 40))
    other = MEAN.model_copy(update={"threshold": 30.0})
    again = Engine(plan_of(ROWS.model_copy(update={"severity": "critical"}), other), FixedDecoder())
    again.load(engine.state())
    old, new = engine.series.state(), again.series.state()
    assert sorted(state["stream"]["standard"] is None for state in new.values()) == [False, True]
    kept = [key for key in new if key in old]
    assert len(kept) == 1
    assert new[kept[0]] == old[kept[0]]


def test_a_store_of_before_there_were_series_is_continued():
    plan = plan_of(MEAN)
    state = make_engine(plan).state()
    fresh = state.pop("series")
    engine = Engine(plan, FixedDecoder())
    engine.load(state)
    assert engine.series.state() == fresh


def test_the_alert_of_a_series_that_is_gone_from_the_configuration_resolves():
    engine, _, alerts = run(plan_of(MEAN), stream([(20, 10.0)] * 40 + [(20, 13.0)] * 12))
    assert [a.status for a in alerts] == ["firing"]
    again = Engine(plan_of(), FixedDecoder())
    again.load(engine.state())
    assert [a.status for a in again.retire()] == ["resolved"]


def test_the_warning_zone_needs_as_many_windows_as_any_drift():
    plan = plan_of(DdmSpec(check="volume", warm_start=10))
    window = next(iter(Series(plan).step(WindowResult(0, SIZE_MS, 5), epoch_ms=-1)))
    zone = replace(window.verdicts[0], level=Level.WARNING, reason="warning zone", score=0.1)
    (signal,) = signals(
        plan, replace(window, verdicts=(zone,), changes={("volume", "", "ddm"): "it may be changing"}), set()
    )
    assert signal.raise_after == plan.hysteresis.raise_after == 2


def test_series_are_in_the_estimate():
    text = """
name: m
source: {{kind: files, paths: [a.jsonl]}}
fields: {{amount: {{type: number}}}}
checks: [{{kind: volume}}]
sequential: {}
"""

    def cost(sequential) -> Estimate:
        return estimate(load(text.format(sequential), {}), 1)

    without, with_one = cost("[]"), cost("[{kind: adwin, field: amount}]")
    assert with_one.series > without.series
    assert 20_000 < with_one.state_bytes - without.state_bytes < 30_000


def test_the_partition_state_is_not_needed():
    """The series belong to the monitor: a partition that comes and goes leaves them alone."""
    plan = plan_of(MEAN)
    engine, _, _ = run(plan, stream([(20, 10.0)] * 20))
    before = engine.series.state()
    engine.revoke(tp())
    engine.assign(PartitionState(tp(), 0, 0))
    assert engine.series.state() == before
