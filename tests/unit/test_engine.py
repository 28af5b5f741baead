"""The engine's semantics to the letter: lateness, idleness, closing, ownership, unknown."""

from __future__ import annotations

import json

import pytest

from monitor import engine as engine_module
from monitor.checks import VolumeSpec
from monitor.codec import encode
from monitor.decoders import ahead
from monitor.detectors.psi import PsiSpec
from monitor.errors import StoreError
from monitor.plan import Hysteresis
from monitor.types import Level
from monitor.windows import NEVER_MS
from tests.support.monitors import BROKEN, FIRST_MS, fetch, make_baseline, make_engine, make_plan, record, tp

BASELINE = make_baseline()
IDLE_MS = 10_000
T = FIRST_MS
"""The start of a pane of every width used here."""


def rows(*seconds, at=0, partition=None, end=None):
    """Return a fetch of rows that many seconds after T."""
    return fetch([record(T + round(s * 1_000)) for s in seconds], at=at, partition=partition, end=end)


def spans(result):
    """Return start and end (in seconds after T), rows and number of the judged windows."""
    return [((w.start_ms - T) / 1_000, (w.end_ms - T) / 1_000, w.rows, w.windows) for w in result.windows]


def outcome(window, name="volume"):
    return next((o.level, o.reason) for o in window.checks if o.check == name)


# --- lateness


def test_late_rows_are_counted_not_folded():
    engine = make_engine(make_plan(lateness_ms=500))
    result = engine.step([rows(0.1, 0.2, 1.5, 0.3, 1.4)], 0)
    assert spans(result) == [(0, 1, 2, 1)]
    state = engine.partitions[tp()]
    assert (state.rows, state.late_rows, state.rows_after_verdict) == (5, 1, 0)


def test_a_row_within_the_lateness_is_folded():
    engine = make_engine(make_plan(lateness_ms=2_000))
    assert spans(engine.step([rows(0.1, 2.9, 0.2)], 0)) == []
    assert spans(engine.step([rows(3.0, at=3)], 0)) == [(0, 1, 2, 1)]


def test_late_rows_do_not_count_in_checks():
    engine = make_engine(make_plan())
    values = [record(T), record(T + 5_000), record(T, amount=1e6)]
    engine.step([fetch(values)], 0)
    assert engine.partitions[tp()].late_rows == 1
    assert engine.failures["amount.range\x1f"] == 0


# --- the watermark over partitions


def test_a_partition_without_any_row_yet_holds_everything():
    engine = make_engine(make_plan(idle_ms=IDLE_MS), tp(0), tp(1))
    assert spans(engine.step([rows(0, 60)], 0)) == []
    assert engine.watermark_ms == NEVER_MS


def test_it_holds_while_it_brings_only_rejects_that_have_not_come_to_an_end():
    engine = make_engine(make_plan(idle_ms=IDLE_MS), tp(0), tp(1))
    engine.step([rows(0, 60)], 0)
    assert spans(engine.step([fetch([BROKEN], partition=tp(1), end=99)], IDLE_MS * 9)) == []


def test_an_idle_partition_does_not_hold_the_watermark():
    engine = make_engine(make_plan(idle_ms=IDLE_MS), tp(0), tp(1))
    engine.step([rows(0, 60, end=99), fetch([], partition=tp(1), end=0)], 0)
    assert engine.watermark_ms == NEVER_MS
    result = engine.step([fetch([], partition=tp(1), end=0)], IDLE_MS)
    assert spans(result) == [(0, 1, 1, 1), (1, 59, 0, 58)]


def test_the_slowest_partition_that_is_not_idle_holds_the_watermark():
    engine = make_engine(make_plan(), tp(0), tp(1))
    engine.step([rows(0, 60), rows(0, 2, partition=tp(1))], 0)
    assert engine.watermark_ms == T + 1_500


