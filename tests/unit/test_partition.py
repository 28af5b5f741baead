"""A partition's state: offsets, watermark, idleness, and what a restart makes of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monitor.codec import decode, encode
from monitor.errors import StoreError
from monitor.partition import CONFIRMED_FOR_MS, PartitionState
from monitor.windows import NEVER_MS
from tests.support.monitors import BROKEN, assert_same_state, fetch, make_engine, make_plan, record, tp

IDLE_MS = 10_000


def at_end(state: PartitionState, now_ms: int) -> PartitionState:
    state.hear_end(state.next_offset, now_ms)
    return state


def test_it_is_idle_after_its_end_was_confirmed_for_long_enough():
    state = at_end(PartitionState(tp(), 0, 5), 1_000)
    assert not state.idle(IDLE_MS, 1_000)
    at_end(state, 10_999)
    assert not state.idle(IDLE_MS, 10_999)
    at_end(state, 11_000)
    assert state.idle(IDLE_MS, 11_000)


def test_time_without_a_confirmation_does_not_count():
    state = at_end(PartitionState(tp(), 0, 5), 1_000)
    state.hear_end(None, 50_000)
    assert not state.idle(IDLE_MS, 50_000)


def test_an_unreachable_broker_ends_idleness():
    state = at_end(at_end(PartitionState(tp(), 0, 5), 0), IDLE_MS)
    assert state.idle(IDLE_MS, IDLE_MS + CONFIRMED_FOR_MS)
    assert not state.idle(IDLE_MS, IDLE_MS + CONFIRMED_FOR_MS + 1)


def test_records_to_read_end_idleness():
    state = at_end(at_end(PartitionState(tp(), 0, 5), 0), IDLE_MS)
    state.hear_end(6, IDLE_MS + 1)
    assert not state.at_end
    assert not state.idle(IDLE_MS, IDLE_MS + 1)


def test_a_partition_whose_event_time_moves_is_never_idle_however_well_we_keep_up():
    engine = make_engine(make_plan(idle_ms=IDLE_MS))
    for i in range(60):
        engine.step([fetch([record(1_000_000 + i)], at=i, end=i + 1)], 500 * i)
    assert engine.partitions[tp()].at_end
    assert not engine.partitions[tp()].idle(IDLE_MS, 500 * 59)


@pytest.mark.parametrize("value", [BROKEN, None, record(1_000)], ids=["rejects", "tombstones", "old event times"])
def test_a_partition_that_brings_nothing_new_becomes_idle(value):
    engine = make_engine(make_plan(idle_ms=IDLE_MS))
    engine.step([fetch([record(1_000_000)], end=1)], 0)
    for i in range(1, 30):
        engine.step([fetch([value], at=i, end=i + 1)], 500 * i)
    assert engine.partitions[tp()].idle(IDLE_MS, 500 * 29)


def confirmed(*steps):
    """Return whether it counts as caught up after each (next offset, end offset, seconds)."""
    state = PartitionState(tp(), 0, 0)
    found = []
    for next_offset, end_offset, at_s in steps:
        state.next_offset = next_offset
        state.hear_end(end_offset, at_s * 1_000)
        found.append(state.caught_up)
    return found


def test_it_has_caught_up_once_it_stands_at_the_end():
    assert confirmed((0, 10, 0), (6, 10, 1), (10, 10, 2)) == [False, False, True]


def test_it_has_caught_up_when_it_has_read_what_was_there_a_moment_ago_though_more_comes_all_the_time():
    assert confirmed((0, 1_000, 0), (900, 1_200, 5), (1_400, 1_500, 10)) == [False, False, True]


def test_an_end_that_was_confirmed_long_ago_says_nothing_about_now():
    assert confirmed((0, 1_000, 0), (1_000, 9_000, 600)) == [False, False]


def test_one_that_falls_behind_has_not_caught_up_any_more():
    assert confirmed((10, 10, 0), (10, 20, 5), (10, 30, 10)) == [True, True, False]


def test_without_an_idle_time_it_is_idle_exactly_at_its_end():
    state = PartitionState(tp(), 0, 5)
    assert not state.idle(None, 0)
    assert at_end(state, 0).idle(None, 10**9)


def test_the_watermark_is_the_event_time_minus_lateness_and_unknown_before_the_first_row():
    assert PartitionState(tp(), 0, 0).watermark_ms(500) == NEVER_MS
    assert PartitionState(tp(), 0, 0, max_event_ms=2_000).watermark_ms(500) == 1_500


def test_offsets_without_a_record_are_counted_as_missed():
    state = PartitionState(tp(), 0, 10)
    state.advance(25, 12, moved=True, now_ms=0)
    state.advance(30, 0, moved=False, now_ms=0)
    assert (state.next_offset, state.missed) == (30, 8)


def test_a_log_that_was_cut_off_goes_on_where_the_source_says():
    state = PartitionState(tp(), 5, 40)
    state.advance(20, 0, moved=False, now_ms=0)
    assert (state.from_offset, state.next_offset, state.missed) == (5, 20, 0)
    state.advance(3, 0, moved=False, now_ms=0)
    assert (state.from_offset, state.next_offset) == (3, 3)


def filled(plan, n=40):
    engine = make_engine(plan)
    values = [record(1_000_000 + 100 * i, i / 2, ["DE", "FR", None][i % 3]) for i in range(n)]
    engine.step([fetch([*values[:7], BROKEN, None, *values[7:]])], 0)
    return engine.partitions[tp()]


def test_it_survives_the_store_exactly():
    plan = make_plan()
    state = filled(plan)
    head = json.loads(json.dumps(state.head(1_000)))
    panes = {start: decode(encode(pane.state())) for start, pane in state.panes.items()}
    again = PartitionState.of(tp(), head, panes, plan.profile, 1_000)
    assert again.head(1_000) == state.head(1_000)
    assert again.panes.keys() == state.panes.keys()
    for start, pane in state.panes.items():
        assert_same_state(pane.state(), again.panes[start].state())
    assert (again.dirty, again.quiet_since_ms, again.confirmed_ms) == (set(), None, None)


def test_panes_of_another_width_are_forgotten_from_a_whole_pane_on():
    plan = make_plan()
    state = filled(plan)
    panes = {start: pane.state() for start, pane in state.panes.items()}
    again = PartitionState.of(tp(), state.head(1_000), panes, plan.profile, 60_000)
    assert again.panes == {}
    assert again.dirty == panes.keys()
    assert again.next_offset == state.next_offset
    assert again.epoch_ms == 1_020_000


def test_the_first_and_last_reject_of_each_reason_are_remembered():
    state = PartitionState(tp(), 0, 100)
    state.count_rejects(("a", "b", "a"), np.array([3, 5, 9]))
    state.count_rejects((), np.array([], np.int64))
    state.count_rejects(("b", "c"), np.array([12, 13]))
    assert state.reject_offsets == {"a": (3, 9), "b": (5, 12), "c": (13, 13)}
    assert state.rejects == {"a": 2, "b": 2, "c": 1}
    plan = make_plan()
    head = json.loads(json.dumps(state.head(1_000)))
    assert PartitionState.of(tp(), head, {}, plan.profile, 1_000).reject_offsets == state.reject_offsets


def test_a_store_from_before_there_were_reject_offsets_is_read():
    plan = make_plan()
    head = filled(plan).head(1_000)
    del head["reject_offsets"]
    assert PartitionState.of(tp(), head, {}, plan.profile, 1_000).reject_offsets == {}


@pytest.mark.parametrize(
    "change",
    [{"rejects": 3}, {"reject_offsets": {"a": 3}}, {"reject_offsets": [1]}, {"surprise": 1}, {"next_offset": "x"}],
)
def test_a_damaged_head_is_refused(change):
    plan = make_plan()
    head = filled(plan).head(1_000) | change
    with pytest.raises(StoreError, match=r"t.*damaged"):
        PartitionState.of(tp(), head, {}, plan.profile, 1_000)


def test_a_head_without_offsets_is_refused():
    with pytest.raises(StoreError):
        PartitionState.of(tp(), {"pane_ms": 1}, {}, make_plan().profile, 1)
