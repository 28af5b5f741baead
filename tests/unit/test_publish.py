"""From engine and meters to the snapshot: what was durable last, and what counters say across restarts."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from monitor.types import Level, Revoked
from tests.support.monitors import BROKEN, FIRST_MS, Rig, make_baseline, make_plan, record, tp

T = FIRST_MS
PLAN = make_plan(baseline=make_baseline(), idle_ms=10_000)


@pytest.fixture
def rig(tmp_path: Path):
    made = Rig(tmp_path, PLAN)
    with capture_logs():
        yield made
    made.crash()


def shown(rig):
    rig.daemon._publish_now()
    return rig.snapshots[-1]


def by_check(snapshot):
    return {view.check: view for view in snapshot.checks}


def one_window(rig):
    rig.append([record(T + i, 600.0 if i == 0 else 20.0) for i in range(50)])
    rig.append([BROKEN, None, record(T + 1_800), record(T + 100)])
    rig.start()
    rig.until_end()


def test_before_the_first_window_there_is_nothing_but_partitions(rig):
    rig.start()
    snapshot = shown(rig)
    assert (snapshot.last_window, snapshot.verdicts, snapshot.checks, snapshot.windows_total) == (None, (), (), 0)
    assert snapshot.watermark_ms is None
    assert not snapshot.ready


def test_the_last_window_is_shown_with_all_it_brought(rig):
    one_window(rig)
    snapshot = shown(rig)
    assert (snapshot.last_window.start_ms, snapshot.last_window.end_ms, snapshot.last_window.rows) == (T, T + 1_000, 50)
    assert len(snapshot.verdicts) == 5
    assert {view.field for view in snapshot.fields} == {"amount", "country"}
    assert {view.field for view in snapshot.profiles} == {"amount", "country"}
    assert by_check(snapshot)["amount.range"].failures_total == 1
    assert [alert.labels["rule"] for alert in snapshot.alerts] == ["amount.range"]
    assert snapshot.watermark_ms == T + 1_300
    assert snapshot.baseline_version == PLAN.baseline.version


def test_partitions_are_shown_with_their_counters(rig):
    one_window(rig)
    snapshot = shown(rig)
    (view,) = snapshot.partitions
    assert (view.records, view.next_offset, view.end_offset, view.lag_records, view.lag_s) == (54, 54, 54, 0, 0.0)
    assert not view.idle
    assert snapshot.rejects == {("t", "malformed"): 1}
    assert snapshot.filtered == {"t": 1}
    assert snapshot.late_rows == {"t": 1}
    assert snapshot.rows_after_verdict == {"t": 0}


def gap(rig):
    for now_ms in (0, 30_000):
        rig.clock.set(T + now_ms)
        rig.rounds(1)


def test_after_empty_windows_statistics_are_gone_and_row_checks_unknown_but_counters_stay(rig):
    one_window(rig)
    gap(rig)
    snapshot = shown(rig)
    assert snapshot.last_window.rows == 0
    assert (snapshot.fields, snapshot.profiles) == ((), ())
    assert {(v.level, v.reason) for v in snapshot.verdicts} == {(Level.UNKNOWN, "no rows")}
    check = by_check(snapshot)["amount.range"]
    assert (check.level, check.failures_total, check.failure_ratio, check.reason) == (Level.UNKNOWN, 1, None, "no rows")
    assert by_check(snapshot)["volume"].failures_total == snapshot.windows_total - 2
    assert snapshot.windows_total == 29


def test_counters_go_on_over_a_restart(rig):
    one_window(rig)
    gap(rig)
    before = shown(rig)
    rig.restart()
    rig.rounds(2)
    after = shown(rig)
    assert after.windows_total == before.windows_total
    assert after.alerts == before.alerts
    assert after.partitions[0].records == before.partitions[0].records
    assert after.rejects == before.rejects
    rig.append([record(T + 31_000, 600.0), record(T + 32_800)])
    rig.rounds(2)
    assert by_check(shown(rig))["amount.range"].failures_total == 2
    assert by_check(shown(rig))["volume"].failures_total == by_check(before)["volume"].failures_total + 2


def test_alerts_that_fired_before_a_restart_are_shown_from_the_beginning(rig):
    one_window(rig)
    rig.restart()
    assert [alert.labels["rule"] for alert in shown(rig).alerts] == ["amount.range"]


def test_what_is_behind_has_a_lag(rig):
    rig.max_poll_records = 1
    rig.append([record(T), record(T + 1)])
    rig.start()
    rig.rounds(2)
    (view,) = shown(rig).partitions
    assert (view.lag_records, view.lag_s) == (1, None)


def test_a_snapshot_does_not_change_any_more(rig):
    one_window(rig)
    snapshot = shown(rig)
    before = repr(snapshot)
    gap(rig)
    shown(rig)
    assert repr(snapshot) == before


def test_thresholds_are_those_of_the_configuration(rig):
    rig.start()
    assert shown(rig).thresholds["amount", "psi", "critical"] == 0.25


def test_a_partition_that_was_revoked_takes_its_series_along(rig):
    one_window(rig)
    rig.source.push(Revoked((tp(),)))
    rig.rounds(1)
    snapshot = shown(rig)
    assert (snapshot.partitions, snapshot.rejects, snapshot.late_rows) == ((), {}, {})
