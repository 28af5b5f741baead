"""How results are written to stdout: for people, or as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class OutputFormat(StrEnum):
    """The forms a result can take."""

    TEXT = "text"
    JSON = "json"


Output = Annotated[OutputFormat, typer.Option("--output", "-o", help="text for people, json for programs.")]
"""The option that chooses the form of a result."""


def print_json(value: Any) -> None:
    """Write a value as one JSON document, indented, keys in their own order."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Write `name  value` lines with the values under each other; a name may be empty to go on."""
    listed = list(pairs)
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        typer.echo(f"  {name:<{width}}  {value}".rstrip())


def plural(n: int, noun: str) -> str:
    """Return `1 field` or `2 fields`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def in_bytes(n: int) -> str:
    """Return a number of bytes in the largest binary unit that leaves at least 1, such as `3.1 MiB`."""
    size, units = float(n), ("B", "KiB", "MiB", "GiB", "TiB")
    for unit in units[:-1]:
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} {units[-1]}"


def print_json_line(value: Any) -> None:
    """Write a value as one line of JSON."""
    typer.echo(json.dumps(value, separators=(",", ":"), allow_nan=False))


def json_lines(values: Iterable[Any], file: Path | None) -> None:
    """Write values as JSON lines to a file, or to stdout without one.

    Raises typer.BadParameter, before any value is asked for, where the file cannot be written.
    """
    if file is None:
        for value in values:
            print_json_line(value)
        return
    try:
        out = file.open("w", encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be written: {error.strerror}", param_hint="--output") from error
    with out:
        for value in values:
            out.write(json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n")
