"""The dispatcher: order, back-off, re-sends, holding, closing."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from monitor.alert_views import HeldView
from monitor.alerting.holding import Gate
from monitor.alerting.inhibition import inhibitions
from monitor.alerting.matching import parse_matchers
from monitor.alerting.schedule import MaintenanceWindow, Once
from monitor.alerting.silence import Silence
from monitor.clock import ManualClock, SystemClock
from monitor.dispatcher import LONGEST_IDLE_S, Dispatcher, Outlet
from monitor.errors import Retryable, Undeliverable
from monitor.gating import Gatekeeper, Silencer
from monitor.sinks.breaker import LONGEST_BACK_OFF_S, OPEN_AFTER
from monitor.store.outbox import Outbox, SinkRoute, create_tables, put
from monitor.store.silences import Silences
from monitor.types import Alert
from tests.support.alerts import an_alert

FIRING, RESOLVED = an_alert(), an_alert(status="resolved")
CRITICAL = an_alert("country", severity="critical")


class FakeSink:
    """Remembers what it got, or raises what it is told to."""

    def __init__(self, name: str = "hook", resend_interval_ms: int | None = None) -> None:
        self.name = name
        self.resend_interval_ms = resend_interval_ms
        self.attempts: list[list[Alert]] = []
        self.got: list[Alert] = []
        self.failure: Exception | None = None
        self.on_deliver: Callable[[], object] = lambda: None
        self.closed = 0
        self.delivered = threading.Event()

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        self.attempts.append(list(alerts))
        self.on_deliver()
        if self.failure is not None:
            raise self.failure
        self.got += alerts
        self.delivered.set()

    def close(self) -> None:
        self.closed += 1


class Bench:
    """An engine's connection, a dispatcher, and a clock that is moved by hand."""

    def __init__(
        self, path: Path, *sinks: FakeSink, min_severity: Any = "warning", after_ms: int = 0, gate: Gate | None = None
    ) -> None:
        self.path = path
        self.sinks = sinks
        self.routes = [SinkRoute(sink.name, min_severity, after_ms, 0) for sink in sinks]
        self.clock = ManualClock(1_700_000_000_000)
        self.engine = sqlite3.connect(path, isolation_level=None)
        create_tables(self.engine)
        self.outbox = Outbox(path)
        outlets = [Outlet(sink, route) for sink, route in zip(sinks, self.routes, strict=True)]
        self.silences = Silences(path)
        self.keeper = Gatekeeper(gate, self.silences)
        self.dispatcher = Dispatcher(self.outbox, outlets, self.clock, random.Random(1), self.keeper)

    def silence(self, *matchers: str, for_ms: int = 60_000) -> Silence:
        silencer = Silencer(self.silences, self.clock, self.dispatcher.wake)
        now_ms = self.clock.now_ms()
        return silencer.add(parse_matchers(matchers), now_ms, now_ms + for_ms, reason="reload", author="ada")

    def commit(self, *alerts: Alert, collapse: bool = False) -> None:
        self.engine.execute("BEGIN IMMEDIATE")
        put(self.engine, self.routes, alerts, collapse=collapse, now_ms=self.clock.now_ms())
        self.engine.execute("COMMIT")


Build = Callable[..., Bench]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Build]:
    built: list[Bench] = []

    def build(*sinks: FakeSink, **settings: Any) -> Bench:
        built.append(Bench(tmp_path / "state.sqlite", *sinks, **settings))
        return built[-1]

    yield build
    for one in built:
        one.dispatcher.close(60.0)
        one.engine.close()


def test_what_is_committed_is_delivered_once_in_order(bench: Build) -> None:
    sink = FakeSink()
    b = bench(sink)
    b.commit(FIRING, CRITICAL)
    b.commit(RESOLVED)
    assert b.dispatcher.round() == LONGEST_IDLE_S
    b.dispatcher.round()
    assert sink.attempts == [[FIRING, CRITICAL, RESOLVED]]
    assert b.dispatcher.notifications == {("hook", "delivered"): 3, ("hook", "retried"): 0, ("hook", "refused"): 0}
    assert b.dispatcher.outbox_size == {"hook": 0}


