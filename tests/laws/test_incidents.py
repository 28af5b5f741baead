"""What a receiver of incidents believes, whatever fires, fails and is killed."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from monitor.clock import ManualClock
from monitor.dispatcher import Dispatcher, Outlet
from monitor.errors import Retryable
from monitor.incidents import Forgetful, Grouped, Grouping, Ledger, Storm
from monitor.store.incidents import IncidentTable
from monitor.store.outbox import Outbox, SinkRoute, create_tables, put
from monitor.types import Alert

STREAMS = tuple("abcdef")
HOMES = ("", "one", "two", "three")
SEVERITIES: tuple[Literal["warning", "critical"], ...] = ("warning", "critical")


class Killed(BaseException):
    """The process ends here."""


class Fuse:
    """Kills the process after a number of steps; burns no more after that."""

    def __init__(self) -> None:
        self.left: int | None = None

    def burn(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            raise Killed


class Receiver:
    """Somebody's pager: a trigger opens an incident or adds to the open one, a resolve closes it."""

    name = "pager"
    takes_updates = True

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.open: dict[str, str] = {}
        self.opened: Counter[str] = Counter()
        self.told: list[tuple[str, str, str]] = []
        self.failing: tuple[int, bool] | None = None

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        for position, alert in enumerate(alerts):
            if self.failing is not None and position == self.failing[0]:
                self.fail(position)
            self.fuse.burn()
            self.take(alert)
        if self.failing is not None:
            self.fail(len(alerts))

    def fail(self, n: int) -> None:
        """Give no answer after `n` alerts, of which it may have said that it has them."""
        assert self.failing is not None
        raise Retryable("no answer", delivered=range(n) if self.failing[1] else ())

    def take(self, alert: Alert) -> None:
        self.told.append((alert.status, alert.fingerprint, alert.severity))
        if alert.status == "resolved":
            self.open.pop(alert.fingerprint, None)
            return
        self.opened[alert.fingerprint] += alert.fingerprint not in self.open
        self.open[alert.fingerprint] = alert.severity

    def close(self) -> None:
        """Do nothing."""


class KilledTable(IncidentTable):
    """Records of a process that may be killed before and after they are written."""

    fuse: Fuse

    def write(self, ledger: Ledger) -> None:
        self.fuse.burn()
        super().write(ledger)
        self.fuse.burn()


class KilledOutbox(Outbox):
    """An outbox of a process that may be killed before it hears what was delivered."""

    fuse: Fuse

    def delivered(self, ids: Sequence[int]) -> None:
        self.fuse.burn()
        super().delivered(ids)


class Truth:
    """What fires, the transitions that lead there, and how often an incident began."""

    def __init__(self) -> None:
        self.firing: dict[str, Alert] = {}
        self.incidents: dict[str, str] = {}
        self.begun = 0
        self.now_ms = 1_700_000_000_000

    def changes(self, changes: Sequence[tuple[str, Any, str]]) -> list[Alert]:
        """Return what an alert book would say of one window."""
        before = set(self.incidents.values())
        alerts = [alert for change in changes for alert in self.change(*change)]
        self.incidents = {stream: home for stream, home in self.incidents.items() if stream in self.firing}
        self.begun += len(set(self.incidents.values()) - before)
        return alerts

    def change(self, stream: str, to: Literal["warning", "critical", "ok"], incident: str) -> list[Alert]:
        """Return what an alert book would say when a stream becomes `to`."""
        self.now_ms += 60_000
        before = self.firing.pop(stream, None)
        if before is not None and before.severity == to:
            self.firing[stream] = before
            return []
        told = [] if before is None else [replace(before, status="resolved", ends_at_ms=self.now_ms)]
        if to == "ok":
            return told
        if before is not None:
            incident = before.annotations.get("incident", "")
        words = {"summary": f"{stream} is {to}"} | ({"incident": incident} if incident else {})
        starts_at_ms = self.now_ms if before is None else before.starts_at_ms
        if before is None:
            self.incidents[stream] = incident or stream
        labels = {"alertname": "DriftlineDrift", "monitor": "m", "rule": "psi", "field": stream, "severity": to}
        self.firing[stream] = Alert("firing", f"fp-{stream}", to, starts_at_ms, None, labels, words)
        return [*told, self.firing[stream]]


