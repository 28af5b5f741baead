"""`driftline demo`: everything in one command, without Kafka, Java or Docker."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

SHORTEST_S = 30


def demo(
    listen: Annotated[str, typer.Option(help="Where metrics and console are served.")] = "127.0.0.1:9108",
    duration: Annotated[
        int | None, typer.Option(min=SHORTEST_S, metavar="S", help="End after S seconds; without it, on Ctrl-C.")
    ] = None,
) -> None:
    """Watch a shop's payments on an embedded broker, see a fault injected, an alert fire and resolve."""
    from monitor.demo import INTRODUCTION

    typer.echo(INTRODUCTION)  # before the imports, which take a few seconds
    from rich.console import Console

    from monitor.cli.logging import configure_logging
    from monitor.cli.output import print_json_line
    from monitor.demo.run import run_demo
    from monitor.lines import summary_line

    configure_logging("error")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `docker stop` is Ctrl-C too
    counted = run_demo(listen, duration, Console())
    print_json_line(summary_line(counted))
