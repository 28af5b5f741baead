"""The work of `driftline baseline diff`, `promote` and `rollback`: versions beside each other, and which is current."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import typer

from monitor.baseline import BaselineFiles
from monitor.baseline.diff import FieldDiff, diff
from monitor.baseline.pointer import Move
from monitor.cli.output import OutputFormat, print_json
from monitor.clock import SystemClock
from monitor.compile import compile_plan, load_baseline
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.errors import ConfigError, Problem
from monitor.sources import KafkaSpec

_SHORT = 12
_NEXT_START = "a running daemon takes it at its next start"


def files_of_baseline(config: Config) -> BaselineFiles:
    """Return the directory of the configured baseline; raises ConfigError where there is none."""
    if config.baseline is None:
        remedy = "add baseline: {kind: file, path: DIRECTORY}"
        raise ConfigError([Problem("baseline", "no baseline is configured", remedy=remedy)])
    return BaselineFiles(config.baseline.path)


def run_diff(file: Path, a: str, b: str | None, output: OutputFormat) -> None:
    """Print what lies between two versions; without the second, between the first and the current one."""
    files = files_of_baseline(load(file))
    (one, from_one), (other, from_other) = files.load(a), files.load(b)
    found = diff(one, other)
    if output is OutputFormat.JSON:
        sides = {"from": {"version": one.version, **asdict(from_one)}, "to": {"version": other.version}}
        sides["to"] |= asdict(from_other)
        print_json({**sides, "fields": [asdict(each) for each in found]})
        return
    typer.echo(f"from {one.version[:_SHORT]}: {from_one.rows} rows of {from_one.source}")
    typer.echo(f"to   {other.version[:_SHORT]}: {from_other.rows} rows of {from_other.source}")
    if one.version == other.version:
        typer.echo("they are the same")
        return
    rows: list[tuple[str, ...]] = [("field", "psi", "ks", "tv", "missing", "invalid", "mean", "range", "values")]
    rows += [_row(each) for each in found]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if any(not each.exact for each in found if each.psi is not None):
        typer.echo("~ counted on other cuts: interpolated on those of the first")


def run_promote(file: Path, version: str, reason: str, output: OutputFormat) -> None:
    """Make a version the current one, if it fits the configuration."""
    config = load(file)
    files = files_of_baseline(config)
    _check_fit(config, files.resolve(version))
    _moved(files, lambda: files.promote(version, SystemClock().now_ms(), reason), output)


def run_rollback(file: Path, reason: str, output: OutputFormat) -> None:
    """Return to the version that was current before, if it fits the configuration."""
    config = load(file)
    files = files_of_baseline(config)
    _check_fit(config, files.before())
    _moved(files, lambda: files.rollback(SystemClock().now_ms(), reason), output)


def _check_fit(config: Config, version: str) -> None:
    """Raise ConfigError where the daemon could not start with this version."""
    compile_plan(config, load_baseline(config, version), bounded=not isinstance(config.source, KafkaSpec))


def _moved(files: BaselineFiles, move: Callable[[], Move | None], output: OutputFormat) -> None:
    """Move the pointer and print what has become of it."""
    done = move()
    if output is OutputFormat.JSON:
        print_json({"version": files.current(), "changed": done is not None, **(asdict(done) if done else {})})
        return
    if done is None:
        typer.echo(f"baseline {(files.current() or '')[:_SHORT]} is the current one already")
        return
    before = f", before it was {done.previous[:_SHORT]}" if done.previous else ""
    typer.echo(f"baseline {done.version[:_SHORT]} is now the current one{before}; {_NEXT_START}")


def _row(each: FieldDiff) -> tuple[str, ...]:
    """Return one field's row of the table."""
    a, b = each.before, each.after
    if a is None or b is None:
        return (each.field, *("",) * 7, "only in the first" if b is None else "only in the second")
    mark = "" if each.exact else "~"
    scores = (f"{mark}{score:.4f}" if score is not None else "-" for score in (each.psi, each.ks, each.tv))
    values = [f"+{value}" for value in each.added] + [f"-{value}" for value in each.removed]
    ranges = "-" if a.min is None else f"{_number(a.min)} … {_number(a.max)} → {_number(b.min)} … {_number(b.max)}"
    return (
        each.field,
        *scores,
        _change(a.missing_ratio, b.missing_ratio),
        _change(a.invalid_ratio, b.invalid_ratio),
        _change(a.mean, b.mean),
        ranges,
        " ".join(values),
    )


def _change(a: float | None, b: float | None) -> str:
    if a is None and b is None:
        return "-"
    return _number(a) if a == b else f"{_number(a)} → {_number(b)}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