def test_the_watermark_never_goes_back():
    engine = make_engine(make_plan(idle_ms=IDLE_MS), tp(0), tp(1))
    engine.step([rows(0, 60, end=2), fetch([], partition=tp(1), end=0)], 0)
    engine.step([fetch([], partition=tp(1), end=0)], IDLE_MS)
    before_ms = engine.watermark_ms
    engine.step([rows(3, partition=tp(1), end=9)], IDLE_MS + 1)
    assert engine.watermark_ms == before_ms


def test_an_unreachable_broker_closes_nothing_however_long():
    engine = make_engine(make_plan(idle_ms=IDLE_MS))
    engine.step([rows(0, 0.5, end=2)], T)
    for minute in range(1, 30):
        assert spans(engine.step([fetch([], at=2)], T + 60_000 * minute)) == []
        assert spans(engine.step([], T + 60_000 * minute)) == []


def test_a_broker_that_becomes_unreachable_stops_the_wall_clock():
    engine = make_engine(make_plan(idle_ms=IDLE_MS))
    engine.step([rows(0, 0.5, end=2)], T)
    assert spans(engine.step([fetch([], at=2, end=2)], T + 30_000))
    engine.step([fetch([], at=2)], T + 600_000)
    assert engine.watermark_ms == T + 29_500


# --- all idle: the wall clock closes


def all_idle(plan, *, at_s=30.0):
    """Return an engine that has read rows in the first second, and what its first idle step closes."""
    engine = make_engine(plan)
    engine.step([rows(0.1, 0.2, end=2)], T)
    return engine, engine.step([fetch([], at=2, end=2)], T + round(at_s * 1_000))


def test_when_all_are_idle_empty_windows_close_as_one_run():
    _, result = all_idle(make_plan(idle_ms=IDLE_MS))
    assert spans(result) == [(0, 1, 2, 1), (1, 29, 0, 28)]
    assert result.windows[1].gap


def test_the_run_goes_on_with_the_wall_clock():
    engine, _ = all_idle(make_plan(idle_ms=IDLE_MS))
    result = engine.step([fetch([], at=2, end=2)], T + 33_600)
    assert spans(result) == [(29, 33, 0, 4)]
    assert engine.closer.windows == 33


def test_the_volume_check_fails_every_window_of_the_run():
    engine, result = all_idle(make_plan(idle_ms=IDLE_MS))
    assert outcome(result.windows[0]) == (Level.OK, "ok")
    assert outcome(result.windows[1]) == (Level.CRITICAL, "no rows")
    assert engine.failures["volume\x1f"] == 28
    assert [(a.status, a.labels["rule"], a.severity, a.starts_at_ms) for a in result.alerts] == [
        ("firing", "volume", "critical", T + 1_000)
    ]


def test_hysteresis_counts_the_windows_of_a_run():
    plan = make_plan(idle_ms=IDLE_MS, hysteresis=Hysteresis(checks_raise_after=3))
    engine, result = all_idle(plan, at_s=10.5 + 2)
    assert len(result.windows) == 2
    assert [a.status for a in result.alerts] == ["firing"]
    engine, result = all_idle(make_plan(idle_ms=IDLE_MS, hysteresis=Hysteresis(checks_raise_after=13)), at_s=12.5)
    assert result.alerts == []
    result = engine.step([fetch([], at=2, end=2)], T + 14_500)
    assert [(a.status, a.starts_at_ms) for a in result.alerts] == [("firing", T + 1_000)]


def test_a_topic_that_never_had_a_record_is_judged_too():
    engine = make_engine(make_plan(idle_ms=IDLE_MS))
    engine.step([fetch([], end=0)], T)
    assert spans(engine.step([fetch([], end=0)], T + 10_600)) == []
    result = engine.step([fetch([], end=0)], T + 13_600)
    assert spans(result) == [(10, 13, 0, 3)]
    assert outcome(result.windows[0]) == (Level.CRITICAL, "no rows")


def test_the_first_row_after_an_idle_time_is_judged_in_its_window():
    engine, _ = all_idle(make_plan(idle_ms=IDLE_MS))
    result = engine.step([rows(32, 33.6, at=2, end=4)], T + 34_000)
    assert spans(result) == [(29, 32, 0, 3), (32, 33, 1, 1)]


