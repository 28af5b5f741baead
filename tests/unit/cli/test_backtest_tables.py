"""What people read of a backtest."""

from __future__ import annotations

from dataclasses import replace

from monitor.backtesting import Sweep, compare
from monitor.backtesting.fired import Firings
from monitor.backtesting.history import History
from monitor.backtesting.paging import Pager
from monitor.backtesting.running import Heard
from monitor.cli.backtest_document import Found, document
from monitor.cli.backtest_tables import print_found
from monitor.config.loader import load
from monitor.results import WindowResult
from tests.support.alerts import START_MS, an_alert
from tests.support.monitors import make_plan

CONFIG = load("name: m\nsource: {kind: files, paths: [x]}\nfields: {amount: {type: number}}\n")
HOUR_MS = 3_600_000


def history(*names: str) -> History:
    """Return two weeks in which an alert fires on each field, the first of them for three hours."""
    plan = make_plan(size_ms=HOUR_MS)
    with Pager(CONFIG) as pager:
        found = History(plan, pager)
        for number in range(14 * 24):
            start = START_MS + number * HOUR_MS
            told = [an_alert(name, starts_at_ms=start) for name in names] if number == 5 else []
            if number == 8 and names:
                told = [replace(an_alert(names[0], starts_at_ms=START_MS + 5 * HOUR_MS), status="resolved")]
            window = WindowResult(start, start + HOUR_MS, 10)
            found.hear(Heard(window, tuple((start + HOUR_MS, alert) for alert in told)))
        found.finish()
    return found


def test_alerts_rules_pages_and_their_rate_are_told(capsys):
    print_found(Found(CONFIG, history("amount", "country")))
    told = capsys.readouterr().out
    assert "m: 336 windows from 2023-11-14T22:13:20Z to 2023-11-28T22:13:20Z, 0 of them empty" in told
    assert "alerts that would have fired: 2" in told
    first, second = (line.split() for line in told.splitlines() if line.startswith("2023-11-15T04:13:20Z"))
    assert first[1:6] == ["3h", "warning", "psi", "amount", "amount"]
    assert second[1:5] == ["13d", "18h", "and", "on"]
    assert "2 pages if PagerDuty were told, with its default settings: 1.00 a week over 2.0 weeks" in told
    assert "(95 %: 0.12 to 3.61), of 2 alerts" in told


def test_a_difference_and_a_sweep_are_told(capsys):
    new, old = history("amount"), history("country")
    found = Found(CONFIG, new, old=CONFIG, before=old, sweep=Sweep("psi", "warning", (1, 2)), variants=(new, history()))
    found.at_most = 0.1
    found.difference = compare(old.alerts, new.alerts, new.last_ms)
    print_found(found)
    told = capsys.readouterr().out
    assert "settings that differ: none" in told
    assert "only with the new configuration: 1" in told
    assert "only with the old configuration: 1" in told
    assert "at most 0.1 pages a week: psi.warning: 2" in told
    found.at_most = -1.0
    assert document(found)["sweep"]["answer"] is None


def test_a_field_with_markup_is_shown_as_it_is(capsys):
    print_found(Found(CONFIG, history("[red]x")))
    assert "[red]x" in capsys.readouterr().out


def test_nothing_is_told_of_what_never_fired(capsys):
    print_found(Found(CONFIG, history()))
    told = capsys.readouterr().out
    assert "alerts that would have fired: 0" in told
    assert "busiest" not in told
    assert "0 pages" in told
    assert Firings().alerts == []
