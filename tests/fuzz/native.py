"""Compiles and runs `native.c`, the damaging of records for all that is written in C."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_HERE = Path(__file__).parent
_SOURCES = _HERE.parents[1] / "monitor" / "native"
_FLAGS = (
    *("-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fno-omit-frame-pointer"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)


def compile_target(target: Path) -> bool:
    """Compile the target with sanitizers; return whether there is a compiler that has them.

    Raises CalledProcessError where the sources themselves do not compile.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return False
    probe = subprocess.run(
        [compiler, *_FLAGS, "-x", "c", "-", "-o", target],
        input="int main(void) { return 0; }\n",
        text=True,
        capture_output=True,
        check=False,
    )
    if probe.returncode:
        return False
    subprocess.run(
        [compiler, *_FLAGS, '-DSOURCE_DIGEST=""', f"-I{_SOURCES}", _HERE / "native.c", "-o", target], check=True
    )
    return True


def run_target(target: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run the compiled target; what the sanitizers find ends it with another code than 0, and is on stderr."""
    # Leaks are not looked for: that needs to trace processes, which containers often forbid.
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    return subprocess.run(
        [target, *map(str, words)], env=environment, capture_output=True, text=True, errors="replace", check=False
    )
