"""A process that has imported everything and forks daemons, so that hundreds of them can be killed in minutes.

Apart from their start they are what users run: `driftline run -c FILE`. Commands come on stdin, a file each; the answer
is the process's number.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from monitor.cli import app
from tests.support.command_line import as_installed


class Zygote:
    """Starts daemons by fork; a context manager."""

    def __enter__(self) -> Self:
        """Start the process that forks."""
        command = [sys.executable, "-m", "tests.faults.suite.zygote"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=as_installed()
        )
        return self

    def __exit__(self, *_: object) -> None:
        """End it; its children are ended by whoever asked for them."""
        self._process.communicate()

    def fork(self, config: Path) -> int:
        """Start a daemon on a configuration; return its process id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(str(config)) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _child(config: Path) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(config.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    app(["run", "-c", str(config)])


def main() -> None:
    """Fork a daemon for each line of stdin."""
    for module in ("app", "cli.logging", "config.loader", "lines", "replay"):
        importlib.import_module(f"monitor.{module}")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        process = os.fork()
        if not process:
            try:
                _child(Path(json.loads(line)))
            finally:
                os._exit(70)
        print(process, flush=True)


if __name__ == "__main__":
    main()
