"""`driftline backtest`: which alerts and pages a configuration would have brought on history."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.check import ConfigFile


def backtest(  # noqa: PLR0913, PLR0917 - an option each
    config: ConfigFile,
    input_: Annotated[
        list[str] | None, typer.Option("--input", metavar="FILE", help="Records: .jsonl, .jsonl.gz, .csv or .parquet.")
    ] = None,
    from_: Annotated[
        datetime | None, typer.Option("--from", help="Only windows from this event time on (UTC).")
    ] = None,
    to: Annotated[
        datetime | None, typer.Option(help="Only windows up to this event time (UTC); of topics, by now.")
    ] = None,
    stored: Annotated[
        bool, typer.Option("--stored", help="Judge the panes in the store anew; so also without input and times.")
    ] = False,
    warm_up: Annotated[
        str, typer.Option(metavar="DURATION", help="Of topics: so much before --from is read, for what remembers.")
    ] = "0s",
    diff: Annotated[
        Path | None, typer.Option(metavar="OLD", help="Another configuration, to say what differs from it.")
    ] = None,
    sweep: Annotated[
        str | None, typer.Option(metavar="NAME.SETTING=V,V,…", help="Also with these values: psi.warning=0.1,0.2.")
    ] = None,
    at_most: Annotated[
        float | None,
        typer.Option(metavar="N", min=0, help="With --sweep: name the first value with so few pages a week."),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(metavar="CONDITION", help="End with 1 where it holds: pages_per_week>2, critical, added."),
    ] = None,
    sink: Annotated[
        str | None, typer.Option(metavar="NAME", help="Count the pages of this sink; by default the first that pages.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object also on a terminal.")] = False,
    partition_column: Annotated[str | None, typer.Option(help="The column whose values are the partitions.")] = None,
    timestamp_column: Annotated[str | None, typer.Option(help="The column that stands for Kafka's timestamp.")] = None,
) -> None:
    """Judge history by a configuration: which alerts would have fired, when, and how many pages a week."""
    from monitor.cli.backtesting import Request, run_backtest

    run_backtest(
        Request(
            config,
            tuple(input_ or ()),
            from_,
            to,
            stored=stored,
            warm_up=warm_up,
            old=diff,
            sweep=sweep,
            at_most=at_most,
            fail_on=tuple(fail_on or ()),
            sink=sink,
            as_json=json,
            partition_column=partition_column,
            timestamp_column=timestamp_column,
        )
    )