def test_a_failing_sink_is_tried_again_later_and_later_with_jitter(bench: Build) -> None:
    sink = FakeSink()
    sink.failure = Retryable("down")
    b = bench(sink)
    b.commit(FIRING)
    waits_s = []
    for _ in range(20):
        waits_s.append(b.dispatcher.round())
        b.dispatcher.round()
        b.clock.advance(round(waits_s[-1] * 1000) + 1)
    assert len(sink.attempts) == 20
    assert all(0 < wait_s <= min(2.0**i, LONGEST_BACK_OFF_S) for i, wait_s in enumerate(waits_s))
    assert len(set(waits_s)) == 20
    assert max(waits_s) > LONGEST_BACK_OFF_S / 2
    assert b.dispatcher.notifications["hook", "retried"] == 20
    assert b.dispatcher.outbox_size == {"hook": 1}
    sink.failure = None
    b.dispatcher.round()
    assert sink.got == [FIRING]


def test_success_starts_the_back_off_from_the_beginning(bench: Build) -> None:
    sink = FakeSink()
    b = bench(sink)
    sink.failure = Retryable("down")
    b.commit(FIRING)
    for _ in range(10):
        b.clock.advance(round(b.dispatcher.round() * 1000) + 1)
    sink.failure = None
    b.dispatcher.round()
    sink.failure = Retryable("down")
    b.commit(RESOLVED)
    assert b.dispatcher.round() <= 1.0


def test_a_sink_that_says_when_to_come_back_is_obeyed(bench: Build) -> None:
    sink = FakeSink()
    sink.failure = Retryable("busy", retry_after_s=120)
    b = bench(sink)
    b.commit(FIRING)
    assert b.dispatcher.round() == 120
    b.clock.advance(119_999)
    b.dispatcher.round()
    assert len(sink.attempts) == 1
    b.clock.advance(1)
    b.dispatcher.round()
    assert len(sink.attempts) == 2


def test_a_failing_sink_does_not_delay_another(bench: Build) -> None:
    dead, living = FakeSink("dead"), FakeSink("living")
    dead.failure = Retryable("down")
    b = bench(dead, living)
    for alert in (FIRING, RESOLVED):
        b.commit(alert)
        b.dispatcher.round()
    assert living.got == [FIRING, RESOLVED]
    assert dead.attempts == [[FIRING]]


def test_order_is_kept_across_a_failure_and_a_restart(bench: Build) -> None:
    sink = FakeSink()
    sink.failure = Retryable("down")
    b = bench(sink)
    b.commit(FIRING)
    b.dispatcher.round()
    b.commit(RESOLVED)
    sink.failure = None
    again = bench(sink)
    again.clock.set(b.clock.now_ms())
    assert 0 < again.dispatcher.round() <= 1.0, "what was postponed before the restart would wait for no reason"
    assert sink.got == []
    again.clock.advance(1_001)
    again.dispatcher.round()
    assert sink.got == [FIRING, RESOLVED]


def test_only_the_refused_of_a_batch_are_put_aside(bench: Build) -> None:
    sink = FakeSink()
    sink.failure = Undeliverable("bad label", positions=[1])
    b = bench(sink)
    b.commit(FIRING, CRITICAL, RESOLVED)
    with capture_logs() as logs:
        b.dispatcher.round()
    assert [(refused.alert, refused.error) for refused in b.outbox.refused()] == [(CRITICAL, "bad label")]
    assert b.dispatcher.notifications["hook", "refused"] == 1
    assert b.dispatcher.notifications["hook", "delivered"] == 2
    assert b.outbox.sizes() == {}
    (log,) = logs
    assert (log["event"], log["fingerprints"]) == ("notification_refused", ["fp-country"])


def test_a_batch_that_is_refused_without_saying_which_is_sent_one_by_one(bench: Build) -> None:
    sink = FakeSink()
    b = bench(sink)

    def refuse_country() -> None:
        bad = any(alert.labels["field"] == "country" for alert in sink.attempts[-1])
        sink.failure = Undeliverable("HTTP 422") if bad else None

    sink.on_deliver = refuse_country
    b.commit(FIRING, CRITICAL, RESOLVED)
    while b.dispatcher.round() == 0.0:
        pass
    assert sink.got == [FIRING, RESOLVED]
    assert [refused.alert for refused in b.outbox.refused()] == [CRITICAL]
    b.commit(FIRING, an_alert("note"))
    b.dispatcher.round()
    assert sink.attempts[-1] == [FIRING, an_alert("note")]


