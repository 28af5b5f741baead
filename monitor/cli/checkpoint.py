"""`driftline checkpoint`: looks into the store, writes it out, and takes things out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.output import Output, OutputFormat

checkpoint = typer.Typer(no_args_is_help=True, help="Look into the store, write it out, or take things out of it.")

StoreConfig = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="The configuration: names the store.")
]
"""The option that says where the store is by its configuration."""

StoreDirectory = Annotated[
    Path | None, typer.Option("--store", metavar="DIRECTORY", help="The store itself, where there is no configuration.")
]
"""The option that says where the store is."""


@checkpoint.command()
def inspect(config: StoreConfig = None, store: StoreDirectory = None, output: Output = OutputFormat.TEXT) -> None:
    """Show partitions, offsets, panes, sizes, epoch, outbox and alerts; exit code 1 where something is damaged.

    Beside a running daemon, too.
    """
    from monitor.cli.checkpoints import directory_of, run_inspect

    run_inspect(directory_of(config, store), output)


@checkpoint.command()
def export(
    config: StoreConfig = None,
    store: StoreDirectory = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="By default stdout.")] = None,
) -> None:
    """Write what the store holds as JSON lines, without secrets; beside a running daemon, too."""
    from monitor.cli.checkpoints import directory_of, run_export

    run_export(directory_of(config, store), output)


@checkpoint.command()
def reset(
    config: StoreConfig = None,
    store: StoreDirectory = None,
    partition: Annotated[
        list[str] | None, typer.Option("--partition", metavar="TOPIC:N", help="Only this partition; may be repeated.")
    ] = None,
    to_offset: Annotated[
        int | None, typer.Option("--to-offset", min=0, metavar="N", help="Where the one --partition goes on.")
    ] = None,
    alerts: Annotated[bool, typer.Option("--alerts", help="Only what fires, waits and was told.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it is only said what would be done.")] = False,
) -> None:
    """Forget the whole store (it is moved aside), or only some of it; not while a daemon uses it."""
    from monitor.cli.checkpoints import directory_of, run_reset

    if to_offset is not None and len(partition or ()) != 1:
        raise typer.BadParameter("goes with exactly one --partition", param_hint="--to-offset")
    run_reset(directory_of(config, store), partition or [], to_offset, alerts=alerts, yes=yes)
