"""The command `python -m tests.fuzz --minutes 30`: damages records for so long, from a seed that it prints."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from tests.fuzz.native import compile_target, run_target


def main() -> int:
    """Run until the time is up or something is found; return 0 if nothing was."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="one that was printed, to see the same again")
    options = parser.parse_args()
    seed = secrets.randbits(63) if options.seed is None else options.seed
    with tempfile.TemporaryDirectory(prefix="driftline-fuzz-") as name:
        target = Path(name) / "native"
        if not compile_target(target):
            sys.stderr.write("there is no C compiler with -fsanitize=address,undefined\n")
            return 2
        sys.stdout.write(f"seed {seed}\n")
        done = run_target(target, round(options.minutes * 60), sys.maxsize, seed)
    sys.stdout.write(f"records taken and refused: {done.stdout}{done.stderr}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