class Killable(RuleBasedStateMachine):
    """A dispatcher, its outbox and a grouped sink, all of which may be killed between any two steps."""

    @initialize(most=st.sampled_from([None, 1, 3]), group_by=st.sampled_from(["incident", "incident", "alert"]))
    def begin(self, most: int | None, group_by: Any) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "state.sqlite"
        most = 3 if group_by == "alert" else most
        self.grouping = Grouping(group_by, Storm(most, 600_000) if most else None, updates=True)
        self.clock, self.truth, self.fuse = ManualClock(1_700_000_000_000), Truth(), Fuse()
        self.receiver = Receiver(self.fuse)
        self.engine = sqlite3.connect(self.path, isolation_level=None)
        create_tables(self.engine)
        self.route = SinkRoute("pager")
        self.start()

    def start(self) -> None:
        table, self.outbox = KilledTable(self.path, "pager"), KilledOutbox(self.path)
        table.fuse = self.outbox.fuse = self.fuse
        self.sink = Grouped(self.receiver, self.grouping, table)
        self.dispatcher = Dispatcher(self.outbox, [Outlet(self.sink, self.route)], self.clock, random.Random(1))

    @rule(
        changes=st.lists(
            st.tuples(st.sampled_from(STREAMS), st.sampled_from([*SEVERITIES, "ok"]), st.sampled_from(HOMES)),
            min_size=1,
            max_size=4,
        ),
        collapse=st.sampled_from([False, False, True]),
    )
    def something_changes(self, changes: list[tuple[str, Any, str]], collapse: bool) -> None:
        alerts = self.truth.changes(changes)
        self.engine.execute("BEGIN IMMEDIATE")
        put(self.engine, [self.route], alerts, collapse=collapse)
        self.engine.execute("COMMIT")

    @rule(seconds=st.integers(1, 400))
    def time_passes_and_the_dispatcher_works(self, seconds: int) -> None:
        self.clock.advance(seconds * 1000)
        self.work()

    @rule(steps=st.integers(0, 12))
    def it_is_killed_at_work(self, steps: int) -> None:
        self.fuse.left = steps
        self.clock.advance(400_000)
        self.work()
        self.fuse.left = None

    @rule(after=st.integers(0, 3), says=st.booleans())
    def the_receiver_begins_to_fail(self, after: int, says: bool) -> None:
        self.receiver.failing = (after, says)

    @rule()
    def the_receiver_works_again(self) -> None:
        self.receiver.failing = None

    def work(self) -> None:
        try:
            while self.dispatcher.round() == 0.0:
                pass
        except Killed:
            self.dispatcher.close(1.0)
            self.start()

    def settle(self) -> None:
        self.receiver.failing = self.fuse.left = None
        for _ in range(3):
            self.clock.advance(7 * 3_600_000)
            self.work()

    @rule()
    def in_the_end_what_is_open_is_what_fires(self) -> None:
        self.settle()
        assert self.outbox.sizes() == {}
        members = [
            (member.alert.fingerprint, member.alert.severity, incident.key)
            for incident in self.sink._ledger.incidents.values()
            for member in incident.members.values()
            if member.firing
        ]
        firing = {(alert.fingerprint, alert.severity) for alert in self.truth.firing.values()}
        assert sorted((print_, severity) for print_, severity, _ in members) == sorted(firing)
        assert self.receiver.open.keys() == {key for *_, key in members}
        worst: dict[str, str] = {}
        for _, severity, key in members:
            worst[key] = min(severity, worst.get(key, "warning"))
        assert all(self.receiver.open[key] == "critical" for key, severity in worst.items() if severity == "critical")
        assert self.sink.open == len(self.receiver.open)
        if self.grouping.storm is None:
            assert self.receiver.opened.total() <= self.truth.begun, "neither a kill nor a failure is a second page"
        if not self.truth.firing:
            assert self.sink._ledger.incidents == {}

    def teardown(self) -> None:
        if hasattr(self, "dispatcher"):
            try:
                self.in_the_end_what_is_open_is_what_fires()
            finally:
                self.stop()

    def stop(self) -> None:
        self.dispatcher.close(1.0)
        self.engine.close()
        self.directory.cleanup()


@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(STREAMS), st.sampled_from([*SEVERITIES, "ok"]), st.sampled_from(HOMES)),
            min_size=1,
            max_size=4,
        ),
        max_size=20,
    ),
    st.booleans(),
)
def test_every_incident_that_begins_is_one_page(history: list[list[tuple[str, Any, str]]], updates: bool) -> None:
    receiver, truth = Receiver(Fuse()), Truth()
    sink = Grouped(receiver, Grouping(updates=updates), Forgetful())
    for changes in history:
        sink.deliver(truth.changes(changes), truth.now_ms)
        assert len(receiver.open) == len(set(truth.incidents.values())) == sink.open
    assert receiver.opened.total() == truth.begun
    begun = [key for status, key, _ in receiver.told if status == "firing"]
    if not updates:
        worse = sum(count - receiver.opened[key] for key, count in Counter(begun).items())
        assert worse <= receiver.opened.total(), "an incident gets worse once"


TestKillable = Killable.TestCase
TestKillable.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
