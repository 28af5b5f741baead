"""`driftline report`: one self-contained HTML file about a stretch of data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.check import ConfigFile


def report(
    config: ConfigFile,
    input_: Annotated[
        list[str], typer.Option("--input", metavar="FILE", help="Records: .jsonl, .jsonl.gz, .csv or .parquet.")
    ],
    output: Annotated[Path, typer.Option(metavar="FILE", help="Where the report goes; it is replaced.")],
    partition_column: Annotated[str | None, typer.Option(help="The column whose values are the partitions.")] = None,
    timestamp_column: Annotated[str | None, typer.Option(help="The column that stands for Kafka's timestamp.")] = None,
) -> None:
    """Judge every window of a file and draw each field beside its baseline, its scores over time and what happened."""
    from monitor.cli.reporting import write_report

    write_report(config, input_, output, partition_column=partition_column, timestamp_column=timestamp_column)
