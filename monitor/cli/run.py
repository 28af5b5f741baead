"""`driftline run`: the daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli.check import ConfigFile


def run(
    config: ConfigFile,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop at the end offsets that are seen at the start.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="No notifications, no commits, no lasting store.")] = False,
    max_records: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after about N records.")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Watch the configured topics until stopped: statistics, drift, metrics, alerts."""
    from monitor.app import RunSettings, run as run_app  # noqa: PLC0415 - `--help` stays quick
    from monitor.cli.logging import configure_logging  # noqa: PLC0415
    from monitor.cli.output import print_json_line  # noqa: PLC0415
    from monitor.config.loader import load  # noqa: PLC0415
    from monitor.lines import summary_line  # noqa: PLC0415
    from monitor.replay import totals  # noqa: PLC0415

    if log_level not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter("choose debug, info, warning or error", param_hint="--log-level")
    configure_logging(log_level)
    app = run_app(load(config), RunSettings(until_end, dry_run, max_records))
    counted = totals(app.daemon.engine) | {"alerts": len(app.daemon.engine.book.firing())}
    print_json_line(summary_line(counted))