def test_an_alert_replaced_during_its_delivery_is_delivered_too(bench: Build) -> None:
    sink = FakeSink()
    b = bench(sink)
    newer = an_alert(starts_at_ms=5)
    b.commit(FIRING)
    sink.on_deliver = lambda: b.commit(newer)
    b.dispatcher.round()
    sink.on_deliver = lambda: None
    b.dispatcher.round()
    assert sink.got == [FIRING, newer]


def test_a_long_queue_is_delivered_in_turns(bench: Build) -> None:
    one, two = FakeSink("one"), FakeSink("two")
    b = bench(one, two)
    b.commit(*(an_alert(f"f{i}") for i in range(250)))
    assert b.dispatcher.round() == 0.0
    assert (len(one.got), len(two.got)) == (100, 100)
    while b.dispatcher.round() == 0.0:
        pass
    assert [len(attempt) for attempt in one.attempts] == [100, 100, 50]


def test_what_fires_is_sent_again_to_a_sink_that_wants_it(bench: Build) -> None:
    sink, once = FakeSink("am", 60_000), FakeSink("hook")
    b = bench(sink, once)
    b.commit(FIRING, CRITICAL)
    b.dispatcher.round()
    sink.attempts.clear()
    b.clock.advance(59_999)
    assert b.dispatcher.round() == pytest.approx(0.001, abs=1e-6)
    assert sink.attempts == []
    b.clock.advance(1)
    b.dispatcher.round()
    assert sink.attempts == [[FIRING, CRITICAL]]
    b.commit(RESOLVED)
    b.clock.advance(60_000)
    b.dispatcher.round()
    assert sink.attempts[1:] == [[CRITICAL], [RESOLVED]]
    assert once.attempts == [[FIRING, CRITICAL], [RESOLVED]]
    assert b.dispatcher.notifications["am", "delivered"] == 3


def test_what_fires_is_sent_again_at_once_after_a_restart(bench: Build) -> None:
    sink = FakeSink("am", 60_000)
    b = bench(sink)
    b.commit(FIRING)
    b.dispatcher.round()
    again = bench(sink)
    again.dispatcher.round()
    assert sink.attempts[-1] == [FIRING]


def test_what_is_below_a_sinks_severity_is_not_sent_again(bench: Build) -> None:
    sink = FakeSink("am", 60_000)
    b = bench(sink, min_severity="critical")
    b.commit(FIRING, CRITICAL)
    b.dispatcher.round()
    b.clock.advance(60_000)
    b.dispatcher.round()
    assert sink.attempts == [[CRITICAL], [CRITICAL]]


def test_a_failing_resend_backs_off_and_is_counted(bench: Build) -> None:
    sink = FakeSink("am", 60_000)
    b = bench(sink)
    b.commit(FIRING)
    b.dispatcher.round()
    sink.failure = Retryable("down", retry_after_s=10)
    b.clock.advance(60_000)
    assert b.dispatcher.round() == 10
    assert b.dispatcher.notifications["am", "retried"] == 1
    sink.failure = Undeliverable("HTTP 401")
    b.clock.advance(10_000)
    b.dispatcher.round()
    assert b.dispatcher.notifications["am", "refused"] == 1
    assert b.outbox.firing() == [FIRING]
    assert b.outbox.refused() == []


def test_while_held_nothing_new_is_sent_but_what_was_told_is_kept_alive(bench: Build) -> None:
    sink = FakeSink("am", 60_000)
    b = bench(sink)
    b.commit(FIRING)
    b.dispatcher.round()
    b.dispatcher.hold()
    b.commit(CRITICAL, collapse=True)
    b.clock.advance(60_000)
    b.dispatcher.round()
    assert sink.attempts[-1] == [FIRING]
    assert CRITICAL not in sink.got
    b.commit(an_alert("country", "resolved", "critical"), RESOLVED, collapse=True)
    b.dispatcher.release()
    b.dispatcher.round()
    assert sink.attempts[-1] == [RESOLVED]


