"""Events in the store: with a checkpoint or not at all, pruned with the history but for the last."""

from __future__ import annotations

import json

from monitor.checkpoint import Checkpoint, StoredEvent
from monitor.store.sqlite import Store
from tests.support.keepers import TRAILING, plan_of, second
from tests.support.monitors import Rig, make_baseline, record


def event(at_ms: int) -> StoredEvent:
    return StoredEvent(at_ms, json.dumps({"kind": "baseline", "at_ms": at_ms}))


def test_events_are_kept_in_their_order_and_the_last_is_never_pruned(tmp_path):
    store = Store(tmp_path)
    store.commit(Checkpoint(b"{}", {}, events=[event(at) for at in (5, 10, 7)]))
    assert [e.at_ms for e in store.events()] == [5, 10, 7]
    assert [e.at_ms for e in store.events(limit=2)] == [10, 7]
    store._commits = 100
    store.prune(8, 1 << 30)
    assert [e.at_ms for e in store.events()] == [10, 7]
    store.prune(1_000, 1 << 30)
    assert [e.at_ms for e in store.events()] == [7]
    store.close()


def test_a_daemon_tells_of_its_first_baseline_and_of_another_one_but_not_of_the_same(tmp_path):
    rig = Rig(tmp_path, plan_of(TRAILING, idle_ms=10**9))
    one = rig.plan.baseline.version
    rig.start()
    rig.rounds(2)
    rig.restart()
    rig.rounds(2)
    rig.plan = plan_of(TRAILING, baseline=make_baseline([record(1_000_000 + i, float(i)) for i in range(99)]))
    rig.restart()
    rig.rounds(2)
    lines = [json.loads(found.line) for found in rig.store.events()]
    assert [(line["version"], line["previous"], line["reason"]) for line in lines] == [
        (one, None, "first"),
        (rig.plan.baseline.version, one, "restart with another version"),
    ]
    shown = rig.snapshots[-1].baseline
    assert shown.kind == "trailing"
    assert [e.reason for e in shown.events] == ["first", "restart with another version"]
    assert shown.changed_at_ms == lines[-1]["at_ms"]
    rig.crash()


def test_an_accepted_norm_is_an_event_with_its_field_and_window(tmp_path):
    plan = plan_of(TRAILING.model_copy(update={"accept_after": 3}), idle_ms=10**9)
    rig = Rig(tmp_path, plan, max_poll_records=100)
    for number in range(14):
        rig.append(second(number, shift=60.0 if number >= 8 else 0.0))
    rig.start()
    rig.until_end()
    rig.daemon._drain()
    [_, accepted] = [json.loads(found.line) for found in rig.store.events()]
    assert (accepted["field"], accepted["reason"]) == ("amount", "accepted after 3 windows")
    assert accepted["at_ms"] == 1_000_000 + 11_000
    shown = rig.snapshots[-1].baseline
    assert shown.windows["amount"] >= 3
    assert shown.suspect == frozenset()
    rig.crash()


def test_what_is_frozen_is_shown(tmp_path):
    rig = Rig(tmp_path, plan_of(TRAILING, idle_ms=10**9))
    for number in range(12):
        rig.append(second(number, shift=60.0 if number >= 8 else 0.0))
    rig.start()
    rig.until_end()
    rig.daemon._drain()
    assert rig.snapshots[-1].baseline.suspect == {"amount"}
    rig.crash()
