"""Runs one function of the benchmark in a process of its own: what others left in memory is not in its figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Nobody's linear algebra is to use a second core."""


def apart(module: str, function: str, **arguments: Any) -> Any:
    """Return what `module.function(**arguments)` returns there; both must be JSON. What it prints goes to stderr."""
    command = [sys.executable, "-m", "tests.bench.apart", module, function]
    settings = {**os.environ, **_ONE_THREAD, "PYTHONPATH": str(_ROOT)}
    done = subprocess.run(
        command, input=json.dumps(arguments), stdout=subprocess.PIPE, text=True, check=True, cwd=_ROOT, env=settings
    )
    return json.loads(done.stdout.splitlines()[-1])


def rss_bytes() -> int:
    """Return how much memory of this process is resident now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Do what `apart` asked for."""
    module, function = sys.argv[1:]
    out = os.dup(1)
    os.dup2(2, 1)
    found = getattr(import_module(module), function)(**json.load(sys.stdin))
    os.write(out, (json.dumps(found) + "\n").encode())


if __name__ == "__main__":
    main()
