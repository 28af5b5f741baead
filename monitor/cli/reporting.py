"""The work of `driftline report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from monitor.baseline import BaselineFiles
from monitor.cli.logging import configure_logging
from monitor.cli.output import in_bytes, plural
from monitor.clock import SystemClock
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.replaying import open_replay
from monitor.report import gather, render
from monitor.report.page import Origin


def write_report(
    file: Path,
    inputs: Sequence[str],
    output: Path,
    *,
    partition_column: str | None = None,
    timestamp_column: str | None = None,
) -> None:
    """Replay the inputs, write the report and say where it is.

    Raises typer.BadParameter, before anything is read, where the file cannot be written.
    """
    configure_logging("warning")
    config = load(file)
    replay = open_replay(file, inputs, partition_column=partition_column, timestamp_column=timestamp_column)
    try:
        out = output.open("w", encoding="utf-8", errors="replace")
    except OSError as error:
        raise typer.BadParameter(f"{output} cannot be written: {error.strerror}", param_hint="--output") from error
    with out:
        found = gather(replay)
        written = out.write(render(found, _origin(config, inputs), SystemClock().now_ms()))
    typer.echo(f"{output}: {plural(found.windows, 'window')}, {plural(found.fired, 'alert')}, {in_bytes(written)}")


def _origin(config: Config, inputs: Sequence[str]) -> Origin:
    """Return where the data and the baseline came from."""
    names = tuple(Path(path).name for path in inputs)
    if config.baseline is None:
        return Origin(names, config.digest)
    baseline, lineage = BaselineFiles(config.baseline.path).load()
    return Origin(
        names, config.digest, baseline.version, lineage.source, lineage.rows, lineage.first_ms, lineage.last_ms
    )
