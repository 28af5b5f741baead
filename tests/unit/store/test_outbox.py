"""What waits for which sink, in what order, and what is never lost."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import Retryable
from monitor.store.outbox import LONGEST_WAIT_MS, REFUSED_KEPT, Outbox, SinkRoute, create_tables, put
from monitor.types import Alert
from tests.support.alerts import an_alert

HOOK, PAGER = SinkRoute("hook"), SinkRoute("pager", "critical")
NOW_MS = 1_700_000_000_000


class Engine:
    """The other side of the outbox: a connection of its own that commits transitions."""

    def __init__(self, path: Path | str) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        create_tables(self.connection)

    def commit(
        self, *alerts: Alert, sinks: tuple[SinkRoute, ...] = (HOOK,), collapse: bool = False, now_ms: int = 0
    ) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        put(self.connection, sinks, alerts, collapse=collapse, now_ms=now_ms)
        self.connection.execute("COMMIT")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    opened = Outbox(path)
    yield opened
    opened.close()


@pytest.fixture
def engine(outbox: Outbox, path: Path) -> Iterator[Engine]:
    engine = Engine(path)
    yield engine
    engine.connection.close()


FIRING = an_alert()
RESOLVED = an_alert(status="resolved")


def due(outbox: Outbox, sink: str = "hook", now_ms: int = NOW_MS, limit: int = 100) -> list[Alert]:
    return [item.alert for item in outbox.due(sink, now_ms, limit)]


def deliver(outbox: Outbox, sink: str = "hook") -> list[Alert]:
    items = outbox.due(sink, NOW_MS, 100)
    outbox.delivered([item.id for item in items])
    return [item.alert for item in items]


def test_an_alert_comes_out_as_it_went_in(engine: Engine, outbox: Outbox) -> None:
    alert = an_alert("数", extra={"segment": "a=\N{PILE OF POO}"})
    engine.commit(alert)
    assert deliver(outbox) == [alert]
    assert due(outbox) == []


def test_what_is_not_committed_does_not_wait(engine: Engine, outbox: Outbox) -> None:
    engine.connection.execute("BEGIN IMMEDIATE")
    put(engine.connection, [HOOK], [FIRING])
    engine.connection.execute("ROLLBACK")
    assert due(outbox) == []
    assert outbox.firing() == []


def test_each_sink_has_a_place_of_its_own_and_hears_what_is_severe_enough(engine: Engine, outbox: Outbox) -> None:
    critical = an_alert("country", severity="critical")
    engine.commit(FIRING, critical, sinks=(HOOK, PAGER))
    assert outbox.sizes() == {"hook": 2, "pager": 1}
    assert deliver(outbox, "pager") == [critical]
    assert due(outbox) == [FIRING, critical]


def test_a_trigger_and_a_resolve_that_wait_are_both_kept_in_order(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING)
    engine.commit(RESOLVED)
    assert due(outbox) == [FIRING, RESOLVED]


def test_a_newer_trigger_takes_the_place_of_one_that_waits(engine: Engine, outbox: Outbox) -> None:
    newer = an_alert(starts_at_ms=NOW_MS)
    engine.commit(FIRING)
    engine.commit(RESOLVED)
    engine.commit(newer)
    assert due(outbox) == [newer], "nobody was told of the first, so nobody need hear of its end"


def test_the_end_of_what_was_told_is_kept_before_a_newer_trigger(engine: Engine, outbox: Outbox) -> None:
    newer = an_alert(starts_at_ms=NOW_MS)
    engine.commit(FIRING)
    (item,) = outbox.due("hook", NOW_MS, 10)
    outbox.postpone([item.id], NOW_MS - 1, "down")
    engine.commit(RESOLVED)
    engine.commit(newer)
    assert due(outbox) == [RESOLVED, newer]


def test_flapping_never_makes_more_than_two_wait_and_ends_with_the_last_state(engine: Engine, outbox: Outbox) -> None:
    for i in range(20):
        engine.commit(an_alert(starts_at_ms=i), an_alert(status="resolved", starts_at_ms=i))
        assert outbox.sizes() == {"hook": 2}
    assert [(alert.status, alert.starts_at_ms) for alert in due(outbox)] == [("firing", 19), ("resolved", 19)]


def test_a_change_of_severity_loses_neither_side(engine: Engine, outbox: Outbox) -> None:
    critical = an_alert(severity="critical")
    engine.commit(FIRING)
    engine.commit(RESOLVED, critical, sinks=(HOOK, PAGER))
    assert due(outbox) == [FIRING, RESOLVED, critical]
    assert outbox.firing() == [critical]
    assert due(outbox, "pager") == [critical]


def test_the_two_halves_of_a_change_of_severity_are_handed_out_together(engine: Engine, outbox: Outbox) -> None:
    critical = an_alert(severity="critical")
    engine.commit(an_alert("country"), RESOLVED, critical, an_alert("other"))
    assert due(outbox, limit=2) == [an_alert("country"), RESOLVED, critical]
    assert due(outbox, limit=3) == [an_alert("country"), RESOLVED, critical]
    assert due(outbox, limit=1) == [an_alert("country")]


def test_an_item_that_was_replaced_during_its_delivery_stays(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING)
    (item,) = outbox.due("hook", NOW_MS, 10)
    newer = replace(FIRING, annotations={"summary": "worse"})
    engine.commit(newer)
    outbox.delivered([item.id])
    outbox.postpone([item.id], NOW_MS + 5_000, "down")
    outbox.refuse([item.id], "bad")
    assert due(outbox) == [newer]
    assert outbox.refused() == []


def test_ids_are_never_used_twice(engine: Engine, outbox: Outbox) -> None:
    seen = set()
    for _ in range(5):
        engine.commit(FIRING)
        (item,) = outbox.due("hook", NOW_MS, 10)
        outbox.delivered([item.id])
        seen.add(item.id)
    assert len(seen) == 5


def test_a_postponed_item_waits_until_its_time_and_counts_attempts(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING)
    (item,) = outbox.due("hook", NOW_MS, 10)
    outbox.postpone([item.id], NOW_MS + 5_000, "down")
    assert outbox.due("hook", NOW_MS + 4_999, 10) == []
    (item,) = outbox.due("hook", NOW_MS + 5_000, 10)
    assert item.attempts == 1


def test_nothing_overtakes_a_postponed_item_of_its_alert(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING)
    (item,) = outbox.due("hook", NOW_MS, 10)
    outbox.postpone([item.id], NOW_MS + 5_000, "down")
    other = an_alert("country")
    engine.commit(RESOLVED, an_alert(severity="critical"), other)
    assert due(outbox) == [other]
    assert due(outbox, now_ms=NOW_MS + 5_000) == [FIRING, RESOLVED, an_alert(severity="critical"), other]


def test_a_wall_clock_that_is_set_back_does_not_strand_an_item(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING)
    outbox.postpone([item.id for item in outbox.due("hook", NOW_MS, 10)], NOW_MS + 5_000, "down")
    assert due(outbox, now_ms=NOW_MS - LONGEST_WAIT_MS) == [FIRING]


def test_the_limit_takes_the_oldest(engine: Engine, outbox: Outbox) -> None:
    alerts = [an_alert(f"f{i}") for i in range(5)]
    engine.commit(*alerts)
    assert due(outbox, limit=2) == alerts[:2]


def test_the_refused_are_kept_for_inspection_within_bounds(engine: Engine, outbox: Outbox) -> None:
    engine.commit(*(an_alert(f"f{i}") for i in range(REFUSED_KEPT + 5)))
    for item in outbox.due("hook", NOW_MS, REFUSED_KEPT + 5):
        outbox.refuse([item.id], "HTTP 400")
    refused = outbox.refused()
    assert len(refused) == REFUSED_KEPT
    assert (refused[-1].sink, refused[-1].alert.labels["field"], refused[-1].error) == (
        "hook",
        f"f{REFUSED_KEPT + 4}",
        "HTTP 400",
    )
    assert outbox.sizes() == {}


def test_what_fires_survives_a_restart(engine: Engine, outbox: Outbox, path: Path) -> None:
    country = an_alert("country")
    engine.commit(FIRING, country)
    engine.commit(RESOLVED)
    outbox.close()
    reopened = Outbox(path)
    assert reopened.firing() == [country]
    assert due(reopened) == [FIRING, country, RESOLVED]
    reopened.close()


def test_what_fires_for_a_sink_leaves_out_triggers_that_still_wait_for_it(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING)
    assert outbox.again(HOOK) == []
    assert outbox.again(SinkRoute("pager")) == [FIRING]
    deliver(outbox)
    assert outbox.again(HOOK) == [FIRING]


def test_catching_up_an_alert_that_came_and_went_is_not_sent(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING, collapse=True)
    engine.commit(RESOLVED, collapse=True)
    assert due(outbox) == []


def test_catching_up_the_end_of_an_alert_that_was_sent_is_sent(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING)
    deliver(outbox)
    for i in range(3):
        engine.commit(an_alert(status="resolved", starts_at_ms=i), an_alert(starts_at_ms=i + 1), collapse=True)
    engine.commit(RESOLVED, collapse=True)
    assert due(outbox) == [RESOLVED]


def test_catching_up_the_end_of_an_alert_in_flight_is_sent(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING)
    outbox.due("hook", NOW_MS, 10)
    engine.commit(RESOLVED, collapse=True)
    assert due(outbox) == [RESOLVED]


def test_catching_up_to_a_firing_alert_sends_only_that(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING)
    deliver(outbox)
    again = an_alert(starts_at_ms=NOW_MS)
    engine.commit(RESOLVED, again, collapse=True)
    assert deliver(outbox) == [again]
    engine.commit(RESOLVED, collapse=True)
    assert deliver(outbox) == [RESOLVED]
    engine.commit(RESOLVED, collapse=True)
    assert due(outbox) == []


def test_a_trigger_that_failed_beside_the_end_before_it_may_have_been_seen_so_its_end_is_told(
    engine: Engine, outbox: Outbox
) -> None:
    engine.commit(FIRING)
    outbox.delivered([item.id for item in outbox.due("hook", NOW_MS, 10)])
    engine.commit(RESOLVED, an_alert(starts_at_ms=2))
    end, trigger = outbox.due("hook", NOW_MS, 10)
    outbox.postpone([trigger.id], NOW_MS + 1_000, "no answer")
    outbox.delivered([end.id])
    engine.commit(RESOLVED, collapse=True)
    assert [item.alert.status for item in outbox.due("hook", NOW_MS + 1_000, 10)] == ["resolved"]


def test_a_sink_that_was_told_hears_the_end_even_below_its_new_threshold(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING)
    deliver(outbox)
    stricter = SinkRoute("hook", "critical")
    engine.commit(RESOLVED, an_alert("country"), an_alert("country", "resolved"), sinks=(stricter,))
    assert due(outbox) == [RESOLVED]


def test_a_locked_database_is_worth_another_try(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING)
    outbox._file.connection.execute("PRAGMA busy_timeout = 10")
    engine.connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(Retryable, match="locked"):
        outbox.due("hook", NOW_MS, 10)
    engine.connection.execute("ROLLBACK")
    assert due(outbox) == [FIRING]


def test_a_place_that_cannot_be_opened_is_worth_another_try(tmp_path: Path) -> None:
    with pytest.raises(Retryable, match="unavailable"):
        Outbox(tmp_path / "missing" / "state.sqlite")


def test_closing_twice_is_fine(outbox: Outbox) -> None:
    outbox.close()
    outbox.close()


# What an engine and a dispatcher may do, in any order: a transition of one of two alerts, taking what is due,
# and then confirming it, or losing the confirmation in a crash.
moves = st.lists(
    st.one_of(
        st.tuples(st.just("flip"), st.integers(0, 1), st.booleans()),
        st.tuples(st.just("take"), st.integers(1, 3)),
        st.tuples(st.just("confirm")),
        st.tuples(st.just("crash")),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=80)
@given(moves)
def test_a_sink_ends_with_the_last_state_whatever_happens(tmp_path_factory: Any, history: list[Any]) -> None:
    path = tmp_path_factory.mktemp("outbox") / "state.sqlite"
    outbox, engine = Outbox(path), Engine(path)
    fires = [False, False]
    seen: dict[str, bool] = {}
    taken: list[Any] = []

    def take(limit: int) -> None:
        taken[:] = outbox.due("hook", NOW_MS, limit)
        for item in taken:
            seen[item.alert.fingerprint] = item.alert.status == "firing"

    for number, (move, *arguments) in enumerate(history):
        if move == "flip":
            which, collapse = arguments
            fires[which] = not fires[which]
            turned = an_alert(f"f{which}", "firing" if fires[which] else "resolved", starts_at_ms=number)
            engine.commit(turned, collapse=collapse)
        elif move == "take":
            take(*arguments)
        else:
            if move == "confirm":
                outbox.delivered([item.id for item in taken])
            taken.clear()
        assert sum(outbox.sizes().values()) <= 4
    take(100)
    outbox.delivered([item.id for item in taken])
    assert [seen.get(f"fp-f{i}", False) for i in range(2)] == fires
    assert [f"fp-f{i}" for i in range(2) if fires[i]] == [alert.fingerprint for alert in outbox.again(HOOK)]
    assert outbox.sizes() == {}
    engine.connection.close()
    outbox.close()


def held(outbox: Outbox, *, fields: tuple[str, ...] = (), sink: str = "hook") -> list[Alert]:
    """Return what is due while the alerts on some fields are silenced."""

    def holding(triggers: Any, _firing: Any) -> list[str | None]:
        return ["silence" if trigger.alert.labels["field"] in fields else None for trigger in triggers]

    return [item.alert for item in outbox.due(sink, NOW_MS, 100, holding)]


def test_what_is_held_is_not_due_and_not_counted_as_waiting(engine: Engine, outbox: Outbox) -> None:
    country = an_alert("country")
    engine.commit(FIRING, country)
    assert held(outbox, fields=("amount",)) == [country]
    assert outbox.sizes() == {"hook": 1}
    assert outbox.held() == {("hook", "silence"): [("fp-amount", "warning")]}
    assert held(outbox) == [FIRING, country]
    assert outbox.held() == {}


def test_the_end_of_what_was_held_is_not_sent_and_the_end_of_what_was_told_is(engine: Engine, outbox: Outbox) -> None:
    country = an_alert("country")
    engine.commit(country)
    deliver(outbox)
    engine.commit(FIRING)
    assert held(outbox, fields=("amount", "country")) == []
    engine.commit(RESOLVED, an_alert("country", "resolved"))
    assert held(outbox, fields=("amount", "country")) == [an_alert("country", "resolved")]
    assert held(outbox) == [an_alert("country", "resolved")]


def test_what_was_attempted_before_it_was_held_is_told_its_end(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING)
    (item,) = outbox.due("hook", NOW_MS, 10)
    outbox.postpone([item.id], NOW_MS - 1, "no answer")
    assert held(outbox, fields=("amount",)) == []
    engine.commit(RESOLVED)
    assert held(outbox, fields=("amount",)) == [RESOLVED], "the sink may have taken it before it failed"


def test_while_it_is_held_a_warning_can_end_and_a_critical_alert_come(engine: Engine, outbox: Outbox) -> None:
    critical = an_alert(severity="critical")
    engine.commit(FIRING)
    assert held(outbox, fields=("amount",)) == []
    engine.commit(RESOLVED, critical)
    assert held(outbox, fields=("amount",)) == []
    assert held(outbox) == [critical]


def test_an_age_counts_from_the_first_trigger_also_over_a_change_of_severity(engine: Engine, outbox: Outbox) -> None:
    def ages() -> dict[tuple[str, str], int]:
        seen: dict[tuple[str, str], int] = {}

        def holding(triggers: Any, _firing: Any) -> list[str | None]:
            seen.update({(t.alert.fingerprint, t.alert.severity): t.since_ms for t in triggers})
            return ["after"] * len(triggers)

        outbox.due("hook", NOW_MS, 10, holding)
        return seen

    engine.commit(FIRING, now_ms=1_000)
    assert ages() == {("fp-amount", "warning"): 1_000}
    engine.commit(RESOLVED, an_alert(severity="critical"), now_ms=2_000)
    ages()
    assert ages() == {("fp-amount", "critical"): 1_000}
    engine.commit(an_alert(status="resolved", severity="critical"), now_ms=3_000)
    ages()
    engine.commit(an_alert(starts_at_ms=NOW_MS), now_ms=4_000)
    assert ages() == {("fp-amount", "warning"): 4_000}, "another life"


def test_a_told_alert_is_told_again_while_a_newer_trigger_of_it_is_held(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING)
    (item,) = outbox.due("hook", NOW_MS, 10)
    outbox.postpone([item.id], NOW_MS - 1, "no answer")
    assert outbox.again(HOOK) == []
    assert held(outbox, fields=("amount",)) == []
    assert outbox.again(HOOK) == [FIRING]


def test_a_new_sink_is_not_told_again_what_is_held(engine: Engine, outbox: Outbox) -> None:
    engine.commit(FIRING, sinks=())
    assert outbox.again(HOOK, lambda triggers, _firing: ["silence"] * len(triggers)) == []
    assert outbox.again(HOOK) == [FIRING]
    assert outbox.again(HOOK, lambda triggers, _firing: ["silence"] * len(triggers)) == [FIRING], "it knows it now"
    engine.commit(RESOLVED, collapse=True)
    assert due(outbox) == [RESOLVED]


def test_a_store_of_an_earlier_version_gets_the_columns_it_lacks(path: Path) -> None:
    old = sqlite3.connect(path, isolation_level=None)
    old.execute(
        """CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, sink TEXT NOT NULL, fingerprint TEXT NOT NULL,
        severity TEXT NOT NULL, status TEXT NOT NULL, alert TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
        next_attempt_ms INTEGER NOT NULL DEFAULT 0, error TEXT, UNIQUE (sink, fingerprint, severity, status))"""
    )
    old.execute(
        """CREATE TABLE firing (fingerprint TEXT NOT NULL, severity TEXT NOT NULL, alert TEXT NOT NULL,
        PRIMARY KEY (fingerprint, severity)) WITHOUT ROWID"""
    )
    text = json.dumps(asdict(FIRING))
    queued = ("hook", "fp-amount", "warning", "firing", text)
    old.execute("INSERT INTO outbox (sink, fingerprint, severity, status, alert) VALUES (?, ?, ?, ?, ?)", queued)
    old.execute("INSERT INTO firing VALUES ('fp-amount', 'warning', ?)", (text,))
    old.close()
    outbox, engine = Outbox(path), Engine(path)
    assert deliver(outbox) == [FIRING]
    engine.commit(RESOLVED, an_alert("country"))
    assert deliver(outbox) == [RESOLVED, an_alert("country")]
    engine.connection.close()
    outbox.close()
