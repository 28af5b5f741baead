"""`driftline init`: a commented configuration and a baseline, proposed from a file or a topic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

DEFAULT_RECORDS = 50_000


def init(  # noqa: PLR0913, PLR0917 - every option is an argument
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Records: .jsonl, .jsonl.gz, .csv or .parquet.")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="The topic to read from its beginning.")] = None,
    bootstrap: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Brokers to ask first.")] = None,
    security: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML: what stands below source.security, such as protocol.")
    ] = None,
    client: Annotated[
        Literal["kafka-python", "librdkafka"], typer.Option(help="The Kafka client library.")
    ] = "kafka-python",
    connect_timeout: Annotated[str, typer.Option(metavar="T", help="How long to wait for brokers and topic.")] = "15s",
    records: Annotated[int, typer.Option(min=1, metavar="N", help="Learn from the first N records.")] = DEFAULT_RECORDS,
    time_field: Annotated[str | None, typer.Option(metavar="PATH", help="The field that is the event time.")] = None,
    name: Annotated[str | None, typer.Option(help="The monitor's name; by default that of the topic or file.")] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="DIRECTORY", help="Where the baseline goes; by default baselines/NAME.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where the configuration goes.")
    ] = Path("driftline.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the configuration if it exists.")] = False,
) -> None:
    """Propose a configuration and a baseline from a sample: types, checks and thresholds, each with its reason."""
    from monitor.cli.initializing import Request, run_init

    run_init(
        Request(
            file=file,
            topic=topic,
            bootstrap=bootstrap,
            security=security,
            client=client,
            connect_timeout=connect_timeout,
            records=records,
            time_field=time_field,
            name=name,
            baseline=baseline,
            output=output,
            force=force,
        )
    )
