"""`driftline silence`: mutes new notifications of matching alerts, with reason and end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.output import Output, OutputFormat

silence = typer.Typer(no_args_is_help=True, help="Mute new notifications of some alerts, with reason and end.")

DaemonConfig = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="The configuration: names address and token.")
]
"""The option that says where the daemon is by its configuration."""

DaemonUrl = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="DRIFTLINE_URL",
        metavar="URL",
        help="Where the daemon answers; the token is taken from -c or from DRIFTLINE_TOKEN.",
    ),
]
"""The option that says where the daemon is."""


@silence.command("add")
def add(  # noqa: PLR0913, PLR0917 - each is an option
    matchers: Annotated[
        list[str], typer.Argument(metavar="MATCHER…", help="label=value, !=, =~ or !~ an expression; all must hold.")
    ],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for whoever finds an alert held.")],
    lasts: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="How long, such as 2h.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Until when, such as 2026-12-01T06:00:00Z.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From when on; by default now.")] = None,
    author: Annotated[str | None, typer.Option(metavar="NAME", help="Who; by default the user.")] = None,
    config: DaemonConfig = None,
    url: DaemonUrl = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Hold new notifications of the alerts that fulfil all matchers; needs http.token. Prints the silence's id."""
    from monitor.cli.daemon_api import daemon_api
    from monitor.cli.silencing import run_add

    if (lasts is None) == (until is None):
        raise typer.BadParameter("a silence must end; give one of the two", param_hint="--for / --until")
    wanted = {"matchers": matchers, "reason": reason, "for": lasts, "ends_at": until, "starts_at": start}
    run_add(daemon_api(config, url), wanted, author, output)


@silence.command("list")
def list_silences(
    expired: Annotated[bool, typer.Option("--expired", help="Also those that ended in the last days.")] = False,
    config: DaemonConfig = None,
    url: DaemonUrl = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """List the silences that are in force or will be."""
    from monitor.cli.daemon_api import daemon_api
    from monitor.cli.silencing import run_list

    run_list(daemon_api(config, url), expired=expired, output=output)


@silence.command("expire")
def expire(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Which, as `silence list` shows them.")],
    config: DaemonConfig = None,
    url: DaemonUrl = None,
) -> None:
    """End silences now: what they held of alerts that still fire is sent; needs http.token."""
    from monitor.cli.daemon_api import daemon_api
    from monitor.cli.silencing import run_expire

    run_expire(daemon_api(config, url), ids)
