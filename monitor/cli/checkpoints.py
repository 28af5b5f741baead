"""The work of `driftline checkpoint`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from monitor.alerting import AlertBook
from monitor.cli.exits import FINDINGS
from monitor.cli.output import OutputFormat, in_bytes, json_lines, print_json, print_pairs
from monitor.cli.tables import print_rows
from monitor.config.loader import load
from monitor.errors import SurroundingsError
from monitor.printable import iso, printable
from monitor.store.inspecting import exported, in_use, inspected
from monitor.store.resetting import reset_alerts, reset_all, reset_partition
from monitor.types import TopicPartition
from monitor.windows import NEVER_MS


def directory_of(config: Path | None, store: Path | None) -> Path:
    """Return where the store is; raises typer.BadParameter unless exactly one of the two says so."""
    if (config is None) == (store is None):
        raise typer.BadParameter("give one of the two", param_hint="--config / --store")
    return store if store is not None else Path(load(config).store.path)  # type: ignore[arg-type]


def run_inspect(directory: Path, output: OutputFormat) -> None:
    """Print what the store holds; raises typer.Exit where something is damaged."""
    found = inspected(directory)
    if output is OutputFormat.JSON:
        print_json(found)
    else:
        _print(found)
    if found["problems"]:
        raise typer.Exit(FINDINGS)


def _print(found: dict[str, Any]) -> None:
    epoch, windows = found["epoch"] or {}, found.get("windows") or {}
    print_pairs(
        [
            ("store", found["path"]),
            ("in use", "by a running daemon" if found["in_use"] else "no"),
            ("format", str(found["format"])),
            ("size", f"{in_bytes(found['bytes'])} and {in_bytes(found['wal_bytes'])} of log"),
            ("epoch", " ".join(f"{name}={value}" for name, value in epoch.items()) or "none"),
            ("baseline", str(found["baseline"])),
            ("windows", f"{windows.get('count')}, {in_bytes(windows.get('bytes') or 0)}"),
            ("alerts", f"{found['alerts_firing']} firing, {found['silences']} silences"),
            ("events", str(found["events"])),
        ]
    )
    if found["partitions"]:
        columns = ("topic", "partition", "from_offset", "next_offset", "max_event", "rows", "rejects", "panes", "bytes")
        print_rows(columns, [_row(each) for each in found["partitions"]])
    if found["memory"]:
        print_rows(("remembered by", "bytes"), [(each["of"], in_bytes(each["bytes"])) for each in found["memory"]])
    if found["outbox"]:
        names = ("sink", "status", "waiting", "held", "attempts")
        print_rows(names, [tuple(str(each[name]) for name in names) for each in found["outbox"]])
    for lacking in found["lacks"]:
        typer.echo(f"older: {printable(lacking, 300)}")
    for problem in found["problems"]:
        typer.echo(f"damaged: {printable(problem, 300)}")


def _row(each: dict[str, Any]) -> tuple[str, ...]:
    at_ms = each["max_event_ms"]
    at = iso(at_ms) if isinstance(at_ms, int) and at_ms > NEVER_MS else "never"
    numbers = (each["rows"], each["rejects"], each["panes"])
    ends = (str(each["from_offset"]), str(each["next_offset"]), str(at))
    return (each["topic"], str(each["partition"]), *ends, *map(str, numbers), in_bytes(each["pane_bytes"]))


def run_export(directory: Path, output: Path | None) -> None:
    """Write the store as JSON lines."""
    json_lines(exported(directory), output)


def run_reset(directory: Path, partitions: list[str], to_offset: int | None, *, alerts: bool, yes: bool) -> None:
    """Reset what is named, everything where nothing is; raises typer.Exit without `yes`."""
    wanted = [_partition(each) for each in partitions]
    if in_use(directory):
        raise SurroundingsError(f"a daemon uses the store {directory}; stop it first")
    what = [f"partition {each.topic}:{each.partition}" for each in wanted] + (["alerts"] if alerts else [])
    named = ", ".join(what) or "everything: offsets, statistics, history, alerts and silences"
    if not yes:
        typer.echo(f"would reset {named}; add --yes to do it", err=True)
        raise typer.Exit(2)
    if not what:
        kept = reset_all(directory)
        typer.echo(f"the store is empty; what it was is {kept}")
    for each in wanted:
        at = reset_partition(directory, each, to_offset, NEVER_MS)
        if at is None:
            raise SurroundingsError(f"{each.topic}:{each.partition} is not in the store; see `checkpoint inspect`")
        goes_on = "where the configuration says" if to_offset is None else f"at {to_offset}"
        typer.echo(f"{each.topic}:{each.partition} stood at {at} and goes on {goes_on}")
    if alerts:
        typer.echo(f"forgot {reset_alerts(directory, AlertBook('').state())} firing alerts and what waited")


def _partition(text: str) -> TopicPartition:
    topic, _, number = text.rpartition(":")
    if not topic or not number.isdecimal():
        raise typer.BadParameter(f"{text!r} is not TOPIC:N", param_hint="--partition")
    return TopicPartition(topic, int(number))
