"""The work of `driftline init`: read a sample, propose, write what was proposed, and say what to do next."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from monitor.baseline import BaselineFiles
from monitor.brokers import SecuritySpec
from monitor.cli.logging import configure_logging
from monitor.cli.proposed_table import print_table
from monitor.clock import SystemClock
from monitor.config.document import read_document
from monitor.errors import ConfigError, Problem, SurroundingsError
from monitor.proposing import FileOrigin, Gathered, Origin, Proposed, TopicOrigin, gather, propose
from monitor.proposing.nulls import null_words
from monitor.spec import parse_duration_ms

_NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SHORT = 12


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    file: Path | None
    topic: str | None
    bootstrap: str | None
    security: Path | None
    client: str
    connect_timeout: str
    records: int
    time_field: str | None
    name: str | None
    baseline: str | None
    output: Path
    force: bool


def run_init(request: Request) -> None:
    """Propose, write the baseline and then the configuration, and print both in short.

    Raises typer.BadParameter for options that do not fit, SurroundingsError where there is nothing to learn from.
    """
    configure_logging("error")
    origin = _origin(request)
    _writable(request)
    clock = SystemClock()
    origin, gathered = _sample(origin, request.records, clock)
    proposed = propose(
        origin,
        gathered,
        clock.now_ms(),
        name=request.name,
        time_field=request.time_field,
        baseline_path=request.baseline,
    )
    version = BaselineFiles(proposed.draft.baseline_path).save(proposed.built.baseline, proposed.built.lineage)
    try:
        request.output.write_text(proposed.text, encoding="utf-8")
    except OSError as error:
        raise SurroundingsError(f"{request.output} cannot be written: {error.strerror}") from error
    _report(request, proposed, version)


def _origin(request: Request) -> Origin:
    """Return what to read; raises BadParameter unless it is exactly one thing, fully named."""
    if (request.file is None) == (request.topic is None):
        raise typer.BadParameter("name one of them", param_hint="--file or --topic")
    if request.name is not None and not re.fullmatch(_NAME, request.name):
        raise typer.BadParameter("write 1 to 63 of a-z, 0-9 and -, not beginning or ending with -", param_hint="--name")
    if request.file is not None:
        if request.bootstrap is not None or request.security is not None:
            raise typer.BadParameter("a file has no brokers", param_hint="--bootstrap and --security")
        return FileOrigin(str(request.file))
    assert request.topic is not None
    if request.bootstrap is None:
        raise typer.BadParameter("say which brokers have the topic", param_hint="--bootstrap")
    if not re.fullmatch(r"[a-zA-Z0-9._-]{1,249}", request.topic):
        raise typer.BadParameter("not the name of one topic", param_hint="--topic")
    settings, text = _security(request.security) if request.security is not None else ({}, "")
    try:
        parse_duration_ms(request.connect_timeout)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--connect-timeout") from error
    return TopicOrigin(request.topic, request.bootstrap, request.client, settings, text, request.connect_timeout)


def _security(file: Path) -> tuple[dict[str, Any], str]:
    """Return the security settings of a file and its text; raises ConfigError where they are wrong."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read as text", param_hint="--security") from error
    document = read_document(text, os.environ)
    if document.problems:
        raise ConfigError(document.problems, file=str(file))
    if not isinstance(document.value, dict):
        remedy = "write protocol, mechanism, username and so on, as below source.security"
        raise ConfigError(
            [Problem("document", "the settings are not a mapping", line=1, remedy=remedy)], file=str(file)
        )
    try:
        SecuritySpec.model_validate(document.value)
    except ValidationError as error:
        found = [
            Problem(".".join(map(str, e["loc"])) or "document", e["msg"]) for e in error.errors(include_input=False)
        ]
        raise ConfigError(found, file=str(file)) from None
    return document.value, text


def _writable(request: Request) -> None:
    """Raise BadParameter before anything is read where the configuration could not be written."""
    if request.output.exists() and not request.force:
        raise typer.BadParameter(f"{request.output} exists; overwrite it with --force", param_hint="--output")
    if not request.output.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no directory {request.output.parent}", param_hint="--output")


def _sample(origin: Origin, records: int, clock: SystemClock) -> tuple[Origin, Gathered]:
    """Return the first records, and the origin with what its file writes for null."""
    gathered = _gathered(origin, records, clock)
    if isinstance(origin, FileOrigin) and Path(origin.path).suffixes[:1] in ([".csv"], [".tsv"]):
        words = null_words(gathered)
        if words:
            origin = replace(origin, null_values=words)
            gathered = _gathered(origin, records, clock)
    return origin, gathered


def _gathered(origin: Origin, records: int, clock: SystemClock) -> Gathered:
    source = origin.spec.build(clock)
    try:
        return gather(source, records)
    finally:
        source.close()


def _report(request: Request, proposed: Proposed, version: str) -> None:
    draft, lineage, file = proposed.draft, proposed.built.lineage, shlex.quote(str(request.output))
    print_table(draft, proposed.config)
    typer.echo(f"{request.output}: {draft.verdict}")
    typer.echo(f"{draft.baseline_path}: baseline {version[:_SHORT]} of {lineage.rows} rows")
    typer.echo("next:")
    typer.echo(f"  driftline check -c {file}")
    if isinstance(draft.origin, FileOrigin):
        typer.echo(f"  driftline replay -c {file} --input {shlex.quote(draft.origin.path)}")
        typer.echo(f"  driftline run -c {file} --until-end --dry-run")
    else:
        typer.echo(f"  driftline run -c {file} --dry-run")
    if proposed.trial.alerts:
        typer.echo("warning: the sample itself raises alerts; look at the fields they name", err=True)
