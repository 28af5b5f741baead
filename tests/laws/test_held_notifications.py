"""What holds of held notifications, whatever happens in whatever order, in a real SQLite outbox."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.store.held import Trigger
from monitor.store.outbox import Outbox, SinkRoute, Waiting, create_tables, put
from monitor.types import Alert
from tests.support.alerts import an_alert

NOW_MS = 1_700_000_000_000
ALERTS = 2
HOOK = SinkRoute("hook")

MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("flip"), st.integers(0, ALERTS - 1), st.booleans()),
        st.tuples(st.just("worsen"), st.integers(0, ALERTS - 1)),
        st.tuples(st.just("hold"), st.integers(0, ALERTS - 1), st.booleans()),
        st.tuples(st.just("round"), st.sampled_from(["confirm", "crash", "postpone"]), st.integers(1, 3)),
        st.tuples(st.just("again")),
        st.tuples(st.just("restart")),
    ),
    max_size=30,
)


class World:
    """An alert book, a sink behind an outbox, somebody who silences; and what each knows."""

    def __init__(self, path: Any) -> None:
        self.path = path
        self.outbox = Outbox(path)
        self.engine = sqlite3.connect(path, isolation_level=None)
        create_tables(self.engine)
        self.severity: dict[int, str] = {}
        self.held: set[str] = set()
        self.life = 0
        self.told: set[tuple[str, str]] = set()
        """The identities of which the sink saw a beginning, and no end that was confirmed."""
        self.handed: list[Alert] = []

    def flip(self, which: int, collapse: bool) -> None:
        if which in self.severity:
            severity: Any = self.severity.pop(which)
            self._commit(an_alert(f"f{which}", "resolved", severity), collapse=collapse)
        else:
            self.severity[which] = "warning"
            self._commit(an_alert(f"f{which}"), collapse=collapse)

    def worsen(self, which: int) -> None:
        if which in self.severity:
            before, after = self.severity[which], "critical" if self.severity[which] == "warning" else "warning"
            self.severity[which] = after
            changed: list[Any] = [("resolved", before), ("firing", after)]
            self._commit(*(an_alert(f"f{which}", status, severity) for status, severity in changed))

    def hold(self, which: int, on: bool) -> None:
        (self.held.add if on else self.held.discard)(f"fp-f{which}")

    def round(self, outcome: str, limit: int) -> list[Alert]:
        items = self.outbox.due("hook", NOW_MS, limit, self._holding)
        self._hear(items)
        ids = [item.id for item in items]
        if outcome == "confirm":
            self.outbox.delivered(ids)
            self.told -= {(i.alert.fingerprint, i.alert.severity) for i in items if i.alert.status == "resolved"}
            self._begin_again(items)
        elif outcome == "postpone":
            self.outbox.postpone(ids, NOW_MS - 1, "down")
        return [item.alert for item in items]

    def again(self) -> None:
        """Tell the sink again what fires, as Alertmanager wants it."""
        alerts = self.outbox.again(HOOK, self._holding)
        for alert in alerts:
            assert alert.fingerprint not in self.held or (alert.fingerprint, alert.severity) in self.told
            self.told.add((alert.fingerprint, alert.severity))
        fires = {(f"fp-f{which}", severity) for which, severity in self.severity.items()}
        assert {(alert.fingerprint, alert.severity) for alert in alerts} <= fires

    def restart(self) -> None:
        self.outbox.close()
        self.outbox = Outbox(self.path)

    def settle(self) -> list[Alert]:
        """Deliver all that is due, and return it."""
        delivered: list[Alert] = []
        while found := self.round("confirm", 100):
            delivered += found
        return delivered

    def close(self) -> None:
        self.outbox.close()
        self.engine.close()

    def _commit(self, *alerts: Alert, collapse: bool = False) -> None:
        self.engine.execute("BEGIN IMMEDIATE")
        put(self.engine, (HOOK,), alerts, collapse=collapse, now_ms=NOW_MS)
        self.engine.execute("COMMIT")

    def _holding(self, triggers: Sequence[Trigger], firing: Sequence[Alert]) -> list[str | None]:
        return ["silence" if trigger.alert.fingerprint in self.held else None for trigger in triggers]

    def _hear(self, items: Sequence[Waiting]) -> None:
        """Note what the sink hears; this is where the laws are."""
        for item in items:
            key = (item.alert.fingerprint, item.alert.severity)
            if item.alert.status == "firing":
                assert item.alert.fingerprint not in self.held, "nothing new is told while it is held"
                self.told.add(key)
            else:
                assert key in self.told, "nobody hears the end of what he never heard of"

    def _begin_again(self, items: Sequence[Waiting]) -> None:
        """Note the beginnings that came behind a confirmed end in one batch."""
        for item in items:
            key = (item.alert.fingerprint, item.alert.severity)
            if item.alert.status == "firing":
                self.told.add(key)
            else:
                self.told.discard(key)


@settings(deadline=None, max_examples=150)
@given(MOVES, st.booleans())
def test_held_notifications(tmp_path_factory: Any, history: list[Any], lift: bool) -> None:
    """Nothing new while held; no end without a beginning; no told beginning without its end; all told once at last."""
    world = World(tmp_path_factory.mktemp("held") / "state.sqlite")
    for move, *arguments in history:
        getattr(world, move)(*arguments)
    if lift:
        world.held.clear()
    told_before = set(world.told)
    delivered = world.settle()

    fires = {(f"fp-f{which}", severity) for which, severity in world.severity.items()}
    held = {key for key in fires if key[0] in world.held}
    assert world.told <= fires, "who was told of the beginning is told of the end, held or not"
    assert fires - held <= world.told, "what fires and is not held any more is told"
    begun = [(alert.fingerprint, alert.severity) for alert in delivered if alert.status == "firing"]
    assert len(begun) == len(set(begun)), "once"
    assert set(begun) - told_before <= fires | {
        (a.fingerprint, a.severity) for a in delivered if a.status == "resolved"
    }
    assert world.settle() == []
    world.close()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["flip", "worsen", "round"]), st.booleans()), max_size=20), st.booleans())
def test_an_alert_that_came_and_went_behind_a_silence_sends_nothing(
    tmp_path_factory: Any, history: list[tuple[str, bool]], last_look: bool
) -> None:
    """Also when the silence ends before the outbox is looked at once more, if it was looked at while it fired."""
    world = World(tmp_path_factory.mktemp("held") / "state.sqlite")
    world.hold(0, True)
    for move, flag in history:
        if move == "flip":
            world.flip(0, flag)
        elif move == "worsen":
            world.worsen(0)
        else:
            assert world.round("confirm", 10) == []
    if 0 in world.severity:
        world.round("confirm", 10)
        world.flip(0, False)
    if last_look:
        assert world.settle() == []
        world.hold(0, False)
    elif history and history[-1][0] == "round":
        world.hold(0, False)
    assert world.settle() == []
    world.close()