def test_a_locked_store_delays_but_loses_nothing(bench: Build) -> None:
    sink = FakeSink()
    b = bench(sink)
    b.commit(FIRING)
    b.outbox._file.connection.execute("PRAGMA busy_timeout = 10")
    sink.on_deliver = lambda: b.engine.execute("BEGIN IMMEDIATE")
    with capture_logs() as logs:
        wait_s = b.dispatcher.round()
    assert {log["event"] for log in logs} == {"notification_postponed", "outbox_unavailable"}
    b.engine.execute("ROLLBACK")
    sink.on_deliver = lambda: None
    b.clock.advance(round(wait_s * 1000) + 1)
    b.dispatcher.round()
    assert sink.attempts == [[FIRING], [FIRING]]


def test_close_sends_what_is_due_then_closes_everything(bench: Build) -> None:
    sink = FakeSink()
    b = bench(sink)
    b.commit(*(an_alert(f"f{i}") for i in range(150)))
    b.dispatcher.start()
    assert b.dispatcher.close(60.0)
    assert b.dispatcher.close(60.0)
    assert (len(sink.got), sink.closed) == (150, 1)


def test_close_while_held_leaves_everything_for_the_next_start(bench: Build) -> None:
    sink = FakeSink()
    b = bench(sink)
    b.dispatcher.hold()
    b.commit(FIRING)
    b.dispatcher.start()
    b.dispatcher.close(60.0)
    assert sink.got == []
    again = bench(sink)
    again.dispatcher.round()
    assert sink.got == [FIRING]


def test_close_without_start_sends_nothing(bench: Build) -> None:
    sink = FakeSink()
    b = bench(sink)
    b.commit(FIRING)
    assert b.dispatcher.close(60.0)
    assert (sink.got, sink.closed) == ([], 1)


def test_the_thread_delivers_when_woken_and_ends_when_closed(tmp_path: Path) -> None:
    sink = FakeSink()
    b = Bench(tmp_path / "state.sqlite", sink)
    dispatcher = Dispatcher(b.outbox, [Outlet(sink, b.routes[0])], SystemClock(), random.Random(1))
    dispatcher.start()
    assert dispatcher.alive
    for alert in (FIRING, RESOLVED):
        sink.delivered.clear()
        b.commit(alert)
        dispatcher.wake()
        assert sink.delivered.wait(60.0)
    b.commit(CRITICAL)
    assert dispatcher.close(60.0)
    assert not dispatcher.alive
    assert sink.got == [FIRING, RESOLVED, CRITICAL]
    assert sink.closed == 1
    b.engine.close()


def test_close_does_not_wait_longer_than_told_for_a_sink_that_hangs(tmp_path: Path) -> None:
    sink = FakeSink()
    hanging, entered = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        hanging.wait(60.0)

    sink.on_deliver = hang
    b = Bench(tmp_path / "state.sqlite", sink)
    b.commit(FIRING)
    b.dispatcher.start()
    assert entered.wait(60.0)
    assert not b.dispatcher.close(0.05)
    hanging.set()
    assert b.dispatcher.close(60.0)
    b.engine.close()


def test_what_was_delivered_before_a_failure_is_not_sent_again(bench: Build) -> None:
    sink = FakeSink()
    sink.failure = Retryable("busy", delivered={0})
    b = bench(sink)
    b.commit(FIRING, CRITICAL)
    wait_s = b.dispatcher.round()
    assert b.dispatcher.notifications == {("hook", "delivered"): 1, ("hook", "retried"): 1, ("hook", "refused"): 0}
    sink.failure = None
    b.clock.advance(round(wait_s * 1000) + 1)
    b.dispatcher.round()
    assert sink.attempts == [[FIRING, CRITICAL], [CRITICAL]]


