"""Checkpoints hold what changed since the last durable one, until they are durable themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monitor.codec import decode
from monitor.errors import StoreError
from monitor.saving import Saver, _json, restore_engine, restore_partition, stored_window
from tests.support.monitors import FIRST_MS, assert_same_state, fetch, make_engine, make_plan, record, tp

T = FIRST_MS
PLAN = make_plan()


def seconds(*at, first=0):
    return fetch([record(T + round(s * 1_000)) for s in at], at=first)


def test_a_checkpoint_holds_only_the_panes_that_changed():
    engine = make_engine(make_plan(lateness_ms=60_000))
    saver = Saver(engine)
    saver.hear(engine.step([seconds(0, 1, 2)], 0))
    assert {start - T for _, start in saver.checkpoint().panes} == {0, 1_000, 2_000}
    saver.taken()
    assert saver.checkpoint().panes == {}
    saver.hear(engine.step([seconds(1.5, first=3)], 0))
    assert {start - T for _, start in saver.checkpoint().panes} == {1_000}


def test_what_was_not_taken_is_in_the_next_one_again():
    engine = make_engine(PLAN)
    saver = Saver(engine)
    saver.hear(engine.step([fetch([record(T, 1e6), record(T + 1_800)])], 0))
    first = saver.checkpoint()
    saver.hear(engine.step([seconds(2.8, first=2)], 0))
    second = saver.checkpoint()
    assert [w.end_ms - T for w in second.windows] == [1_000, 2_000]
    assert [a.status for a in second.alerts] == [a.status for a in first.alerts] == ["firing"]
    assert first.panes.keys() <= second.panes.keys()
    assert saver.pending_windows == 2
    saver.taken()
    assert (saver.pending_windows, saver.checkpoint().windows, saver.checkpoint().alerts) == (0, (), ())


def test_a_pane_that_is_dropped_is_forgotten_in_the_store():
    engine = make_engine(PLAN)
    saver = Saver(engine)
    saver.hear(engine.step([seconds(0)], 0))
    saver.taken()
    saver.hear(engine.step([seconds(1.8, first=1)], 0))
    panes = saver.checkpoint().panes
    assert panes[tp(), T] is None
    assert panes[tp(), T + 1_000] is not None


def test_rows_after_a_verdict_add_up_until_they_are_durable():
    engine = make_engine(make_plan(idle_ms=1_000))
    saver = Saver(engine)
    saver.hear(engine.step([fetch([record(T)], end=1)], T))
    saver.hear(engine.step([fetch([], at=1, end=1)], T + 9_000))
    for i in range(2):
        saver.hear(engine.step([seconds(0.4, first=1 + i)], T + 9_000))
    assert saver.checkpoint().revised == {(T, T + 8_000): 2}
    saver.taken()
    assert saver.checkpoint().revised == {}


def test_a_stored_window_is_its_lines_and_its_profile():
    engine = make_engine(PLAN)
    window, *rest = engine.step([seconds(0, 0.5, 1.8)], 0).windows
    assert rest == []
    stored = stored_window(PLAN, window)
    assert [json.loads(line)["kind"] for line in stored.lines.splitlines()] == ["check"] * 3
    assert_same_state(PLAN.profile.load(decode(stored.profile)).state(), window.profile.state())
    assert (stored.start_ms, stored.end_ms, stored.windows, stored.rows) == (T, T + 1_000, 1, 2)


def test_what_a_checkpoint_holds_is_what_is_restored():
    engine = make_engine(PLAN, tp(0), tp(1))
    saver = Saver(engine)
    saver.hear(
        engine.step([fetch([record(T, 1e6), record(T + 2_800)]), fetch([record(T + 1_800)], partition=tp(1))], 0)
    )
    checkpoint = saver.checkpoint()
    again = make_engine(PLAN)
    again.partitions.clear()
    assert restore_engine(again, checkpoint.monitor) == []
    for partition, head in checkpoint.heads.items():
        panes = {start: state for (tp_, start), state in checkpoint.panes.items() if tp_ == partition and state}
        again.assign(restore_partition(PLAN, partition, head, panes))
    assert again.state() == engine.state()
    one, other = Saver(again), Saver(engine)
    for state in (*again.partitions.values(), *engine.partitions.values()):
        state.dirty = set(state.panes)
    assert one.checkpoint().heads == other.checkpoint().heads
    left, right = one.checkpoint().panes, other.checkpoint().panes
    assert left.keys() == right.keys()
    for key, pane in left.items():
        assert_same_state(decode(pane), decode(right[key]))


def test_nothing_stored_is_a_fresh_start():
    assert restore_engine(make_engine(PLAN), None) == []


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"{}", b'{"closer": {}}', b"\xff"])
def test_damaged_monitor_state_is_refused_with_a_remedy(data):
    with pytest.raises(StoreError, match="reset the checkpoint"):
        restore_engine(make_engine(PLAN), data)


@pytest.mark.parametrize("head", [b"", b"[]", b"{}", b'{"rejects": 1}'])
def test_a_damaged_head_is_refused_with_a_remedy(head):
    with pytest.raises(StoreError, match="reset the checkpoint"):
        restore_partition(PLAN, tp(), head, {})


def test_a_damaged_pane_is_refused():
    engine = make_engine(PLAN)
    saver = Saver(engine)
    saver.hear(engine.step([seconds(0)], 0))
    checkpoint = saver.checkpoint()
    pane = checkpoint.panes[tp(), T]
    with pytest.raises(StoreError):
        restore_partition(PLAN, tp(), checkpoint.heads[tp()], {T: pane[:-9]})


def test_lines_are_json_whatever_is_in_them():
    line = {"kind": "x", "score": None, "rows": np.int64(3), "value": np.float64(0.5), "small": 1e-7, "text": "ä\u2028"}
    assert json.loads(_json(line)) == {**line, "rows": 3, "value": 0.5}
    assert json.loads(_json({"text": "\ud800"})) == {"text": "\ud800"}
    assert json.loads(_json({"value": float("nan")})) == {"value": None}
