"""The command line. Each command is a file that declares its options and imports its work when called."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from monitor import __version__
from monitor.cli.alerts import alerts
from monitor.cli.baseline import baseline
from monitor.cli.check import check
from monitor.cli.checkpoint import checkpoint
from monitor.cli.demo import demo
from monitor.cli.exits import exits
from monitor.cli.health import health
from monitor.cli.init import init
from monitor.cli.notify import notify
from monitor.cli.replay import replay
from monitor.cli.report import report
from monitor.cli.run import run
from monitor.cli.schema import schema
from monitor.cli.silence import silence
from monitor.first_process import at_once


class _Commands(TyperGroup):
    """Turns the errors that commands raise on purpose into messages on stderr and exit codes."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        with exits():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Commands,
    name="driftline",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Watches Kafka topics for data-quality faults and drift, and pages people when it matters.",
    epilog="Exit codes: 0 fine, 1 findings, 2 usage, 69 surroundings unavailable, 78 bad configuration.",
)
app.command()(run)
app.command()(demo)
app.command()(check)
app.command()(schema)
app.command()(init)
app.command()(replay)
app.command()(report)
app.command()(alerts)
app.add_typer(silence, name="silence")
app.command()(health)
app.add_typer(baseline, name="baseline")
app.add_typer(notify, name="notify")
app.add_typer(checkpoint, name="checkpoint")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"driftline {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line of this process; ends the process with an exit code."""
    signal.signal(signal.SIGTERM, at_once())
    app(prog_name="driftline", args=sys.argv[1:])