def test_a_sink_that_is_down_says_so_until_it_takes_something(bench: Build) -> None:
    sink, other = FakeSink(), FakeSink("other")
    sink.failure = Retryable("down")
    b = bench(sink, other)
    b.commit(FIRING)
    with capture_logs() as logs:
        for _ in range(OPEN_AFTER):
            assert b.dispatcher.sink_open == {"hook": 0, "other": 0}
            b.dispatcher.round()
            b.clock.advance(round(b.dispatcher.round() * 1000) + 1)
        assert b.dispatcher.sink_open == {"hook": 1, "other": 0}
        sink.failure = None
        b.dispatcher.round()
    assert b.dispatcher.sink_open == {"hook": 0, "other": 0}
    assert [log["event"] for log in logs if log["event"].startswith("sink_")] == ["sink_opened", "sink_closed"]


def test_finding_nothing_due_does_not_start_the_back_off_again(bench: Build) -> None:
    sink = FakeSink()
    sink.failure = Retryable("down")
    b = bench(sink)
    b.commit(FIRING)
    for _ in range(OPEN_AFTER):
        b.clock.advance(round(b.dispatcher.round() * 1000) + 1)
    b.engine.execute("UPDATE outbox SET next_attempt_ms = ?", (b.clock.now_ms() + 60_000,))
    b.dispatcher.round()
    assert b.dispatcher.sink_open == {"hook": 1}


def test_a_silenced_alert_is_told_at_the_end_of_the_silence_if_it_still_fires(bench: Build) -> None:
    sink = FakeSink()
    b = bench(sink)
    one = b.silence("field=amount", for_ms=20_000)
    b.commit(FIRING, CRITICAL)
    assert b.dispatcher.round() == 20.0, "it comes back when the silence ends"
    assert sink.got == [CRITICAL]
    now = b.dispatcher.held
    assert now.notifications["hook", "silence"] == 1
    assert now.alerts == {("fp-amount", "warning"): (HeldView("silence", one.id, "reload", one.ends_at_ms, ("hook",)),)}
    assert now.silences == {"pending": 0, "active": 1, "expired": 0}
    assert [(mute.name, mute.matchers) for mute in now.muted] == [(one.id, ('field="amount"',))]
    b.clock.advance(20_000)
    b.dispatcher.round()
    assert sink.got == [CRITICAL, FIRING]
    assert b.dispatcher.held.silences == {"pending": 0, "active": 0, "expired": 1}
    b.dispatcher.round()
    assert len(sink.attempts) == 2


def test_an_alert_that_ends_behind_a_silence_is_never_told_also_over_a_restart(bench: Build) -> None:
    sink = FakeSink()
    b = bench(sink)
    b.silence("field=amount")
    b.commit(FIRING)
    b.dispatcher.round()
    again = bench(sink)
    again.clock.advance(1_000)
    again.dispatcher.round()
    again.commit(RESOLVED)
    again.clock.advance(120_000)
    again.dispatcher.round()
    assert sink.attempts == []


def test_what_was_told_before_a_silence_is_kept_alive_and_its_end_is_told(bench: Build) -> None:
    sink = FakeSink("am", 10_000)
    b = bench(sink)
    b.commit(FIRING)
    b.dispatcher.round()
    b.silence("monitor=payments")
    b.commit(CRITICAL)
    b.clock.advance(10_000)
    b.dispatcher.round()
    assert sink.attempts == [[FIRING], [FIRING]]
    b.commit(RESOLVED)
    b.dispatcher.round()
    assert sink.attempts[2:] == [[RESOLVED]]


def test_what_something_worse_explains_waits_until_that_is_over(bench: Build) -> None:
    sink = FakeSink()
    b = bench(sink, gate=Gate((), inhibitions([], [])))
    worse = replace(an_alert("amount", severity="critical", extra={"rule": "ks"}), fingerprint="fp-ks")
    b.commit(FIRING, worse)
    b.dispatcher.round()
    assert sink.got == [worse]
    assert b.dispatcher.held.notifications["hook", "inhibition"] == 1
    over = replace(worse, status="resolved", ends_at_ms=worse.starts_at_ms)
    b.commit(over)
    b.dispatcher.round()
    assert sink.got == [worse, FIRING, over]


def test_what_is_held_follows_another_configuration(bench: Build) -> None:
    sink = FakeSink()
    b = bench(sink, gate=Gate((MaintenanceWindow("load", parse_matchers(["field=amount"]), Once(0, 1 << 50), "x"),)))
    b.commit(FIRING)
    b.dispatcher.round()
    assert b.dispatcher.held.notifications["hook", "maintenance"] == 1
    b.keeper.follow(Gate())
    b.dispatcher.round()
    assert sink.got == [FIRING]


