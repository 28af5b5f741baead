"""The work of `driftline silence`."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import typer

from monitor.cli.daemon_api import DaemonApi
from monitor.cli.output import OutputFormat, print_json
from monitor.cli.tables import print_rows

_PATH = "/api/v1/silences"


def run_add(api: DaemonApi, wanted: Mapping[str, Any], author: str | None, output: OutputFormat) -> None:
    """Create a silence and print its id, or the whole of it."""
    document = {name: value for name, value in wanted.items() if value is not None}
    made = api.post(_PATH, document | {"author": author or _user()})
    if output is OutputFormat.JSON:
        print_json(made)
    else:
        typer.echo(made["id"])


def run_list(api: DaemonApi, *, expired: bool, output: OutputFormat) -> None:
    """Print the silences, those that ended only if asked for."""
    found = [each for each in api.get(_PATH)["silences"] if expired or each["state"] != "expired"]
    if output is OutputFormat.JSON:
        print_json(found)
        return
    if not found:
        typer.echo("no silence")
        return
    rows = [
        (each["id"], each["state"], each["ends_at"] or "", each["author"], ", ".join(each["matchers"]), each["reason"])
        for each in found
    ]
    print_rows(("id", "state", "until", "author", "matchers", "reason"), rows)


def run_expire(api: DaemonApi, ids: Sequence[str]) -> None:
    """End silences, each by itself; the first that does not exist ends the command."""
    for silence_id in ids:
        ended = api.delete(f"{_PATH}/{quote(silence_id, safe='')}")
        typer.echo(f"silence {ended['id']} ended at {ended['ends_at']}")


def _user() -> str:
    """Return who runs this command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"
