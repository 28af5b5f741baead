"""The configuration of what is held: maintenance windows, inhibition, and how long a sink waits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monitor.alerting.schedule import Once, Weekly
from monitor.errors import ConfigError
from monitor.gating import build_gate
from monitor.outlets import route_of
from tests.support.configurations import changed, configured

WEEKLY = '{start: "02:30", duration: 90m, time_zone: Europe/Berlin}'
SINK = '  - {kind: alertmanager, name: am, urls: ["http://alertmanager:9093"]'


def with_window(**changes: str) -> str:
    settings = {"name": "load", "match": "[field=amount]", "reason": "reload", "weekly": WEEKLY} | changes
    window = ", ".join(f"{name}: {value}" for name, value in settings.items() if value)
    return changed(("sinks:\n", f"maintenance:\n  - {{{window}}}\nsinks:\n"))


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        configured(text)
    return [f"{problem.path}: {problem.message}; {problem.remedy or ''}" for problem in caught.value.problems]


def test_a_weekly_window_is_every_day_unless_days_are_named():
    (window,) = build_gate(configured(with_window())).windows
    assert isinstance(window.schedule, Weekly)
    assert window.schedule.days == tuple(range(7))
    days = '{days: [sun, mon, mon], start: "22:00", duration: 12h}'
    (window,) = build_gate(configured(with_window(weekly=days))).windows
    assert isinstance(window.schedule, Weekly)
    assert (window.schedule.days, window.schedule.zone.key) == ((0, 6), "UTC")


def test_a_window_can_be_once():
    once = '{start: "2026-12-01T22:00:00Z", end: "2026-12-02T06:00:00+02:00"}'
    (window,) = build_gate(configured(with_window(weekly="", once=once))).windows
    start_ms = round(datetime(2026, 12, 1, 22, tzinfo=UTC).timestamp() * 1000)
    assert window.schedule == Once(start_ms, start_ms + 6 * 3_600_000)


def test_a_time_without_quotes_is_understood():
    """YAML 1.1 reads 22:30 as a number to the base of 60."""
    (window,) = build_gate(configured(with_window(weekly="{start: 22:30, duration: 1h}"))).windows
    assert isinstance(window.schedule, Weekly)
    assert f"{window.schedule.start:%H:%M}" == "22:30"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"match": "[]"}, "maintenance[0].match: no matcher"),
        ({"match": '["field=~.*"]'}, "would match every alert"),
        ({"match": '["field=~["]'}, "not a regular expression"),
        ({"weekly": ""}, "give it either weekly or once"),
        ({"once": '{start: "2026-12-01T22:00:00Z", end: "2026-12-02T22:00:00Z"}'}, "give it either weekly or once"),
        ({"weekly": '{start: "2:61", duration: 1h}'}, "not a time of day"),
        ({"weekly": '{start: "02:30", duration: 24h}'}, "would begin anew before it ends"),
        ({"weekly": '{start: "02:30", duration: 48h, days: [sat, mon]}'}, "make the duration shorter than 2d"),
        ({"weekly": '{start: "02:30", duration: 1h, time_zone: Europe/Paname}'}, "not a time zone"),
        ({"weekly": '{start: "02:30", duration: 1h, time_zone: ../../etc/passwd}'}, "not a time zone"),
        ({"weekly": "", "once": '{start: "2026-12-01T22:00:00", end: "2026-12-02T22:00:00Z"}'}, "timezone"),
        ({"weekly": "", "once": '{start: "2026-12-03T22:00:00Z", end: "2026-12-02T22:00:00Z"}'}, "exchange"),
        ({"reason": '""'}, "reason"),
        ({"weekly": '{start: "02:30", duration: 150h, days: [sat]}'}, None),
    ],
)
def test_what_cannot_be_meant_is_refused(changes, says):
    if says is None:
        configured(with_window(**changes))
        return
    assert any(says in problem for problem in problems(with_window(**changes))), problems(with_window(**changes))


def test_two_windows_have_two_names():
    window = f"  - {{name: load, match: [field=amount], reason: reload, weekly: {WEEKLY}}}\n"
    text = changed(("sinks:\n", f"maintenance:\n{window}{window}sinks:\n"))
    assert problems(text) == ["maintenance[1].name: name load is used twice; use each once"]


def test_inhibition_knows_the_names_of_the_checks_and_can_be_switched_off():
    names = "  - {kind: volume, name: low}\n  - {kind: volume, name: both, max_per_window: 9}\n"
    names += "  - {kind: freshness, max_delay: 1m, name: old}\n"
    text = changed(("  - {kind: volume, min_per_window: 1}\n", names))
    rules = build_gate(configured(text)).inhibitions
    said = {str(matcher) for rule in rules for matcher in rule.source if matcher.name == "rule"}
    assert said == {'rule="low"', 'rule="old"'}
    off = text.replace("alerting: {", "alerting: {inhibition: false, ")
    assert build_gate(configured(off)).inhibitions == ()


@pytest.mark.parametrize(
    ("after", "expected"),
    [("", (0, 0)), (", after: 30m", (1_800_000, 1_800_000)), (", after: {warning: 4h}", (14_400_000, 0))],
)
def test_a_sink_may_wait_as_long_for_all_or_by_severity(after, expected):
    route = route_of(configured(changed((f"{SINK}}}", f"{SINK}{after}}}"))).sinks[0])
    assert (route.warning_after_ms, route.critical_after_ms) == expected


def test_a_wait_that_is_none_is_refused_with_its_place():
    found = problems(changed((f"{SINK}}}", f"{SINK}, after: {{warning: soon, info: 1h}}}}")))
    assert any("after.warning: not a duration" in each for each in found)
    assert any("after.info" in each for each in found)
