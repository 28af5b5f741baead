"""`driftline dope`: what would this configuration catch?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.check import ConfigFile


def dope(  # noqa: PLR0913, PLR0917 - every option is an argument
    config: ConfigFile,
    input_: Annotated[
        list[str], typer.Option("--input", metavar="FILE", help="Records: .jsonl, .jsonl.gz, .csv or .parquet.")
    ],
    faults: Annotated[str, typer.Option(metavar="A,B", help="Only these faults.")] = "",
    severity: Annotated[
        str, typer.Option(metavar="A,B", help="small, medium, large, gross, or noncentralities such as 50.")
    ] = "small,medium,large,gross",
    within: Annotated[int, typer.Option(min=1, help="A fault is caught within so many windows, or missed.")] = 20,
    injections: Annotated[int, typer.Option(min=1, help="So many of each fault and severity.")] = 3,
    onsets: Annotated[int, typer.Option(min=1, help="So many windows with which faults begin.")] = 3,
    fields: Annotated[str, typer.Option(metavar="A,B", help="Only into these fields.")] = "",
    require: Annotated[
        list[str] | None,
        typer.Option(metavar="'recall>=0.9'", help="End with 1 unless this holds; may be given several times."),
    ] = None,
    limits: Annotated[
        bool, typer.Option(help="Also search each field's smallest share of nulls, shift and mix that is caught.")
    ] = True,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Where a picture (SVG) goes.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Everything as one JSON document.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="The same seed injects the same.")] = 0,
    partition_column: Annotated[str | None, typer.Option(help="The column whose values are the partitions.")] = None,
    timestamp_column: Annotated[str | None, typer.Option(help="The column that stands for Kafka's timestamp.")] = None,
) -> None:
    """Inject known faults into your own records and say what this configuration would catch, and how soon."""
    from monitor.cli.dope_options import wanted_of
    from monitor.cli.doping import dope_files

    wanted = wanted_of(faults, severity, fields, within, injections, onsets, seed, limits=limits)
    dope_files(
        config,
        input_,
        wanted,
        require or (),
        plot=plot,
        as_json=json,
        columns=(partition_column, timestamp_column),
    )
