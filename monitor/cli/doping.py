"""The work of `driftline dope`: run, print, draw, and say whether what is required holds."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress

from monitor.cli.dope_options import requirements_of
from monitor.cli.exits import FINDINGS
from monitor.cli.logging import configure_logging
from monitor.cli.output import plural, print_json
from monitor.cli.tables import print_rows
from monitor.doping import FAULTS
from monitor.proving.dope import Told, Wanted, find_out, open_bench, steps_of
from monitor.proving.findings import Detection, Findings
from monitor.proving.limits import MEASURES, Limit
from monitor.proving.plot import svg
from monitor.proving.requirements import Answer, answer

_MEASURES = {"nulls": "nulls from", "shift": "shift from", "mix": "mixed up from"}


def dope_files(
    file: Path,
    inputs: Sequence[str],
    wanted: Wanted,
    require: Sequence[str],
    *,
    plot: Path | None,
    as_json: bool,
    columns: tuple[str | None, str | None],
) -> None:
    """Find out what a configuration would catch and print it; ends with 1 where what is required does not hold.

    Raises typer.BadParameter, before anything is read, for a requirement that is none or a file that cannot be written.
    """
    configure_logging("warning")
    requirements = requirements_of(require)
    if plot is not None:
        _write(plot, "")
    bench, course = open_bench(file, inputs, wanted, partition_column=columns[0], timestamp_column=columns[1])
    unknown = set(wanted.fields) - set(bench.fields)
    if unknown:
        message = f"no such field: {', '.join(sorted(unknown))}; faults can be in {', '.join(bench.fields) or 'none'}"
        raise typer.BadParameter(message, param_hint="--fields")
    with _progress(steps_of(bench, wanted)) as told:
        findings = find_out(bench, course, wanted, told)
    answers = [answer(requirement, findings) for requirement in requirements]
    if plot is not None:
        _write(plot, svg(findings))
    if as_json:
        print_json(findings.plain() | {"requirements": [_plain(item) for item in answers]})
    else:
        _print(findings, answers)
    if not all(item.holds for item in answers):
        raise typer.Exit(FINDINGS)


def _print(findings: Findings, answers: Sequence[Answer]) -> None:
    levels = list(dict.fromkeys((item.level, item.noncentrality) for item in findings.detections))
    places = {(item.fault, item.level): item for item in findings.detections}
    kinds = list(dict.fromkeys(item.fault for item in findings.detections))
    print_rows(
        ["fault", *(f"{level} (λ {noncentrality:g})" for level, noncentrality in levels), "right field first"],
        [[kind, *(_cell(places.get((kind, level))) for level, _ in levels), _named(findings, kind)] for kind in kinds],
    )
    typer.echo(
        f"Caught within {plural(findings.within, 'window')} of injected, median delay in windows (w); "
        f"{plural(findings.rows_per_window, 'row')} a window, {plural(findings.onsets, 'onset')}."
    )
    if findings.limits:
        typer.echo("")
        measures = [measure for measure in MEASURES if any(item.measure == measure for item in findings.limits)]
        print_rows(["smallest caught", *(_MEASURES[measure] for measure in measures)], _limits(findings, measures))
    pages = findings.false_pages
    typer.echo(
        f"\nWithout a fault: {plural(pages.pages, 'page')} in {plural(pages.windows, 'window')}, "
        f"{pages.per_thousand:.1f} a thousand (95 %: {pages.lower:.1f} to {pages.upper:.1f})."
    )
    if findings.left_out:
        typer.echo(f"Nowhere to be injected: {', '.join(findings.left_out)}.")
    if findings.blind:
        typer.echo("This configuration is blind: nothing was caught, however bad it was.")
    elif findings.blind_fields:
        typer.echo(f"Blind to {', '.join(findings.blind_fields)}: nothing is caught there, however bad it is.")
    for item in answers:
        found = f"{item.found:.4g}" if isfinite(item.found) else "nothing"
        typer.echo(f"{'holds' if item.holds else 'FAILS'}: {item.requirement.text} (found {found})")


def _cell(item: Detection | None) -> str:
    if item is None:
        return "-"
    delay = "" if item.median_delay is None else f"  {item.median_delay:g} w"
    return f"{item.caught}/{item.injections}{delay}"


def _named(findings: Findings, kind: str) -> str:
    caught = [item for item in findings.tried if item.fault == kind and item.caught is not None]
    return f"{sum(item.first for item in caught)}/{len(caught)}" if caught else ""


def _limits(findings: Findings, measures: Sequence[str]) -> Iterator[list[str]]:
    found = {(item.field, item.measure): item for item in findings.limits}
    for field in dict.fromkeys(item.field for item in findings.limits):
        yield [field, *(_smallest(found.get((field, measure))) for measure in measures)]


def _smallest(limit: Limit | None) -> str:
    if limit is None:
        return ""
    if limit.smallest is None:
        return "never"
    share = FAULTS[MEASURES[limit.measure]].unit == "share"
    return f"{limit.smallest * 100:.2g} %" if share else f"{limit.smallest:.2g} sd"


def _plain(item: Answer) -> dict[str, object]:
    return {
        "requirement": item.requirement.text,
        "found": item.found if isfinite(item.found) else None,
        "holds": item.holds,
    }


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}", param_hint="--plot") from error


@contextmanager
def _progress(steps: int) -> Iterator[Told]:
    """Show how far it is, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("injecting", total=steps)
        yield lambda done: progress.advance(task, done)
