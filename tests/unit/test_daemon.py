"""The daemon: what is durable before what is told, where it starts, how it ends."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import pytest

from monitor.checkpointing import Options
from monitor.errors import Retryable, StoreError, SurroundingsError
from monitor.snapshot import RejectsView
from monitor.sources.memory import MemorySource
from monitor.store.outbox import Outbox
from monitor.types import Assigned, Revoked
from tests.support.monitors import BROKEN, EVERY_ROUND, FIRST_MS, Letters, Rig, make_plan, record, tp

T = FIRST_MS
IDLE_MS = 10_000


@pytest.fixture
def rig(tmp_path):
    """Return a rig whose store is closed in the end."""
    rigs = []

    def make(**parts):
        rigs.append(Rig(tmp_path, **({"plan": make_plan(idle_ms=IDLE_MS)} | parts)))
        return rigs[-1]

    yield make
    for made in rigs:
        if hasattr(made, "store"):
            made.crash()


def seconds(*at):
    return [record(T + round(s * 1_000)) for s in at]


def stored_ends(rig):
    return [end for _, end, *_ in rig.store.windows()]


def due(rig):
    """Return status and rule of what waits for the pager."""
    with closing(Outbox(rig.store.path)) as outbox:
        return [(item.alert.status, item.alert.labels["rule"]) for item in outbox.due("pager", 0, 100)]


# --- starting


def test_the_start_is_durable_before_the_first_record_is_read(rig):
    r = rig(options=Options(checkpoint_interval_ms=10**9))
    r.append(seconds(0, 1, 2))
    r.start(first="latest")
    r.rounds(1)
    assert r.source.sought == [(tp(), 3)]
    r.crash()
    r.append(seconds(3))
    r.start(first="latest")
    r.until_end()
    assert r.source.sought == [(tp(), 3)]
    assert r.daemon.engine.partitions[tp()].records == 1


def test_a_partition_that_appeared_while_nobody_watched_is_read_from_its_beginning(rig):
    r = rig(options=EVERY_ROUND)
    r.append(seconds(0, 1))
    r.start(first="latest")
    r.rounds(2)
    r.crash()
    r.partitions = (tp(), tp(1))
    r.append(seconds(2, 3, 4), tp(1))
    r.start(first="latest")
    r.until_end()
    assert dict(r.source.sought) == {tp(): 2, tp(1): 0}
    assert r.daemon.engine.partitions[tp(1)].records == 3


def test_in_a_group_a_partition_that_is_ours_for_the_first_time_begins_at_the_configured_start(rig):
    r = rig(options=replace(EVERY_ROUND, owns_all=False))
    r.append(seconds(0, 1))
    r.start(first="latest")
    r.rounds(2)
    r.crash()
    r.partitions = (tp(), tp(1))
    r.append(seconds(2, 3, 4), tp(1))
    r.start(first="latest")
    r.rounds(2)
    assert dict(r.source.sought) == {tp(): 2, tp(1): 3}


def test_nothing_is_read_while_the_start_cannot_be_made_durable(rig, monkeypatch):
    r = rig()
    r.append(seconds(0))
    r.start()
    calls = []

    def refuse(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:
            r.daemon.stop()
        raise Retryable("disk full")

    monkeypatch.setattr(r.store, "commit", refuse)
    r.daemon._pause = r.daemon._stopping.is_set
    r.daemon._ownership._pause = r.daemon._stopping.is_set
    r.rounds(1)
    assert len(calls) >= 3
    assert r.source.sought == []


def test_the_end_of_an_earlier_life_is_where_the_next_one_begins(rig):
    r = rig()
    r.append(seconds(0, 1, 2))
    r.start()
    r.until_end()
    r.append(seconds(3))
    r.restart()
    r.until_end()
    assert r.source.sought == [(tp(), 3)]
    assert (r.daemon.engine.partitions[tp()].records, r.daemon.engine.partitions[tp()].from_offset) == (4, 0)


def test_it_is_ready_once_assigned_and_restored(rig):
    r = rig()
    r.start()
    r.daemon._publish_now()
    assert (r.snapshots[-1].ready, r.snapshots[-1].ready_reason) == (False, "starting")
    r.rounds(1)
    r.daemon._publish_now()
    assert r.snapshots[-1].ready


def test_alerts_of_rules_that_are_gone_resolve_through_the_outbox(rig):
    r = rig(plan=make_plan(idle_ms=10**9))
    r.append([record(T, 1e6), record(T + 1_800)])
    r.start()
    r.until_end()
    assert due(r) == [("firing", "amount.range")]
    r.plan = make_plan(idle_ms=10**9, row_checks=())
    r.restart()
    r.rounds(1)
    assert ("resolved", "amount.range") in due(r)
    assert r.daemon.engine.book.firing() == []
    r.restart()
    r.rounds(1)
    assert due(r).count(("resolved", "amount.range")) == 1


# --- order


def test_a_window_is_shown_only_once_it_is_durable(rig, monkeypatch):
    r = rig(plan=make_plan(idle_ms=10**9))
    r.append([record(T, 1e6), record(T + 1_800)])
    r.start()
    r.rounds(1)
    commit = r.store.commit

    def refuse(*args, **kwargs):
        raise Retryable("disk full")

    monkeypatch.setattr(r.store, "commit", refuse)
    r.rounds(3)
    r.daemon._publish_now()
    shown = r.snapshots[-1]
    assert r.daemon.engine.closer.windows == 1
    assert (shown.last_window, shown.windows_total, shown.alerts, shown.checks) == (None, 0, (), ())
    # a counter that a crash takes back would look to Prometheus like one that began anew
    assert (shown.partitions[0].records, shown.partitions[0].next_offset) == (0, 2)
    assert due(r) == []
    assert "wake" not in r.bell.heard

    monkeypatch.setattr(r.store, "commit", commit)
    r.clock.advance(1_000)
    r.rounds(1)
    shown = r.snapshots[-1]
    assert shown.windows_total == 1
    assert [alert.labels["rule"] for alert in shown.alerts] == ["amount.range"]
    assert due(r) == [("firing", "amount.range")]
    assert stored_ends(r) == [T + 1_000]
    assert "wake" in r.bell.heard


def test_offsets_are_told_to_the_broker_only_after_they_are_durable(rig, monkeypatch):
    r = rig()
    r.append(seconds(0, 1))
    r.start()
    r.rounds(1)

    def refuse(*args, **kwargs):
        raise Retryable("disk full")

    monkeypatch.setattr(r.store, "commit", refuse)
    r.rounds(3)
    assert r.source.committed == {tp(): 0}


def test_without_commits_the_broker_is_told_nothing(rig):
    r = rig(options=Options(checkpoint_interval_ms=0, commit=False))
    r.append(seconds(0, 1))
    r.start()
    r.until_end()
    assert r.source.committed == {}
    assert r.store.head(tp()) is not None


def test_unacknowledged_dead_letters_hold_the_checkpoint_back(rig):
    letters = Letters()
    r = rig(letters=letters)
    r.append([*seconds(0), BROKEN, *seconds(1.8)])
    r.start()
    r.rounds(1)
    letters.acknowledging = False
    r.rounds(3)
    assert letters.sent == [(tp(), [1])]
    assert stored_ends(r) == []
    letters.acknowledging = True
    r.clock.advance(1_000)
    r.rounds(1)
    assert stored_ends(r) == [T + 1_000]
    r.restart()
    r.until_end()
    assert letters.sent == [(tp(), [1])]


def test_dead_letters_are_told_of_every_record_since_their_limit_is_a_share(rig):
    letters = Letters()
    r = rig(letters=letters, max_poll_records=2)
    r.append([*seconds(0, 0.2, 0.4), BROKEN, *seconds(0.6, 0.8)])
    r.start()
    r.until_end()
    r.daemon._publish_now()
    assert letters.records == 6
    assert letters.sent == [(tp(), [3])]
    assert r.snapshots[-1].letters == letters.view
    [place] = r.snapshots[-1].reject_offsets.values()
    assert place == (RejectsView(0, 3, 3),)


def test_while_dead_letters_are_full_nothing_is_read(rig):
    letters = Letters()
    r = rig(letters=letters)
    r.start()
    r.rounds(1)
    letters.full = True
    r.append(seconds(0))
    r.rounds(3)
    assert r.daemon.engine.partitions[tp()].records == 0
    letters.full = False
    r.rounds(1)
    assert r.daemon.engine.partitions[tp()].records == 1


# --- catching up


def test_while_catching_up_only_the_final_state_is_sent(rig):
    r = rig(plan=make_plan(idle_ms=10**9), max_poll_records=2)
    fine = [seconds(s, s + 0.1) for s in range(2, 6)]
    r.append([record(T, 1e6), record(T + 900), *seconds(1.1, 1.8), *[v for pair in fine for v in pair]])
    r.start()
    r.rounds(4)
    assert r.daemon.engine.book.firing()
    assert "release" not in r.bell.heard
    assert r.daemon.engine.closer.windows < 3
    r.until_end()
    assert r.daemon.engine.book.firing() == []
    assert r.bell.heard[-1] == "release"
    assert due(r) == []
    assert r.snapshots == [] or r.snapshots[-1].caught_up


def test_what_still_fires_at_the_end_is_committed_before_it_is_released(rig, monkeypatch):
    r = rig(plan=make_plan(idle_ms=10**9), options=Options(checkpoint_interval_ms=10**9))
    r.append([record(T, 1e6), *seconds(1.8)])
    r.start()
    order = []
    commit = r.store.commit
    monkeypatch.setattr(
        r.store, "commit", lambda c, *a, **k: (order.append((len(c.alerts), k["collapse"])), commit(c, *a, **k))
    )
    r.bell.release = lambda: order.append("release")
    r.until_end()
    assert order[:3] == [(0, True), (1, True), "release"]
    assert due(r) == [("firing", "amount.range")]


def test_once_caught_up_every_change_is_sent(rig):
    r = rig(plan=make_plan(idle_ms=10**9))
    r.append(seconds(0))
    r.start()
    r.until_end()
    r.append([record(T + 1_000, 1e6), *seconds(2.8)])
    r.rounds(2)
    r.append(seconds(3.8))
    r.rounds(2)
    r.append(seconds(4.8))
    r.rounds(2)
    assert due(r) == [("firing", "amount.range"), ("resolved", "amount.range")]


def test_on_a_topic_that_never_rests_notifications_are_let_go_all_the_same(rig):
    r = rig(plan=make_plan(idle_ms=10**9), max_poll_records=3)
    r.start()
    released = []
    for i in range(5):
        r.append(seconds(i, i + 0.1, i + 0.2))
        r.rounds(1)
        assert not any(state.at_end for state in r.daemon.engine.partitions.values())
        released.append("release" in r.bell.heard)
    assert released == [False, False, True, True, True]


def test_a_run_stopped_while_catching_up_says_nothing(rig):
    r = rig(plan=make_plan(idle_ms=10**9), max_poll_records=2)
    r.append([record(T, 1e6), *seconds(1.8), *seconds(*range(2, 9))])
    r.start()
    r.rounds(3)
    r.daemon.stop()
    r.daemon._drain()
    assert "release" not in r.bell.heard


# --- checkpoints


def test_the_interval_stretches_so_that_checkpoints_cost_five_percent(rig, monkeypatch):
    r = rig(plan=make_plan(idle_ms=10**9), options=Options(checkpoint_interval_ms=1_000))
    r.start()
    r.rounds(1)
    commits = []
    commit = r.store.commit

    def slow(*args, **kwargs):
        commits.append(r.clock.now_ms() - T)
        r.clock.advance(400)
        commit(*args, **kwargs)

    monkeypatch.setattr(r.store, "commit", slow)
    r.append(seconds(0))
    for _ in range(250):
        r.clock.advance(100)
        r.rounds(1)
    spent_ms = 400 * len(commits)
    assert commits
    assert {later - earlier for earlier, later in pairwise(commits[1:])} == {8_000}
    assert spent_ms <= 0.05 * (r.clock.now_ms() - T) + 400


def test_what_a_checkpoint_made_durable_is_shown_at_once(rig):
    r = rig(plan=make_plan(idle_ms=10**9), options=Options(checkpoint_interval_ms=1_300))
    r.start()
    r.append(seconds(0))
    r.until_end()
    r.clock.advance(10_000)
    r.rounds(1)  # everything is durable and shown
    counted = sum(view.records for view in r.snapshots[-1].partitions)
    r.append(seconds(0.1, 0.2))
    r.clock.advance(1_200)  # a snapshot is due, a checkpoint is not
    r.rounds(1)
    assert sum(view.records for view in r.snapshots[-1].partitions) == counted
    r.clock.advance(150)  # now the checkpoint is, and the next snapshot is not
    r.rounds(1)
    assert sum(view.records for view in r.snapshots[-1].partitions) == counted + 2


def test_closing_a_window_forces_a_checkpoint(rig):
    r = rig(plan=make_plan(idle_ms=10**9), options=Options(checkpoint_interval_ms=10**9))
    r.append(seconds(0))
    r.start()
    r.until_end()
    r.append(seconds(1.8))
    r.rounds(1)
    assert stored_ends(r) == [T + 1_000]


def test_a_failing_store_is_not_tried_in_every_round(rig, monkeypatch):
    r = rig(plan=make_plan(idle_ms=10**9))
    r.start()
    r.rounds(1)
    tries = []

    def refuse(*args, **kwargs):
        tries.append(r.clock.now_ms())
        raise Retryable("locked")

    monkeypatch.setattr(r.store, "commit", refuse)
    for i in range(40):
        r.append(seconds(i + 0.8))
        r.clock.advance(100)
        r.rounds(1)
    assert 7 <= len(tries) <= 9


def test_what_cannot_be_pruned_is_no_reason_to_commit_twice(rig, monkeypatch):
    r = rig(plan=make_plan(idle_ms=10**9))
    r.append(seconds(0, 1.8))
    r.start()
    r.rounds(1)

    def refuse(*args):
        raise Retryable("locked")

    monkeypatch.setattr(r.store, "prune", refuse)
    r.rounds(1)
    assert stored_ends(r) == [T + 1_000]
    assert r.daemon._saver.pending_windows == 0
    r.daemon._publish_now()
    assert r.snapshots[-1].checkpoint_last_success_ms is not None


# --- ends


def test_until_end_stops_at_the_ends_seen_at_the_start(rig):
    r = rig(options=Options(until_end=True, checkpoint_interval_ms=0), max_poll_records=2)
    r.append(seconds(0, 1, 2))
    r.start()
    r.rounds(1)
    r.append(seconds(3, 4, 5, 6, 7))
    r.daemon.run()
    assert r.daemon.engine.partitions[tp()].records == 3
    assert r.bell.heard[-1] == "release"
    assert not r.snapshots[-1].ready


def test_until_end_of_an_empty_topic_stops_at_once(rig):
    r = rig(options=Options(until_end=True))
    r.start()
    r.daemon.run()
    assert r.daemon.engine.partitions[tp()].records == 0


def test_a_source_that_does_not_know_its_end_is_read_until_it_does(rig, monkeypatch):
    r = rig(options=Options(until_end=True), max_poll_records=2)
    r.append(seconds(0, 1, 2, 3, 4))
    r.start()
    monkeypatch.setattr(r.source, "ends", dict)
    r.daemon.run()
    assert r.daemon.engine.partitions[tp()].records == 5


def test_max_records_counts_those_of_this_run(rig):
    r = rig(options=Options(max_records=2, checkpoint_interval_ms=0), max_poll_records=1)
    r.append(seconds(*range(10)))
    r.start()
    r.daemon.run()
    assert r.daemon.engine.partitions[tp()].records == 2
    r.restart()
    r.daemon.run()
    assert r.daemon.engine.partitions[tp()].records == 4
    assert "release" not in r.bell.heard


def test_a_dead_dispatcher_ends_the_process(rig):
    r = rig()
    r.start()
    r.rounds(1)
    r.bell.alive = False
    with pytest.raises(RuntimeError, match="dispatcher has died"):
        r.daemon.run()


def test_stop_drains_and_leaves_everything_durable(rig):
    r = rig(options=Options(checkpoint_interval_ms=10**9))
    r.append(seconds(0, 0.1))
    r.start()
    r.rounds(2)
    r.daemon.stop()
    r.daemon.run()
    assert r.source.committed == {tp(): 2}
    assert r.snapshots[-1].ready_reason == "draining"
    r.restart()
    r.rounds(1)
    assert r.daemon.engine.partitions[tp()].panes[T].rows == 2


def test_stop_while_the_broker_does_not_answer_drains_and_returns(rig, monkeypatch):
    r = rig()
    r.start()

    def refuse(partition):
        r.daemon.stop()
        raise Retryable("nobody answers")

    monkeypatch.setattr(r.source, "resolve_start", refuse)
    r.daemon.run()
    assert r.snapshots[-1].ready_reason == "draining"


def test_it_is_alive_while_it_waits_for_the_broker(rig, monkeypatch):
    r = rig()
    r.start()
    beats = []

    def refuse(partition):
        r.clock.advance(50_000)
        beats.append(r.daemon.alive())
        if len(beats) == 4:
            r.daemon.stop()
        raise Retryable("nobody answers")

    monkeypatch.setattr(r.source, "resolve_start", refuse)
    monkeypatch.setattr("monitor.daemon.RETRY_S", 0.0)
    r.daemon.run()
    assert beats == [True] * 4
    r.clock.advance(60_001)
    assert not r.daemon.alive()


def test_an_error_of_the_source_is_not_swallowed(rig, monkeypatch):
    r = rig()
    r.start()

    def fail(paused, timeout_s):
        raise SurroundingsError("fenced")

    monkeypatch.setattr(r.source, "poll", fail)
    with pytest.raises(SurroundingsError, match="fenced"):
        r.daemon.run()


# --- ownership


def test_windows_judged_while_a_partition_is_somebody_elses_are_partial(rig):
    r = rig(partitions=(tp(0), tp(1)), plan=make_plan(idle_ms=10**9))
    r.append(seconds(0, 0.5), tp(0))
    r.append(seconds(0), tp(1))
    r.start()
    r.until_end()
    r.source.push(Revoked((tp(1),)))
    r.append(seconds(1.8), tp(0))
    r.rounds(2)
    r.daemon._publish_now()
    assert r.snapshots[-1].last_window.partial
    assert [check.level.name for check in r.snapshots[-1].checks if check.check == "volume"] == ["UNKNOWN"]


def test_a_revoked_partition_is_checkpointed_forgotten_and_returns_from_its_stored_state(rig):
    r = rig(partitions=(tp(0), tp(1)), options=Options(checkpoint_interval_ms=10**9))
    r.append(seconds(0), tp(0))
    r.append(seconds(0, 0.1, 0.2), tp(1))
    r.start()
    r.daemon._checkpointer.caught_up = True
    r.rounds(2)
    before = r.daemon.engine.partitions[tp(1)].head(1_000)
    r.source.push(Revoked((tp(1),)))
    r.rounds(1)
    assert list(r.daemon.engine.partitions) == [tp(0)]
    r.source.push(Assigned((tp(1),)))
    r.rounds(1)
    assert r.daemon.engine.partitions[tp(1)].head(1_000) == before
    assert r.daemon.engine.partitions[tp(1)].panes[T].rows == 3
    assert r.source.sought[-1] == (tp(1), 3)


def test_a_lost_partition_is_read_again_from_the_stored_offset(rig):
    r = rig(options=Options(checkpoint_interval_ms=10**9))
    r.append(seconds(0, 0.1))
    r.start()
    r.rounds(1)
    r.daemon._checkpointer.caught_up = True
    r.rounds(1)
    r.source.push(Revoked((tp(),), lost=True), Assigned((tp(),)))
    r.rounds(2)
    assert r.source.sought == [(tp(), 0), (tp(), 0)]
    r.until_end()
    assert r.daemon.engine.partitions[tp()].records == 2
    assert r.daemon.engine.partitions[tp()].panes[T].rows == 2


def test_rebalances_are_counted(rig):
    r = rig()
    r.start()
    r.source.push(Revoked((tp(),)), Assigned((tp(),)))
    r.rounds(3)
    r.daemon._publish_now()
    assert r.snapshots[-1].rebalances == 3


class Identified(MemorySource):
    """A source whose topic has an identity."""

    identity = "cluster/1"

    def topic_ids(self):
        return {"t": self.identity}


@pytest.mark.parametrize(("policy", "at", "rows"), [("earliest", 0, 4), ("latest", 2, 2)])
def test_a_topic_that_was_created_anew_is_read_anew_and_both_are_durable_together(rig, monkeypatch, policy, at, rows):
    monkeypatch.setattr("tests.support.monitors.MemorySource", Identified)
    r = rig(options=Options(on_out_of_range=policy))
    r.append(seconds(0, 0.1))
    r.start()
    r.until_end()
    monkeypatch.setattr(Identified, "identity", "cluster/2")
    r.log[tp()].clear()
    r.append(seconds(0.2, 0.3))
    for _ in range(2):  # once anew, and then as ever
        r.restart()
        r.until_end()
        assert r.source.sought[0] == (tp(), at)
        state = r.daemon.engine.partitions[tp()]
        assert (state.records, state.next_offset, state.topic_id) == (rows, 2, "cluster/2")
        at = 2
    assert r.daemon.engine.partitions[tp()].panes[T].rows == rows


def test_a_topic_that_was_created_anew_is_refused_where_nothing_may_be_out_of_range(rig, monkeypatch):
    monkeypatch.setattr("tests.support.monitors.MemorySource", Identified)
    r = rig(options=Options(on_out_of_range="fail"))
    r.append(seconds(0))
    r.start()
    r.until_end()
    r.restart()
    r.rounds(1)
    monkeypatch.setattr(Identified, "identity", "cluster/2")
    r.restart()
    with pytest.raises(StoreError, match=r"recreated.*move .* away"):
        r.rounds(1)
    assert r.daemon.engine.partitions == {}
    assert r.source.sought == []
