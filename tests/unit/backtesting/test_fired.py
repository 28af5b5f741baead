"""Alerts with their whole life, and what differs between two lists of them."""

from __future__ import annotations

from dataclasses import replace

from monitor.backtesting.comparing import compare
from monitor.backtesting.fired import Firings, Spell
from tests.support.alerts import START_MS, an_alert

HOUR_MS = 3_600_000


def heard(*told):
    firings = Firings()
    firings.hear((START_MS + hour * HOUR_MS, alert) for hour, alert in told)
    return firings.alerts


def at(hour: int) -> int:
    return START_MS + hour * HOUR_MS


def life(first: int, last: int | None, name: str = "amount"):
    begun = an_alert(name, starts_at_ms=at(first) - HOUR_MS)
    told = [(first, begun)] + ([] if last is None else [(last, replace(begun, status="resolved"))])
    return heard(*told)[0]


def test_a_change_of_severity_is_another_spell_of_the_same_alert():
    worse = an_alert(severity="critical")
    told = [(1, an_alert()), (3, an_alert(status="resolved")), (3, worse), (6, replace(worse, status="resolved"))]
    (alert,) = heard(*told)
    assert alert.spells == [Spell("warning", at(1), at(3)), Spell("critical", at(3), at(6))]
    assert (alert.severity, alert.fired_at_ms, alert.ends_at_ms) == ("critical", at(1), at(6))
    assert alert.firing_ms(at(9)) == 5 * HOUR_MS


def test_what_fires_on_has_no_end_and_fires_until_the_end():
    (alert,) = heard((1, an_alert()))
    assert (alert.ends_at_ms, alert.firing_ms(at(4))) == (None, 3 * HOUR_MS)


def test_an_end_whose_beginning_was_not_heard_is_nothing():
    assert heard((1, an_alert(status="resolved"))) == []


def test_alerts_of_a_stream_are_the_same_where_they_hold_at_the_same_time():
    old = [life(1, 3), life(10, 12), life(20, 22, "gone")]
    new = [life(1, 3), life(11, None), life(30, 31), life(20, 22, "fresh")]
    found = compare(old, new, at(40))
    assert found.same == 1
    assert [(one.fired_at_ms, other.fired_at_ms) for one, other in found.changed] == [(at(10), at(11))]
    assert [alert.key.field for alert in found.removed] == ["gone"]
    assert [(alert.key.field, alert.fired_at_ms) for alert in found.added] == [("amount", at(30)), ("fresh", at(20))]


def test_nothing_is_matched_twice():
    found = compare([life(1, 9)], [life(1, 3), life(6, 9)], at(40))
    assert (found.same, len(found.changed), len(found.added), found.removed) == (0, 1, 1, [])
