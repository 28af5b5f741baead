"""Exit codes, and what is printed before one of them ends the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from monitor.errors import ConfigError, Problem, Retryable, StoreError, SurroundingsError

FINDINGS: Final = 1
SURROUNDINGS: Final = 69
BAD_CONFIGURATION: Final = 78


@contextmanager
def exits() -> Iterator[None]:
    """Turn an error raised inside into its message on stderr and its exit code."""
    try:
        yield
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(problem_line(problem, error.file), err=True)
        raise typer.Exit(BAD_CONFIGURATION) from None
    except (SurroundingsError, StoreError, Retryable) as error:
        typer.echo(f"driftline: {error}", err=True)
        raise typer.Exit(SURROUNDINGS) from None


def problem_line(problem: Problem, file: str | None) -> str:
    """Return a problem as `FILE:LINE: PATH: message (got …); remedy`, as editors and people like it."""
    where = file or "configuration"
    if problem.line is not None:
        where += f":{problem.line}"
    got = f" (got {problem.value})" if problem.value is not None else ""
    remedy = f"; {problem.remedy}" if problem.remedy else ""
    return f"{where}: {problem.path}: {problem.message}{got}{remedy}"
