"""`driftline notify`: tries sinks."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli.check import ConfigFile

notify = typer.Typer(no_args_is_help=True, help="Try where alerts go.")


@notify.callback()
def _root() -> None:
    pass


@notify.command("test")
def send(
    config: ConfigFile,
    sink: Annotated[str, typer.Option(metavar="NAME", help="The sink's name in the configuration.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent, without secrets; send nothing.")
    ] = False,
) -> None:
    """Send a test alert to a sink, then its end; it is marked as a test and does not pass through the outbox."""
    from monitor.cli.notifying import run_test

    run_test(config, sink, dry_run=dry_run)
