"""`driftline baseline`: builds, lists, shows, compares and promotes reference distributions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from monitor.cli.check import ConfigFile
from monitor.cli.output import Output, OutputFormat

baseline = typer.Typer(no_args_is_help=True, help="Build, list, show, compare and promote the reference distributions.")


@baseline.command()
def build(
    config: ConfigFile,
    input_: Annotated[
        list[str] | None, typer.Option("--input", metavar="FILE", help="Records; without it, the configured topics.")
    ] = None,
    from_: Annotated[
        datetime | None, typer.Option("--from", help="Only rows at or after this event time (UTC).")
    ] = None,
    to: Annotated[datetime | None, typer.Option(help="Only rows before this event time (UTC).")] = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Build a new version from files or a stretch of the topics, and make it the current one."""
    from monitor.cli.baselines import run_build

    run_build(config, input_, from_, to, output)


@baseline.command("list")
def list_(config: ConfigFile, output: Output = OutputFormat.TEXT) -> None:
    """List all versions, oldest first; the current one is marked."""
    from monitor.cli.baselines import run_list

    run_list(config, output)


@baseline.command()
def show(
    config: ConfigFile,
    version: Annotated[
        str | None, typer.Argument(help="The beginning of a version; without it, the current one.")
    ] = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Show what a version holds: where it came from, and each field's statistics."""
    from monitor.cli.baselines import run_show

    run_show(config, version, output)


@baseline.command()
def diff(
    config: ConfigFile,
    first: Annotated[str, typer.Argument(help="The beginning of a version.")],
    second: Annotated[
        str | None, typer.Argument(help="The beginning of another one; without it, the current one.")
    ] = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Compare two versions field by field: scores, ranges, missing shares, values that came and went."""
    from monitor.cli.baseline_versions import run_diff

    run_diff(config, first, second, output)


Reason = Annotated[str, typer.Option(help="Why, for the history.")]


@baseline.command()
def promote(
    config: ConfigFile,
    version: Annotated[str, typer.Argument(help="The beginning of a version.")],
    reason: Reason = "",
    output: Output = OutputFormat.TEXT,
) -> None:
    """Make a version the current one, after a check that it fits the configuration."""
    from monitor.cli.baseline_versions import run_promote

    run_promote(config, version, reason, output)


@baseline.command()
def rollback(config: ConfigFile, reason: Reason = "", output: Output = OutputFormat.TEXT) -> None:
    """Return to the version that was current before; once more, to the one before that."""
    from monitor.cli.baseline_versions import run_rollback

    run_rollback(config, reason, output)
