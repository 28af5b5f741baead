"""One turn of one target, in a process forked off for it.

Atheris leads: it sees which lines of `monitor` an input reaches, and goes on from inputs that reach new ones. What an
input raises is noted once by its place, kept as a file, and the turn goes on. The turn ends after so many seconds of
CPU, so that a busy machine cuts no target short.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NoReturn

import atheris

from tests.fuzz.target import Target, Try, load

_WARM_INPUTS = 200
"""So many inputs fill caches and import what is imported late, before memory is looked at."""
_LONGEST_S = 300
_MOST_RSS_MB = 3000


@dataclass
class Turn:
    """What one turn has found so far; memory is in bytes, `cpu_s` without the building of the target."""

    inputs: int = 0
    cpu_s: float = 0.0
    slowest_s: float = 0.0
    warm_rss_bytes: int = 0
    rss_bytes: int = 0
    findings: dict[str, str] = field(default_factory=dict)
    """By place and kind the name of the file that is kept."""


@dataclass(frozen=True)
class Paths:
    """Where a turn takes its inputs from, keeps what it finds, and writes what it counts and says."""

    corpus: Path
    found: Path
    report: Path
    said: Path


def instrumented(names: Sequence[str]) -> Mapping[str, Target]:
    """Import the targets, and with them the program, so that Atheris sees what they reach."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    loud, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)  # it names every module
    try:
        with atheris.instrument_imports(include=["monitor"], enable_loader_override=False):
            return {name: load(name) for name in names}
    finally:
        os.dup2(loud, 2)
        os.close(nowhere)


def fork(name: str, target: Target, paths: Paths, cpu_s: float, seed: int) -> int:
    """Begin a turn in a process of its own and return its id."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _run(name, target, paths, cpu_s, seed)
    return child


def place(error: BaseException) -> str:
    """Return the kind of an exception and where in our own code it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}monitor{os.sep}" in frame.filename] or list(frames)
    last = ours[-1]
    return f"{type(error).__name__} at {Path(last.filename).parent.name}/{Path(last.filename).name}:{last.name}"


def _run(name: str, target: Target, paths: Paths, cpu_s: float, seed: int) -> NoReturn:
    """Fuzz until the CPU is used up; libFuzzer says on `said` what is covered."""
    said = os.open(paths.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    try:
        watch = _Watch(name, target, target.build(), paths, cpu_s)
    except BaseException:  # noqa: BLE001 - a target that cannot be built must not become a second parent
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(3)
    arguments = [
        *(name, str(paths.corpus), f"-max_len={target.max_bytes}", f"-seed={seed}", f"-timeout={_LONGEST_S}"),
        *(f"-rss_limit_mb={_MOST_RSS_MB}", f"-artifact_prefix={paths.found}/{name}-crash-"),
    ]
    atheris.Setup(arguments, watch.once)
    atheris.Fuzz()
    os._exit(0)


class _Watch:
    """Tries inputs, and notes what they cost and raise."""

    def __init__(self, name: str, target: Target, attempt: Try, paths: Paths, cpu_s: float) -> None:
        self._name = name
        self._target = target
        self._attempt = attempt
        self._paths = paths
        self._turn = Turn()
        self._ends_s = time.process_time() + cpu_s
        self._written_s = 0.0

    def once(self, data: bytes) -> None:
        """Try one input; ends the process when the turn is over."""
        turn = self._turn
        began_s = time.process_time()
        try:
            self._attempt(data)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding (Rust's panics are no Exception)
            self._keep(data, place(error))
        now_s = time.process_time()
        took_s = now_s - began_s
        turn.inputs += 1
        turn.cpu_s += took_s
        if turn.inputs > 1:  # the first one imports what is imported late
            turn.slowest_s = max(turn.slowest_s, took_s)
            if took_s > self._target.max_cpu_s:
                self._keep(data, "slow")
        if now_s - self._written_s >= 1 or turn.inputs == _WARM_INPUTS or now_s >= self._ends_s:
            self._written_s = now_s
            turn.rss_bytes = _rss_bytes()
            if turn.inputs <= _WARM_INPUTS:
                turn.warm_rss_bytes = turn.rss_bytes
            self._write()
        if now_s >= self._ends_s:
            os._exit(0)

    def _keep(self, data: bytes, what: str) -> None:
        if what in self._turn.findings:
            return
        name = f"{self._name}-{hashlib.sha256(data).hexdigest()[:12]}"
        (self._paths.found / name).write_bytes(data)
        (self._paths.found / f"{name}.txt").write_text(f"{what}\n{traceback.format_exc()}", errors="replace")
        self._turn.findings[what] = name

    def _write(self) -> None:
        aside = self._paths.report.with_suffix(".part")
        aside.write_text(json.dumps(asdict(self._turn)))
        aside.replace(self._paths.report)


def _rss_bytes() -> int:
    """Return what is resident now, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()