def test_a_second_on_call_is_told_of_what_has_fired_long_enough(bench: Build) -> None:
    sink = FakeSink("second")
    b = bench(sink, after_ms=20_000)
    b.commit(FIRING, CRITICAL, an_alert("items"))
    assert b.dispatcher.round() == 20.0
    assert sink.got == [CRITICAL]
    assert b.dispatcher.held.alerts["fp-amount", "warning"][0].kind == "after"
    b.clock.advance(10_000)
    b.commit(an_alert("items", "resolved"))
    again = bench(sink, after_ms=20_000)
    again.clock.set(b.clock.now_ms())
    again.dispatcher.round()
    assert sink.got == [CRITICAL]
    again.clock.advance(10_000)
    again.dispatcher.round()
    assert sink.got == [CRITICAL, FIRING], "what ended before its time is not told of"


# --- other sinks while it runs


def test_sinks_are_exchanged_and_those_that_stay_go_on_as_they_are(bench: Build) -> None:
    old, kept, new = FakeSink("old"), FakeSink("kept"), FakeSink("new")
    kept.failure = Retryable("down")
    b = bench(old, kept)
    b.commit(FIRING)
    b.dispatcher.round()
    outlets = [channel.outlet for channel in b.dispatcher._channels]
    b.dispatcher.exchange([outlets[1], Outlet(new, SinkRoute("new"))])
    assert (old.closed, new.attempts) == (0, [])
    b.dispatcher.round()
    assert (old.closed, kept.closed, old.got) == (1, 0, [FIRING])
    assert len(kept.attempts) == 1, "it is still left alone"
    assert set(b.dispatcher.notifications) == {
        (s, o) for s in ("kept", "new") for o in ("delivered", "retried", "refused")
    }
    assert b.dispatcher.notifications["kept", "retried"] == 1
    assert set(b.dispatcher.sink_open) == {"kept", "new"}


def test_a_sink_that_goes_is_tried_once_more_and_the_rest_waits_for_one_of_its_name(bench: Build) -> None:
    old, again = FakeSink("hook"), FakeSink("hook")
    old.failure = Retryable("down")
    b = bench(old)
    b.dispatcher.round()
    b.commit(FIRING)
    b.dispatcher.exchange([])
    b.dispatcher.round()
    assert (len(old.attempts), old.closed) == (1, 1)
    assert b.dispatcher.outbox_size == {"hook": 1}
    b.clock.advance(600_000)
    b.dispatcher.exchange([Outlet(again, b.routes[0])])
    b.dispatcher.round()
    assert again.got == [FIRING]


def test_a_sink_that_keeps_records_goes_on_from_them_once_the_other_one_is_closed(bench: Build) -> None:
    old, new = FakeSink("hook"), FakeSink("hook")
    failures = [Retryable("locked")]
    said: list[int] = []

    def resume() -> None:
        if failures:
            raise failures.pop()
        said.append(old.closed)

    new.resume = resume  # type: ignore[attr-defined]
    b = bench(old)
    b.dispatcher.round()
    b.dispatcher.exchange([Outlet(new, b.routes[0])])
    with capture_logs() as logs:
        b.dispatcher.round()
    assert [line["event"] for line in logs] == ["outbox_unavailable"]
    b.commit(FIRING)
    b.dispatcher.round()
    assert (said, old.got, new.got) == ([1], [], [FIRING])


def test_while_it_holds_a_sink_that_goes_is_told_nothing(bench: Build) -> None:
    old = FakeSink()
    b = bench(old)
    b.commit(FIRING)
    b.dispatcher.hold()
    b.dispatcher.exchange([])
    b.dispatcher.round()
    assert (old.attempts, old.closed) == ([], 1)


def test_sinks_that_were_wanted_and_never_served_are_closed_too(bench: Build) -> None:
    old, new = FakeSink("old"), FakeSink("new")
    b = bench(old)
    b.dispatcher.exchange([Outlet(new, SinkRoute("new"))])
    b.dispatcher.close(60.0)
    assert (old.closed, new.closed) == (1, 1)