# --- rows after a verdict


def test_rows_for_a_judged_window_are_folded_counted_and_named():
    engine, _ = all_idle(make_plan(idle_ms=IDLE_MS))
    result = engine.step([rows(0.7, 1.2, 40, at=2, end=5)], T + 41_000)
    state = engine.partitions[tp()]
    assert (state.late_rows, state.rows_after_verdict) == (0, 2)
    assert result.revised == {(T, T + 29_000): 1, (T + 1_000, T + 29_000): 1}


def test_their_panes_are_kept_only_until_the_partition_can_bring_no_more():
    engine, _ = all_idle(make_plan(idle_ms=IDLE_MS))
    engine.step([rows(0.7, at=2, end=3)], T + 31_000)
    assert sorted(engine.partitions[tp()].panes) == [T]
    engine.step([rows(40, at=3, end=4)], T + 41_000)
    assert sorted(engine.partitions[tp()].panes) == [T + 40_000]


def test_sliding_windows_name_rows_that_only_some_of_their_windows_miss():
    plan = make_plan(size_ms=3_000, pane_ms=1_000, idle_ms=IDLE_MS)
    engine, result = all_idle(plan, at_s=10)
    assert spans(result) == [(0, 3, 2, 1), (1, 9, 0, 6)]
    result = engine.step([rows(8.2, 9.2, at=2, end=4)], T + 10_000)
    assert result.revised == {(T + 8_000, T + 9_000): 1}


# --- sliding windows


def test_sliding_windows_begin_with_the_first_whole_one_and_step_by_panes():
    engine = make_engine(make_plan(size_ms=3_000, pane_ms=1_000, idle_ms=None))
    result = engine.step([rows(0.5, 1.5, 2.5, 3.5, 4.5, end=5)], 0)
    assert spans(result) == [(0, 3, 3, 1), (1, 4, 3, 1)]
    assert spans(engine.finish()) == [(2, 5, 3, 1), (3, 6, 2, 1), (4, 7, 1, 1)]


def test_panes_are_dropped_once_no_window_needs_them():
    engine = make_engine(make_plan(size_ms=3_000, pane_ms=1_000))
    for i in range(200):
        engine.step([rows(i * 0.5, at=i)], 0)
    assert len(engine.partitions[tp()].panes) == 3


def test_gaps_between_sliding_windows_are_one_run():
    engine = make_engine(make_plan(size_ms=3_000, pane_ms=1_000))
    result = engine.step([rows(0.5, 20.5, 23.5)], 0)
    assert spans(result)[:5] == [(0, 3, 1, 1), (1, 20, 0, 17), (18, 21, 1, 1), (19, 22, 1, 1), (20, 23, 1, 1)]


# --- far ahead


def test_a_partition_far_ahead_is_paused_and_let_go_again():
    engine = make_engine(make_plan(max_open_panes=5), tp(0), tp(1))
    engine.step([rows(0), rows(0, 5, partition=tp(1))], 0)
    assert engine.paused == set()
    engine.step([rows(6, at=2, partition=tp(1))], 0)
    assert engine.paused == {tp(1)}
    engine.step([rows(1, at=1)], 0)
    assert engine.paused == set()


def test_while_one_has_had_no_row_the_others_are_paused_at_their_cap():
    engine = make_engine(make_plan(max_open_panes=3), tp(0), tp(1))
    engine.step([rows(0, 1)], 0)
    assert engine.paused == set()
    engine.step([rows(2, at=2)], 0)
    assert engine.paused == {tp(0)}


def test_a_single_partition_is_never_paused_even_where_the_lateness_exceeds_the_cap():
    engine = make_engine(make_plan(lateness_ms=60_000, max_open_panes=3))
    for i in range(100):
        assert engine.paused == set()
        engine.step([rows(i, at=i)], 0)


