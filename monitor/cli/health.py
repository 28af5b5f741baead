"""`driftline health`: asks a running daemon how it is, for container runtimes that want a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def health(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="The daemon's configuration.")
    ] = None,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Where it answers, in place of --config.")] = None,
    ready: Annotated[bool, typer.Option("--ready", help="Ask /readyz in place of /livez.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="How long the answer may take.")] = 5.0,
) -> None:
    """Ask a running daemon whether it is alive, or ready; exits with 1 when it is not or does not answer."""
    from monitor.cli.exits import FINDINGS
    from monitor.cli.probing import address_of, configured_address, probe

    if (config is None) == (url is None):
        raise typer.BadParameter("give --config FILE or --url URL")
    address = configured_address(config) if config is not None else address_of(url or "")
    well, said = probe(address, "/readyz" if ready else "/livez", timeout)
    typer.echo(said, err=not well)
    if not well:
        raise typer.Exit(FINDINGS)
