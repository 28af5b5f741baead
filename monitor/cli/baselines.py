"""The work of `driftline baseline`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import typer

from monitor.accumulators.categories import Categories
from monitor.accumulators.comoment import Comoment
from monitor.accumulators.moments import Moments
from monitor.accumulators.presence import PresenceCounts
from monitor.baseline import Baseline, Lineage
from monitor.baseline.pointer import Move
from monitor.building import apart, build_baseline
from monitor.cli.baseline_versions import files_of_baseline
from monitor.cli.logging import configure_logging
from monitor.cli.output import OutputFormat, print_json
from monitor.clock import SystemClock
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.describe import field_cells
from monitor.learning import source_name
from monitor.profile import frame_key
from monitor.replaying import files_of
from monitor.sources import PartitionedSource
from monitor.spec import format_duration

_SHORT = 12


def run_build(
    file: Path, inputs: Sequence[str] | None, from_: datetime | None, to: datetime | None, output: OutputFormat
) -> None:
    """Build and save a version; print what it is."""
    configure_logging("warning")
    config = load(file)
    files = files_of_baseline(config)
    clock = SystemClock()
    from_ms, to_ms = _ms(from_), _ms(to)
    source, name = _source(config, inputs, from_ms, clock)
    try:
        built = build_baseline(config, source, name, clock.now_ms(), from_ms=from_ms, to_ms=to_ms)
    finally:
        source.close()
    version = files.save(built.baseline, built.lineage)
    if output is OutputFormat.JSON:
        print_json({"version": version, **asdict(built.lineage), "rejects_by_reason": dict(built.rejects)})
        return
    typer.echo(f"baseline {version[:_SHORT]} of {built.lineage.rows} rows from {name} is now the current one")
    if built.lineage.truncated:
        typer.echo(f"warning: only the first {built.lineage.rows} rows were taken (limits.max_baseline_rows)", err=True)
    if built.rejects:
        typer.echo(f"warning: left out {built.rejects.total()} rejects: {dict(built.rejects)}", err=True)


def run_list(file: Path, output: OutputFormat) -> None:
    """Print all versions, oldest first."""
    files = files_of_baseline(load(file))
    current = files.current()
    found = files.versions()
    promoted = {move.version: move for move in files.history()}
    if output is OutputFormat.JSON:
        print_json(
            [
                {
                    "version": version,
                    "current": version == current,
                    "promoted": asdict(promoted[version]) if version in promoted else None,
                    **asdict(lineage),
                }
                for version, lineage in found
            ]
        )
        return
    if not found:
        typer.echo(f"no baselines in {files.path}")
    for version, lineage in found:
        mark = "*" if version == current else " "
        typer.echo(
            f"{mark} {version[:_SHORT]}  {_time(lineage.created_at_ms)}  {lineage.rows:>9} rows  {lineage.source}"
            f"{_promotion(promoted.get(version))}"
        )


def _promotion(move: Move | None) -> str:
    """Return when and how a version became the current one last; nothing where nobody knows."""
    if move is None:
        return ""
    return f"  (current from {_time(move.at_ms)} by {move.by}{': ' + move.reason if move.reason else ''})"


def run_show(file: Path, version: str | None, output: OutputFormat) -> None:
    """Print a version's lineage and statistics."""
    files = files_of_baseline(load(file))
    found, lineage = files.load(version)
    cells = field_cells(found)
    if output is OutputFormat.JSON:
        shown = {path: {**facts, "cells": cells.get(path)} for path, facts in _fields(found).items()}
        print_json({"version": found.version, **asdict(lineage), "seasons": _seasons(found), "fields": shown})
        return
    typer.echo(f"baseline {found.version}")
    for name, value in _lineage(lineage):
        typer.echo(f"  {name:<12}{value}")
    typer.echo(f"  {'windows':<12}{_windows(found)}")
    for name, value in _seasons(found).items():
        typer.echo(f"  {name:<12}{value}")
    for path, facts in _fields(found).items():
        typer.echo(f"  {path} ({facts.pop('type')}): " + ", ".join(f"{k} {_show(v)}" for k, v in facts.items()))
        for label, share in cells.get(path, {}).items():
            typer.echo(f"    {share:7.2%}  {label}")


