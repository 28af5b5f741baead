"""`driftline check`: says what is wrong with a configuration, or what it will do and cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.output import Output, OutputFormat

ConfigFile = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration, YAML.")]
"""The option that names the configuration."""


def check(
    config: ConfigFile,
    connect: Annotated[bool, typer.Option(help="Also try brokers, topics and sinks; sends nothing.")] = False,
    sample: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also decode and check records (.jsonl, .csv, .parquet).")
    ] = None,
    partitions: Annotated[
        int, typer.Option(min=1, max=100_000, help="Partitions to assume for series and memory.")
    ] = 8,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Validate a configuration: every error at once, else what it does, what it costs and all its settings."""
    from monitor.cli.checking import run_check

    run_check(config, partitions=partitions, connect=connect, sample=sample, output=output)
