"""Exit codes, and what is printed before one of them ends the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from monitor.errors import ConfigError, Retryable, StoreError, SurroundingsError

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
            typer.echo(problem.located(error.file), err=True)
        raise typer.Exit(BAD_CONFIGURATION) from None
    except (SurroundingsError, StoreError, Retryable) as error:
        typer.echo(f"driftline: {error}", err=True)
        raise typer.Exit(SURROUNDINGS) from None