def test_idle_partitions_full_of_panes_are_not_paused_so_that_they_can_say_they_are_not_idle_any_more():
    plan = make_plan(lateness_ms=600_000, max_open_panes=3, idle_ms=IDLE_MS)
    engine = make_engine(plan, tp(0), tp(1))
    idle = [fetch([], partition=tp(1), end=0)]
    engine.step([rows(*range(10), end=10), *idle], T)
    engine.step([fetch([], at=10, end=10), *idle], T + IDLE_MS)
    assert len(engine.partitions[tp()].panes) >= 3
    assert engine.paused == set()


def test_an_ended_partition_of_a_replay_pauses_nobody():
    engine = make_engine(make_plan(max_open_panes=2, idle_ms=None), tp(0), tp(1))
    engine.step([rows(0, end=1), rows(50, partition=tp(1))], 0)
    assert engine.paused == set()


# --- unknown is not ok


AT_ONCE = Hysteresis(raise_after=1, clear_after=1)


def drifting(hysteresis=AT_ONCE, **changes):
    """Return an engine in whose first window the amounts have drifted, and that says so."""
    plan = make_plan(
        baseline=BASELINE,
        detectors={"amount": (PsiSpec(min_rows=5),)},
        window_checks=(),
        hysteresis=hysteresis,
        idle_ms=IDLE_MS,
        **changes,
    )
    engine = make_engine(plan)
    values = [record(T + i, 480.0) for i in range(100)]
    engine.step([fetch([*values, record(T + 2_000)], end=101)], T)
    return engine


def firing(engine):
    return [alert.labels["rule"] for alert in engine.book.firing()]


def test_neither_empty_windows_nor_too_few_rows_clear_an_alert():
    engine = drifting()
    assert firing(engine) == ["psi"]
    engine.step([fetch([record(T + 9_000)], at=101, end=102)], T)
    assert engine.closer.last_end_ms == T + 8_000
    engine.step([fetch([], at=102, end=102)], T + 60_000)
    assert firing(engine) == ["psi"]
    assert [alert.labels["rule"] for alert in engine.book.stale()] == ["psi"]


def test_partial_windows_neither_raise_nor_clear():
    engine = drifting()
    engine.expected = 2
    usual = [record(T + 2_000 + i, 20.0 + i % 40) for i in range(200)]
    result = engine.step([fetch([*usual, record(T + 4_000, 1e6), record(T + 9_000)], at=101)], T)
    assert len(result.windows) == 5
    for window in result.windows:
        assert window.partial
        assert {v.level for v in window.verdicts} == {Level.UNKNOWN}
        assert {o.level for o in window.checks} <= {Level.UNKNOWN}
    assert {v.reason for v in result.windows[0].verdicts} == {"partial"}
    assert len(result.windows[1].checks) == 2
    assert result.alerts == []
    assert firing(engine) == ["psi"]


def test_a_partial_empty_window_is_unknown_for_the_volume_check():
    plan = make_plan(idle_ms=IDLE_MS)
    engine = make_engine(plan)
    engine.expected = 2
    engine.step([rows(0, end=1)], T)
    result = engine.step([fetch([], at=1, end=1)], T + 30_000)
    assert outcome(result.windows[-1]) == (Level.UNKNOWN, "partial")
    assert result.alerts == []


def test_unknown_windows_do_not_reset_the_count_towards_an_alert():
    engine = drifting(Hysteresis(raise_after=2, clear_after=1))
    assert firing(engine) == []
    engine.step([rows(6, at=101, end=102)], T)
    values = [record(T + 7_000 + i, 480.0) for i in range(100)]
    engine.step([fetch([*values, record(T + 9_000)], at=102)], T)
    assert firing(engine) == ["psi"]


# --- offsets


def test_records_that_come_again_are_counted_and_folded_once():
    engine, once = make_engine(make_plan()), make_engine(make_plan())
    engine.step([rows(0, 1)], 0)
    engine.step([rows(1, 2, at=1), rows(1, at=1), rows(1, 2, 2.1, at=1)], 0)
    once.step([rows(0, 1, 2, 2.1)], 0)
    assert engine.repeated == {"t": 4}
    assert engine.partitions[tp()].head(1) == once.partitions[tp()].head(1)
    panes = [{at: encode(pane.state()) for at, pane in e.partitions[tp()].panes.items()} for e in (engine, once)]
    assert panes[0] == panes[1]


