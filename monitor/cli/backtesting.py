"""The work of `driftline backtest`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

from monitor.alerting.silence import Silence
from monitor.backtesting import (
    Asked,
    History,
    Stretch,
    Sweep,
    UnfitSweep,
    compare,
    open_files,
    open_topic,
    over_input,
    over_store,
    parse_sweep,
    swept,
)
from monitor.cli.backtest_document import Found, document, numbers_of
from monitor.cli.backtest_tables import print_found
from monitor.cli.conditions import Condition, parse_condition
from monitor.cli.exits import FINDINGS
from monitor.cli.logging import configure_logging
from monitor.cli.output import print_json
from monitor.clock import SystemClock
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.errors import SurroundingsError
from monitor.spec import parse_duration_ms
from monitor.store.history import observed_values, stored_windows
from monitor.store.reading import stored_alerts
from monitor.store.sqlite import file_in

NAMES = (
    "pages",
    "pages_per_week",
    "pages_per_week_upper",
    "alerts",
    "critical",
    "warnings",
    "incidents",
    "added",
    "removed",
    "changed",
)
"""What a condition of `--fail-on` can be about."""
_OF_DIFF = ("added", "removed", "changed")


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    config: Path
    inputs: tuple[str, ...]
    from_: datetime | None
    to: datetime | None
    stored: bool = False
    warm_up: str = "0s"
    old: Path | None = None
    sweep: str | None = None
    at_most: float | None = None
    fail_on: tuple[str, ...] = ()
    sink: str | None = None
    as_json: bool = False
    partition_column: str | None = None
    timestamp_column: str | None = None

    @property
    def from_store(self) -> bool:
        """Whether the stored panes are judged: asked for, or nothing else is."""
        return self.stored or not (self.inputs or self.from_ or self.to)


def run_backtest(request: Request) -> None:
    """Run it, print what was found and end with FINDINGS where a condition holds.

    Raises typer.BadParameter, ConfigError, SurroundingsError or Retryable.
    """
    configure_logging("warning")
    clock = SystemClock()
    conditions = _conditions(request)
    if request.stored and request.inputs:
        raise typer.BadParameter(
            "takes the panes in the store; it goes with --from and --to only", param_hint="--stored"
        )
    config = load(request.config)
    old = None if request.old is None else load(request.old)
    sinks = [spec.name for spec in config.sinks]
    if request.sink is not None and request.sink not in sinks:
        message = f"there is no sink {request.sink}; there are {', '.join(sinks) or 'none'}"
        raise typer.BadParameter(message, param_hint="--sink")
    sweep, variants = _variants(config, request)
    stretch = _stretch(request, clock)
    silences = _silences(config, clock)
    try:
        histories = _histories(config, request, Asked(stretch, silences, variants), clock)
    except UnfitSweep as error:
        raise typer.BadParameter(str(error), param_hint="--sweep") from error
    before = None
    if old is not None:
        before = _histories(old, request, Asked(stretch, silences), clock, store=config)[0]
    _require_windows(histories[0], request.config)
    if before is not None and request.old is not None:
        _require_windows(before, request.old)
    for history in (*histories, *([] if before is None else [before])):
        history.pager.main = request.sink if request.sink in history.pager.pages else history.pager.main
    found = Found(config, histories[0], len(silences), old, before, sweep, tuple(histories[1:]), request.at_most)
    if before is not None:
        found.difference = compare(before.alerts, found.history.alerts, found.history.last_ms)
    if request.as_json or not sys.stdout.isatty():
        print_json(document(found))
    else:
        print_found(found)
    _judge(found, conditions)


def _conditions(request: Request) -> list[Condition]:
    names = [name for name in NAMES if request.old is not None or name not in _OF_DIFF]
    try:
        return [parse_condition(text, names) for text in request.fail_on]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fail-on") from error


def _variants(config: Config, request: Request) -> tuple[Sweep | None, Sequence[Config]]:
    """Return what is swept, and the configuration with each value."""
    if request.sweep is None:
        if request.at_most is not None:
            raise typer.BadParameter("needs --sweep", param_hint="--at-most")
        return None, ()
    try:
        sweep = parse_sweep(request.sweep)
        return sweep, swept(config, sweep)
    except UnfitSweep as error:
        raise typer.BadParameter(str(error), param_hint="--sweep") from error


def _stretch(request: Request, clock: SystemClock) -> Stretch:
    """Return what counts; of a topic without an end, what is over by now."""
    from_ms, to_ms = _ms(request.from_), _ms(request.to)
    if from_ms is not None and to_ms is not None and to_ms <= from_ms:
        raise typer.BadParameter("is not after --from", param_hint="--to")
    if to_ms is None and not request.inputs and not request.from_store:
        to_ms = clock.now_ms()
    return Stretch(from_ms, to_ms)


def _histories(
    config: Config, request: Request, asked: Asked, clock: SystemClock, store: Config | None = None
) -> list[History]:
    """Return the history of a configuration and of its variants; the panes are those in the store of `store`."""
    if request.from_store:
        path = file_in(Path((store or config).store.path))
        found, passed_over = over_store(config, stored_windows(path), asked, observed_values(path))
        if passed_over:
            typer.echo(f"driftline: {passed_over} stored windows have another length and are left out", err=True)
        return found
    if request.inputs:
        source = open_files(
            config,
            request.inputs,
            asked.stretch,
            partition_column=request.partition_column,
            timestamp_column=request.timestamp_column,
        )
    else:
        try:
            warm_up_ms = parse_duration_ms(request.warm_up)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--warm-up") from error
        source = open_topic(config, asked.stretch, clock, warm_up_ms)
    return over_input(config, source, asked)


def _silences(config: Config, clock: SystemClock) -> Sequence[Silence]:
    """Return the silences that the daemon's store keeps, those that are over too; none without a store."""
    path = file_in(Path(config.store.path))
    return stored_alerts(path, clock.now_ms()).silences if path.is_file() else ()


def _require_windows(history: History, file: Path) -> None:
    """Raise SurroundingsError where a configuration judged no window: no rate could be told."""
    if not history.windows:
        rejects = history.totals.get("rejects", 0)
        raise SurroundingsError(f"no window lies in the stretch by {file}: {rejects} of its records are rejects")


def _judge(found: Found, conditions: Sequence[Condition]) -> None:
    """End the process with FINDINGS where one of the conditions holds, and say which."""
    numbers = numbers_of(found)
    held = [condition for condition in conditions if condition.holds(numbers)]
    for condition in held:
        typer.echo(f"driftline: {condition} holds: {condition.name} is {numbers[condition.name]:.6g}", err=True)
    if held:
        raise typer.Exit(FINDINGS)


def _ms(moment: datetime | None) -> int | None:
    """Return an event time in milliseconds; one without offset is UTC."""
    if moment is None:
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
