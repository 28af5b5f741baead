"""What a backtest found, as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import typer

from monitor.backtesting import FiredAlert, History
from monitor.cli.backtest_document import Found
from monitor.cli.output import plural
from monitor.cli.tables import print_rows
from monitor.config.differences import differences, tree_of
from monitor.printable import iso

_MOST = 50
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"))


def print_found(found: Found) -> None:
    """Print the stretch, the alerts, the busiest rules, the pages a week, and what else was asked for."""
    history = found.history
    typer.echo(
        f"{found.config.name}: {plural(history.windows, 'window')} from {_at(history.first_ms or 0)} to "
        f"{_at(history.last_ms)}, {history.empty_windows} of them empty"
    )
    _print_alerts("alerts that would have fired", history.alerts, history.last_ms)
    if history.busiest:
        typer.echo("\nbusiest rules")
        rows = [
            (busy.rule, busy.field, str(busy.pages), str(busy.alerts), str(busy.critical), _lasted(busy.firing_ms))
            for busy in history.busiest[:_MOST]
        ]
        print_rows(("rule", "field", "pages led", "alerts", "critical", "firing for"), rows)
    _print_pages(history)
    _print_unjudged(history)
    _print_difference(found)
    _print_sweep(found)


def _print_pages(history: History) -> None:
    pager, rate = history.pager, history.rate
    how = f"by {pager.main}"
    if pager.main in pager.assumed:
        how = "if PagerDuty were told, with its default settings"
    typer.echo(
        f"\n{plural(rate.n, 'page')} {how}: {rate.per_week:.2f} a week over {rate.weeks:.1f} weeks "
        f"(95 %: {_range(history)}), of {plural(len(history.alerts), 'alert')}"
    )
    others = [f"{name} {len(history.pages_of(name))}" for name in pager.pages if name != pager.main]
    if others:
        typer.echo(f"told to other sinks: {', '.join(others)}")
    if history.budget is not None:
        silent = sum(history.budget.not_armed.values())
        typer.echo(f"the budget watches {plural(history.budget.armed, 'stream')} at the end, {silent} not")


def _print_unjudged(history: History) -> None:
    if history.unjudged:
        named = ", ".join(" ".join(filter(None, (field, rule))) for rule, field in sorted(history.unjudged))
        typer.echo(f"not in the stored panes, so not judged: {named}")


def _print_difference(found: Found) -> None:
    if found.difference is None or found.old is None or found.before is None:
        return
    settings = differences(tree_of(found.old), tree_of(found.config))
    typer.echo("\nsettings that differ: " + ("; ".join(settings) or "none"))
    end_ms = found.history.last_ms
    _print_alerts("only with the new configuration", found.difference.added, end_ms)
    _print_alerts("only with the old configuration", found.difference.removed, end_ms)
    if found.difference.changed:
        typer.echo("\nwith both, but otherwise")
        rows = [
            (
                *_named(new),
                f"{_at(old.fired_at_ms)} → {_at(new.fired_at_ms)}",
                f"{_lasted(old.firing_ms(end_ms))} → {_lasted(new.firing_ms(end_ms))}",
                f"{old.severity} → {new.severity}",
            )
            for old, new in found.difference.changed[:_MOST]
        ]
        print_rows(("rule", "field", "segment", "fired", "for", "severity"), rows)
    before = found.before.rate
    typer.echo(
        f"\n{found.difference.same} alerts are the same; the old configuration has {plural(before.n, 'page')}: "
        f"{before.per_week:.2f} a week (95 %: {_range(found.before)})"
    )


def _print_sweep(found: Found) -> None:
    sweep = found.sweep
    if sweep is None:
        return
    typer.echo(f"\n{sweep.name}.{sweep.setting} with other values")
    rows = []
    for value, history in zip(sweep.values, found.variants, strict=True):
        rate = history.rate
        rows.append((str(value), str(rate.n), f"{rate.per_week:.2f}", _range(history), str(len(history.alerts))))
    print_rows(("value", "pages", "a week", "95 %", "alerts"), rows)
    if found.at_most is not None:
        answer = "none of these" if found.answer is None else f"{sweep.name}.{sweep.setting}: {found.answer}"
        typer.echo(f"at most {found.at_most:g} pages a week: {answer}")


def _print_alerts(title: str, alerts: Sequence[FiredAlert], end_ms: int) -> None:
    typer.echo(f"\n{title}: {len(alerts)}")
    if alerts:
        print_rows(
            ("fired", "for", "severity", "rule", "field", "segment", "what"), _alert_rows(alerts[:_MOST], end_ms)
        )
    if len(alerts) > _MOST:
        typer.echo(f"and {len(alerts) - _MOST} more; --json has all")


def _alert_rows(alerts: Sequence[FiredAlert], end_ms: int) -> Iterable[tuple[str, ...]]:
    for alert in alerts:
        lasted = _lasted(alert.firing_ms(end_ms)) + ("" if alert.ends_at_ms is not None else " and on")
        yield _at(alert.fired_at_ms), lasted, alert.severity, *_named(alert), alert.summary


def _named(alert: FiredAlert) -> tuple[str, str, str]:
    rule, field, segment = alert.key
    return rule, field, segment


def _range(history: History) -> str:
    lower, upper = history.rate.interval
    return f"{lower:.2f} to {upper:.2f}"


def _lasted(ms: int) -> str:
    """Return a duration in its two largest units, such as `3d 4h`."""
    parts = []
    for unit_ms, name in _UNITS:
        n, ms = divmod(ms, unit_ms)
        if n:
            parts.append(f"{n}{name}")
    return " ".join(parts[:2]) or f"{ms / 1000:g}s"


def _at(ms: int) -> str:
    """Return an instant as people read it; of one that no calendar has, its number."""
    return (iso(ms) or str(ms)).replace(".000Z", "Z")
