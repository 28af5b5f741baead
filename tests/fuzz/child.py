"""One turn of one target in a process of its own: `python -m tests.fuzz.child NAME --seconds 60 …`.

Atheris leads: it sees which lines of `monitor` an input reaches, and goes on from inputs that reach new ones. What an
input raises is noted once by its place, kept as a file, and the turn goes on. libFuzzer ends the process itself, without
what Python would do at exit, so what is known is written out every second.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import resource
import sys
import time
import traceback
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path

import atheris

_WARM_INPUTS = 200
"""So many inputs fill caches and import what is imported late, before memory is looked at."""
_LONGEST_S = 120
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


def rss_bytes() -> int:
    """Return what is resident now, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def place(error: BaseException) -> str:
    """Return the kind of an exception and where in our own code it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}monitor{os.sep}" in frame.filename] or list(frames)
    last = ours[-1]
    return f"{type(error).__name__} at {Path(last.filename).parent.name}/{Path(last.filename).name}:{last.name}"


def main() -> None:
    """Run until the time is up; libFuzzer ends the process."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.child")
    parser.add_argument("name")
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--found", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    with atheris.instrument_imports(include=["monitor"], enable_loader_override=False):
        from tests.fuzz.target import load  # noqa: PLC0415 - what is imported here is instrumented

        target = load(options.name)
        attempt = target.build()
    turn, written = Turn(), [time.monotonic()]

    def write() -> None:
        aside = options.report.with_suffix(".part")
        aside.write_text(json.dumps(asdict(turn)))
        aside.replace(options.report)

    def keep(data: bytes, what: str) -> None:
        if what not in turn.findings:
            name = f"{options.name}-{hashlib.sha256(data).hexdigest()[:12]}"
            (options.found / name).write_bytes(data)
            (options.found / f"{name}.txt").write_text(f"{what}\n{traceback.format_exc()}")
            turn.findings[what] = name
            write()

    def once(data: bytes) -> None:
        began = time.process_time()
        try:
            attempt(data)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding (Rust's panics are no Exception)
            keep(data, place(error))
        took_s = time.process_time() - began
        turn.inputs += 1
        turn.cpu_s += took_s
        if turn.inputs > 1:
            turn.slowest_s = max(turn.slowest_s, took_s)
            if took_s > target.max_cpu_s:
                keep(data, "slow")
        now = time.monotonic()
        if now - written[0] >= 1 or turn.inputs == _WARM_INPUTS:
            written[0] = now
            turn.rss_bytes = rss_bytes()
            if turn.inputs <= _WARM_INPUTS:
                turn.warm_rss_bytes = turn.rss_bytes
            write()

    write()
    arguments = [
        *(sys.argv[0], str(options.corpus), f"-max_total_time={options.seconds}", f"-max_len={target.max_bytes}"),
        *(f"-seed={options.seed}", f"-timeout={_LONGEST_S}", f"-rss_limit_mb={_MOST_RSS_MB}", "-print_final_stats=0"),
        f"-artifact_prefix={options.found}/{options.name}-crash-",
    ]
    atheris.Setup(arguments, once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