def test_a_log_that_was_cut_off_goes_on_where_the_source_says():
    engine = make_engine(make_plan())
    engine.step([rows(0, 1, 1.2)], 0)
    engine.step([fetch([], at=1)], 0)
    engine.step([rows(2, 2.1, at=1)], 0)
    state = engine.partitions[tp()]
    assert (state.next_offset, state.rows, state.missed) == (3, 5, 0)


def test_fetches_of_a_partition_that_is_not_ours_are_left_alone():
    engine = make_engine(make_plan())
    result = engine.step([rows(0, partition=tp(7))], 0)
    assert result.batches == []
    assert list(engine.partitions) == [tp()]


# --- state


def test_the_monitors_state_survives_json_and_goes_on():
    engine = drifting()
    again = make_engine(engine.plan)
    again.load(json.loads(json.dumps(engine.state())))
    assert again.state() == engine.state()
    assert again.watermark_ms == engine.watermark_ms
    assert firing(again) == ["psi"]


@pytest.mark.parametrize("state", [{}, {"closer": None}, {"closer": {}, "book": {}}])
def test_a_damaged_state_is_refused(state):
    with pytest.raises(StoreError):
        make_engine(make_plan()).load(state)


def test_alerts_of_rules_that_are_gone_resolve_and_those_that_stay_do_not():
    engine = drifting()
    engine.step([fetch([record(T + 2_500, 900.0), record(T + 9_000)], at=101)], T)
    assert firing(engine) == ["amount.range", "psi"]
    plan = make_plan(baseline=BASELINE, detectors={}, idle_ms=IDLE_MS)
    again = make_engine(plan)
    again.load(engine.state())
    resolved = again.retire()
    assert [(a.status, a.labels["rule"], a.ends_at_ms) for a in resolved] == [("resolved", "psi", T + 8_000)]
    assert firing(again) == ["amount.range"]
    assert again.retire() == []


def test_a_window_check_survives_the_change_of_the_others():
    engine, _ = all_idle(make_plan(idle_ms=IDLE_MS))
    again = make_engine(make_plan(baseline=BASELINE, row_checks=(), window_checks=(VolumeSpec(),)))
    again.load(engine.state())
    assert again.retire() == []
    assert firing(again) == ["volume"]


def test_too_many_rows_never_wait_in_all_panes_together(monkeypatch):
    monkeypatch.setattr(engine_module, "_MAX_PENDING_ROWS", 25)
    engine = make_engine(make_plan(), tp(0), tp(1))

    def waiting():
        return [pane.pending_rows for state in engine.partitions.values() for pane in state.panes.values()]

    engine.step([rows(*[0.1] * 10, partition=tp(0)), rows(*[0.1] * 10, partition=tp(1))], 0)
    assert waiting() == [10, 10]
    engine.step([rows(*[0.2] * 10, at=10, partition=tp(0))], 0)
    assert waiting() == [0, 0]


def test_a_large_fetch_is_taken_in_pieces_and_gives_the_same(monkeypatch):
    values = [record(T + 100 * i) if i % 7 else BROKEN for i in range(50)]
    found = []
    for piece_rows in (8, 1000):
        monkeypatch.setattr(ahead, "PIECE_ROWS", piece_rows)
        engine = make_engine(make_plan())
        result = engine.step([fetch(values, at=3, end=60)], 0)
        state = engine.partitions[tp()]
        assert [len(part) for part, _ in result.rejects] == ([8] * 6 + [2] if piece_rows == 8 else [50])
        rejected = [int(part.offsets[i]) for part, rejects in result.rejects for i in rejects.index]
        rest = (
            state.next_offset,
            state.missed,
            state.rows,
            dict(state.rejects),
            state.reject_offsets,
            state.end_offset,
        )
        found.append((spans(result), rejected, rest))
    assert found[0] == found[1]
