"""The command as users run it: a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def line(*arguments: str | Path) -> list[str]:
    """Return the words of a `driftline` command line, run by this interpreter."""
    return [sys.executable, "-m", "monitor", *map(str, arguments)]


def run(*arguments: str | Path, timeout_s: float = 240.0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without a terminal."""
    return subprocess.run(
        line(*arguments), capture_output=True, text=True, check=False, timeout=timeout_s, stdin=subprocess.DEVNULL
    )


def succeed(*arguments: str | Path) -> str:
    """Run a command that must end with 0 and leave stderr empty; return its stdout."""
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-3000:]
    return done.stdout
