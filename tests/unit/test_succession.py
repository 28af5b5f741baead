"""A daemon that goes on by another plan: when it does, what it keeps, and what makes it stay as it is."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from monitor.checks import RangeSpec, VolumeSpec
from monitor.detectors.psi import PsiSpec
from monitor.errors import Retryable, StoreError
from monitor.store.outbox import Outbox, SinkRoute
from monitor.types import Assigned, Revoked
from tests.support.monitors import BROKEN, FIELDS, FIRST_MS, Letters, Rig, make_baseline, make_plan, record, tp

T = FIRST_MS
BASELINE = make_baseline()


def plan(name="one", **changes):
    made = make_plan(
        **{"idle_ms": 10_000, "baseline": BASELINE, "detectors": {"amount": (PsiSpec(min_rows=1),)}} | changes
    )
    return replace(made, config_hash=name)


LOUD = plan(row_checks=(RangeSpec(field="amount", max=1.0),))


@pytest.fixture
def rig(tmp_path):
    """Return a rig whose store is closed in the end."""
    rigs = []

    def make(**parts):
        rigs.append(Rig(tmp_path, **({"plan": plan()} | parts)))
        with capture_logs():
            rigs[-1].start()
        return rigs[-1]

    with capture_logs():
        yield make
    for made in rigs:
        made.crash()


def seconds(*at, amount=20.0):
    return [record(T + round(s * 1_000), amount) for s in at]


def waiting(rig, sink="pager"):
    with closing(Outbox(rig.store.path)) as outbox:
        return [(item.alert.status, item.alert.labels["rule"]) for item in outbox.due(sink, 0, 100)]


# --- when


def test_it_takes_effect_between_two_rounds(rig):
    r = rig()
    r.append(seconds(0, 0.5))
    r.until_end()
    before = r.daemon.engine
    result = r.succeed(plan("two"))
    assert r.daemon.engine is before
    assert not result.done()
    r.rounds(1)
    assert r.daemon.engine is not before
    assert result.result(0).config_hash == "two"
    assert r.daemon.engine.partitions[tp()].records == 2


def test_before_any_partition_is_assigned_it_is_taken_at_once(rig):
    r = rig(partitions=())
    result = r.succeed(plan("two"))
    r.rounds(1)
    assert result.result(0).config_hash == "two"
    assert r.daemon.engine.partitions == {}


def test_what_is_assigned_in_the_same_round_is_restored_for_the_new_plan(rig):
    r = rig()
    r.append(seconds(0, 1, 2))
    result = r.succeed(plan("two"))
    r.until_end()
    assert result.done()
    assert r.daemon.engine.partitions[tp()].records == 3
    assert r.daemon.engine.plan.config_hash == "two"


def test_while_the_broker_is_away_it_is_taken_at_once(rig):
    r = rig()
    r.append(seconds(0, 1))
    r.until_end()
    r.source.answers = False
    result = r.succeed(plan("two"))
    r.rounds(1)
    assert result.done()


def test_while_catching_up_it_is_taken_and_notifications_stay_held(rig):
    r = rig(max_poll_records=1)
    r.append(seconds(0, 1, 2, 3))
    r.rounds(3)
    result = r.succeed(plan("two"))
    r.rounds(1)
    assert result.done()
    assert "release" not in r.bell.heard
    assert not r.snapshots[-1].caught_up
    r.until_end()
    r.clock.advance(1_000)
    r.rounds(3)
    assert r.bell.heard.count("release") == 1


def test_dead_letters_that_nobody_acknowledged_hold_it_up_and_then_it_is_taken(rig):
    letters = Letters()
    r = rig(letters=letters)
    r.append([BROKEN, *seconds(0, 1)])
    r.rounds(1)
    letters.acknowledging = False
    r.rounds(2)
    result = r.succeed(plan("two"))
    r.rounds(3)
    assert not result.done()
    assert r.daemon.engine.plan.config_hash == "one"
    letters.acknowledging = True
    r.clock.advance(1_000)
    r.rounds(1)
    assert result.done()


def test_one_that_somebody_else_claimed_is_dropped(rig):
    r = rig()
    result = r.succeed(plan("two"))
    claimed = r.daemon.succession.next
    assert claimed.claim()
    r.rounds(2)
    assert not result.done()
    assert r.daemon.engine.plan.config_hash == "one"
    later = r.succeed(plan("three"))
    r.rounds(1)
    assert later.result(0).config_hash == "three"


def test_once_it_drains_nothing_is_taken(rig):
    r = rig()
    r.rounds(1)
    first = r.succeed(plan("two"))
    r.daemon._drain()
    second = r.succeed(plan("three"))
    for result in (first, second):
        with pytest.raises(Retryable, match="draining"):
            result.result(0)
    assert r.daemon.engine.plan.config_hash == "one"


@pytest.mark.parametrize("error", [StoreError("damaged"), Retryable("locked")])
def test_where_the_state_cannot_be_restored_the_old_one_goes_on_untouched(rig, monkeypatch, error):
    r = rig()
    r.append(seconds(0, 0.1, 0.2))
    r.until_end()
    before = r.daemon.engine

    def refuse(*args):
        raise error

    monkeypatch.setattr(r.store, "panes", refuse)
    result = r.succeed(plan("two"))
    r.rounds(1)
    assert result.exception(0) is error
    assert r.daemon.engine is before
    monkeypatch.undo()
    r.append(seconds(0.3, 2))
    r.until_end()
    assert [rows for _, _, _, rows, *_ in r.store.windows()] == [4]


# --- what it keeps


def test_partitions_know_of_the_broker_what_they_knew(rig):
    r = rig()
    r.append(seconds(0, 1))
    r.until_end()
    r.clock.advance(7_000)
    r.rounds(1)
    before = r.daemon.engine.partitions[tp()]
    r.succeed(plan("two"))
    r.rounds(1)
    after = r.daemon.engine.partitions[tp()]
    assert after is not before
    assert (after.end_offset, after.quiet_since_ms, after.caught_up) == (2, before.quiet_since_ms, True)
    r.clock.advance(4_000)
    r.rounds(1)
    assert after.idle(10_000, r.clock.now_ms())
    assert r.source.sought == [(tp(), 0)]


def test_the_last_window_is_still_shown_without_what_is_gone(rig):
    detectors = {"amount": (PsiSpec(min_rows=1),), "country": (PsiSpec(min_rows=1),)}
    r = rig(plan=plan(detectors=detectors))
    r.append([*seconds(*(i / 50 for i in range(50))), *seconds(2)])
    r.until_end()
    assert {view.field for view in r.snapshots[-1].fields} == {"amount", "country"}
    failures = {c.check: c.failures_total for c in r.snapshots[-1].checks}
    r.succeed(plan("two", fields={"amount": FIELDS["amount"]}, row_checks=(RangeSpec(field="amount", max=500.0),)))
    r.rounds(1)
    shown = r.snapshots[-1]
    assert shown.config_hash == "two"
    assert {view.field for view in shown.fields} == {"amount"}
    assert {view.field for view in shown.verdicts} == {"amount"}
    assert {view.field for view in shown.profiles} == {"amount"}
    assert shown.last_window is not None
    assert {c.check: c.failures_total for c in shown.checks} == {
        name: failures[name] for name in ("amount.range", "volume")
    }


def test_a_firing_alert_fires_on_and_one_whose_rule_is_gone_resolves(rig):
    r = rig(plan=replace(LOUD, window_checks=(VolumeSpec(min_per_window=50).build(),)))
    r.append(seconds(0, 0.5, 2))
    r.until_end()
    assert {a.labels["rule"] for a in r.daemon.engine.book.firing()} == {"amount.range", "volume"}
    r.succeed(replace(LOUD, window_checks=(), config_hash="two"))
    r.rounds(1)
    assert [a.labels["rule"] for a in r.daemon.engine.book.firing()] == ["amount.range"]
    assert waiting(r)[-1] == ("resolved", "volume")
    assert [a.labels["rule"] for a in r.snapshots[-1].alerts] == ["amount.range"]


def test_what_waits_for_a_sink_that_is_gone_keeps_its_place_and_new_sinks_hear_from_now_on(rig):
    r = rig(plan=LOUD)
    r.append(seconds(0, 0.5, 2))
    r.until_end()
    assert waiting(r) == [("firing", "amount.range")]
    r.succeed(replace(LOUD, row_checks=(), config_hash="two"), routes=(SinkRoute("other"),))
    r.rounds(1)
    assert waiting(r) == [("firing", "amount.range")]
    assert waiting(r, "other") == [("resolved", "amount.range")]


def test_a_partition_that_is_given_up_afterwards_comes_back_as_it_was(rig):
    r = rig()
    r.append(seconds(0, 0.1))
    r.until_end()
    r.succeed(plan("two"))
    r.rounds(1)
    r.source.push(Revoked((tp(),), lost=False))
    r.rounds(1)
    assert r.daemon.engine.partitions == {}
    r.source.push(Assigned((tp(),)))
    r.append(seconds(0.2, 2))
    r.until_end()
    assert [rows for _, _, _, rows, *_ in r.store.windows()] == [3]


# --- what it says


def test_the_epoch_is_kept_while_nothing_changes_and_a_change_is_an_event(rig):
    r = rig()
    r.rounds(1)
    r.clock.advance(5_000)
    r.restart()
    r.rounds(1)
    assert (r.snapshots[-1].epoch.config_hash, r.snapshots[-1].epoch.since_ms) == ("one", T)
    r.succeed(plan("two"), changes=("drift[psi].warning: 0.1 -> 0.2",))
    r.rounds(1)
    epoch = r.snapshots[-1].epoch
    assert (epoch.config_hash, epoch.since_ms) == ("two", T + 5_000)
    assert epoch.changes == ("drift[psi].warning: 0.1 -> 0.2",)
    line = json.loads(r.store.events()[-1].line)
    assert line == {
        "kind": "configuration", "monitor": "m", "at_ms": T + 5_000, "hash": "two", "previous": "one",
        "reason": "reload", "changes": ["drift[psi].warning: 0.1 -> 0.2"],
    }  # fmt: skip
    r.clock.advance(5_000)
    r.restart()
    r.rounds(1)
    assert r.snapshots[-1].epoch == epoch
    assert len(r.store.events()) == 2  # with the one of the first baseline


def test_another_baseline_is_an_epoch_and_the_event_says_that_a_reload_brought_it(rig):
    r = rig()
    r.rounds(1)
    other = make_baseline([record(T + i, float(i)) for i in range(300)])
    r.succeed(plan(baseline=other))
    r.rounds(1)
    assert r.snapshots[-1].epoch.baseline_version == other.version
    assert [json.loads(event.line)["reason"] for event in r.store.events()] == ["first", "reload with another version"]
    assert r.snapshots[-1].epoch.changes == (f"baseline version: {BASELINE.version[:12]} -> {other.version[:12]}",)


def test_a_restart_says_what_changed_from_the_stored_configuration(rig):
    r = rig()
    r.succeed(plan("two"), configuration='{"limits": {"max_series": 1}}', changes=("x: 1 -> 2",))
    r.rounds(1)
    r.plan = plan("three")
    r.crash()
    with capture_logs():
        r.start(configuration='{"limits": {"max_series": 2}}')
        r.rounds(1)
    assert r.snapshots[-1].epoch.changes == ("limits.max_series: 1 -> 2",)
    assert json.loads(r.store.events()[-1].line)["reason"] == "restart"
