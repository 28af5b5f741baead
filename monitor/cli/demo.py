"""`driftline demo`: everything in one command, without Kafka, Java or Docker."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

SHORTEST_S = 30
FIRST_FAULT_S = 60


def demo(
    listen: Annotated[str, typer.Option(help="Where metrics and console are served.")] = "127.0.0.1:9108",
    duration: Annotated[
        int | None, typer.Option(min=SHORTEST_S, metavar="S", help="End after S seconds; without it, on Ctrl-C.")
    ] = None,
    produce_to: Annotated[
        str | None,
        typer.Option(metavar="BROKERS", help="Only send the payments, to this cluster, for a daemon of your own."),
    ] = None,
    fault_after: Annotated[
        int, typer.Option(min=1, metavar="S", help="With --produce-to: when the first fault begins.")
    ] = FIRST_FAULT_S,
) -> None:
    """Watch a shop's payments on an embedded broker, see a fault injected, an alert fire and resolve."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `docker stop` is Ctrl-C too
    if produce_to is not None:
        _only_produce(produce_to, fault_after, duration)
        return
    from monitor.demo import INTRODUCTION

    typer.echo(INTRODUCTION)  # before the imports, which take a few seconds
    from rich.console import Console

    from monitor.cli.logging import configure_logging
    from monitor.cli.output import print_json_line
    from monitor.demo.run import run_demo
    from monitor.lines import summary_line

    configure_logging("error")
    counted = run_demo(listen, duration, Console())
    print_json_line(summary_line(counted))


def _only_produce(brokers: str, fault_after_s: int, duration_s: int | None) -> None:
    """Send the payments, say what happens, and sum up."""
    from monitor.cli.output import print_json_line
    from monitor.demo.producing import produce_to

    sent = produce_to(brokers, fault_after_s, duration_s, typer.echo)
    print_json_line({"kind": "summary", "records": sent})
