"""The command as users run it, a process of its own, or in this process where only its answer matters."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from typer.testing import CliRunner, Result

from monitor.cli import app


def line(*arguments: str | Path) -> list[str]:
    """Return the words of a `driftline` command line, run by this interpreter."""
    return [sys.executable, "-m", "monitor", *map(str, arguments)]


def as_installed() -> dict[str, str]:
    """Return the environment of a process that is as users' are: it finds no pandas, and keeps what it has compiled.

    Either would cost every start a second.
    """
    path = [str(Path(__file__).parent / "lean"), *filter(None, [os.environ.get("PYTHONPATH")])]
    others = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**others, "PYTHONPATH": os.pathsep.join(path)}


def run(*arguments: str | Path, timeout_s: float = 540.0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without a terminal."""
    return subprocess.run(
        line(*arguments),
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        env=as_installed(),
    )


def succeed(*arguments: str | Path) -> str:
    """Run a command that must end with 0 and leave stderr empty; return its stdout."""
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-3000:]
    return done.stdout


def invoke(*arguments: str | Path) -> Result:
    """Run a command in this process, which takes a hundredth of the time, and leave logging as it was."""
    with _logging_as_it_was():
        return CliRunner().invoke(app, [str(argument) for argument in arguments])


def answer(*arguments: str | Path) -> str:
    """Run a command in this process that must end with 0; return its stdout."""
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output[-3000:]
    return result.stdout


@contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """Put back what a command configures for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        yield
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()