def _source(
    config: Config, inputs: Sequence[str] | None, from_ms: int | None, clock: SystemClock
) -> tuple[PartitionedSource, str]:
    """Return what to read: files, or the configured source from its beginning or from a time on."""
    if inputs:
        return files_of(config, inputs), ", ".join(inputs)
    start = "earliest" if from_ms is None else datetime.fromtimestamp(from_ms / 1000, UTC).isoformat()
    return apart(config, clock, start), source_name(config)


def _fields(baseline: Baseline) -> dict[str, dict[str, Any]]:
    """Return each field's type and main statistics over all rows."""
    out: dict[str, dict[str, Any]] = {path: {"type": kind} for path, kind in baseline.fields.items()}
    for spec, accumulator in baseline.profile.accumulators.items():
        if isinstance(accumulator, Comoment):
            rows, complete = int(accumulator.rows[0]), int(accumulator.n[0])
            out[frame_key(spec)] = {
                "type": "group",
                "fields": list(accumulator.frame.fields),
                "incomplete_ratio": (rows - complete) / max(rows, 1),
                "components": len(accumulator.frame.fields) - accumulator.frame.residual.shape[1],
            }
        if getattr(spec, "fields", None) is not None:
            continue
        facts = out[frame_key(spec)]
        if isinstance(accumulator, PresenceCounts):
            rows = max(int(accumulator.rows[0]), 1)
            facts |= {
                "missing_ratio": int(accumulator.missing[0]) / rows,
                "invalid_ratio": int(accumulator.invalid[0]) / rows,
            }
        elif isinstance(accumulator, Moments) and accumulator.n[0]:
            facts |= {
                "mean": float(accumulator.mean[0]),
                "stddev": float(np.sqrt(accumulator.variance[0])),
                "min": float(accumulator.min[0]),
                "max": float(accumulator.max[0]),
            }
        elif isinstance(accumulator, Categories):
            facts |= {"values": len(accumulator.frame.keys), "top": list(accumulator.frame.categories[:3])}
    for path, facts in _rho(baseline).items():
        out[path] |= facts
    return out


def _seasons(baseline: Baseline) -> dict[str, Any]:
    """Return by which hours the rows were counted, and which of them have none; empty for other baselines."""
    slots = baseline.slots
    if slots is None:
        return {}
    empty = [slots.season.name(slot) for slot in np.flatnonzero(slots.rows == 0).tolist()]
    lacking = f"; no rows, so as all hours together: {', '.join(empty)}" if empty else ""
    filled = slots.season.slots - len(empty)
    return {"season": f"{slots.season.kind}, {slots.season.time_zone}: {filled} of {slots.season.slots} hours{lacking}"}


def _rho(baseline: Baseline) -> dict[str, dict[str, Any]]:
    """Return what is known of the correlation of rows within windows, by field, over all rows."""
    out: dict[str, dict[str, Any]] = {}
    found = {} if baseline.correlation is None else baseline.correlation.estimates
    for spec, estimated in found.items():
        facts = out.setdefault(frame_key(spec), {})
        name = {"presence": "rho_missing", "fourier": "rho_mmd"}.get(spec.kind, "rho")
        facts[name], facts[f"{name}_error"] = float(estimated.rho[0]), float(estimated.error[0])
        facts.setdefault("rho_windows", 0)
        facts["rho_windows"] = max(facts["rho_windows"], int(estimated.windows[0]))
    return out


def _windows(baseline: Baseline) -> str:
    """Return in words what windows the correlation was estimated from."""
    found = baseline.correlation
    if found is None:
        return "not counted; rows are taken as independent"
    spelled = f"{found.windows} of {format_duration(found.window_ms)}"
    return spelled if found.estimates else f"{spelled}, too few to tell; rows are taken as independent"


def _lineage(lineage: Lineage) -> list[tuple[str, str]]:
    return [
        ("built", _time(lineage.created_at_ms)),
        ("from", lineage.source),
        ("rows", f"{lineage.rows} ({lineage.rejects} rejects left out)"),
        ("event time", f"{_time(lineage.first_ms)} … {_time(lineage.last_ms)}"),
    ]


def _time(ms: int | None) -> str:
    return "-" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ms(moment: datetime | None) -> int | None:
    """Return an event time in milliseconds; one without offset is UTC."""
    if moment is None:
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _show(value: Any) -> str:
    return (
        f"{value:.6g}"
        if isinstance(value, float)
        else ", ".join(map(str, value))
        if isinstance(value, list)
        else str(value)
    )
