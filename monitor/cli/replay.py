"""`driftline replay`: the same engine over a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.check import ConfigFile


def replay(
    config: ConfigFile,
    input_: Annotated[
        list[str], typer.Option("--input", metavar="FILE", help="Records: .jsonl, .jsonl.gz, .csv or .parquet.")
    ],
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the lines go; without it, to stdout.")
    ] = None,
    partition_column: Annotated[str | None, typer.Option(help="The column whose values are the partitions.")] = None,
    timestamp_column: Annotated[str | None, typer.Option(help="The column that stands for Kafka's timestamp.")] = None,
    fields: Annotated[bool, typer.Option("--fields", help="Also one line of statistics per field and window.")] = False,
) -> None:
    """Judge every window of a file, deterministically, and print verdicts, alerts and a summary as JSON lines."""
    from monitor.cli.logging import configure_logging
    from monitor.cli.output import json_lines
    from monitor.replaying import open_replay

    configure_logging("warning")
    run = open_replay(config, input_, partition_column=partition_column, timestamp_column=timestamp_column)
    json_lines(run.lines(fields=fields), output)
