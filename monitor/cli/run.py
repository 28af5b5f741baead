"""`driftline run`: the daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli.check import ConfigFile
from monitor.cli.logging import LogLevel


def run(
    config: ConfigFile,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop at the end offsets that are seen at the start.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="No notifications, no commits, no lasting store.")] = False,
    max_records: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after about N records.")] = None,
    log_level: Annotated[LogLevel, typer.Option(help="From which level on events are logged.")] = "info",
) -> None:
    """Watch the configured topics until stopped: statistics, drift, metrics, alerts."""
    from monitor.app import RunSettings
    from monitor.app import run as run_app
    from monitor.cli.logging import configure_logging
    from monitor.cli.output import print_json_line
    from monitor.config.loader import load
    from monitor.lines import summary_line
    from monitor.replay import totals

    configure_logging(log_level)
    app = run_app(load(config), RunSettings(until_end, dry_run, max_records, config))
    counted = totals(app.daemon.engine) | {"alerts": len(app.daemon.engine.book.firing())}
    print_json_line(summary_line(counted))
