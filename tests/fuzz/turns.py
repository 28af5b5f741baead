"""The round robin: every target gets its turns, each in a process of its own, and the results are added up."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from tests.fuzz.native import compile_target, run_target
from tests.fuzz.target import Target, crashers
from tests.fuzz.turn import Paths, fork, instrumented

NATIVE = "native"
"""What is written in C, under AddressSanitizer and UBSan: not driven by coverage, and a process by itself."""
_COVERED = re.compile(r"cov: (\d+)")


@dataclass
class Result:
    """All turns of one target. Coverage is libFuzzer's count of edges: after the seeds, and at the end."""

    target: str
    turns: int = 0
    inputs: int = 0
    cpu_s: float = 0.0
    seeds_covered: int = 0
    covered: int = 0
    slowest_s: float = 0.0
    rss_growth_bytes: int = 0
    findings: dict[str, str] = field(default_factory=dict)
    """By place and kind the name of the file that is kept."""


def run(
    names: Sequence[str], minutes: float, turn_s: int, seed: int, found: Path, tell: Callable[[Result], None]
) -> list[Result]:
    """Give every target turns of `turn_s` seconds of CPU until the time is up; `tell` hears of each turn.

    What is found is kept in `found`.
    """
    rng = Random(seed)
    results = {name: Result(name) for name in names}
    targets = instrumented([name for name in names if name != NATIVE])
    ends_s = time.monotonic() + minutes * 60
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="driftline-fuzz-") as name:
        work = Path(name)
        tempfile.tempdir = name  # what a turn leaves behind goes with it
        for each in targets:
            _sow(targets[each], each, work / each)
        while True:
            for each in names:
                if time.monotonic() >= ends_s:
                    return list(results.values())
                seed = rng.getrandbits(31)
                if each == NATIVE:
                    _native(results[each], work, found, turn_s, seed)
                else:
                    paths = Paths(work / each, found, work / f"{each}.json", work / f"{each}.txt")
                    _turn(results[each], targets[each], paths, turn_s, seed)
                tell(results[each])


def _sow(target: Target, name: str, corpus: Path) -> None:
    """Write a target's seeds and what it once stumbled over."""
    corpus.mkdir()
    inputs = [*target.seeds, *(path.read_bytes() for path in crashers(name))]
    for number, data in enumerate(inputs):
        (corpus / f"seed-{number}").write_bytes(data)


def _turn(result: Result, target: Target, paths: Paths, seconds: int, seed: int) -> None:
    """Run one turn of a target and add up what it reports."""
    paths.report.unlink(missing_ok=True)
    child = fork(result.target, target, paths, seconds, seed)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    said = paths.said.read_text(errors="replace")
    if code:
        result.findings[f"the process ended with {code}"] = f"{result.target}-ended-{seed}.txt"
        (paths.found / f"{result.target}-ended-{seed}.txt").write_text(said[-20_000:])
    if paths.report.exists():
        _add(result, json.loads(paths.report.read_text()))
    covered = [int(number) for number in _COVERED.findall(said)]
    if covered:
        result.seeds_covered = result.seeds_covered or _after_seeds(said)
        result.covered = max(result.covered, *covered)


def _after_seeds(said: str) -> int:
    """Return the edges that the seeds covered."""
    match = re.search(r"INITED\s+cov: (\d+)", said)
    return int(match[1]) if match else 0


def _add(result: Result, turn: dict[str, object]) -> None:
    result.turns += 1
    result.inputs += int(turn["inputs"])
    result.cpu_s = round(result.cpu_s + float(turn["cpu_s"]), 1)
    result.slowest_s = round(max(result.slowest_s, float(turn["slowest_s"])), 3)
    if turn["warm_rss_bytes"]:
        grown = int(turn["rss_bytes"]) - int(turn["warm_rss_bytes"])
        result.rss_growth_bytes = max(result.rss_growth_bytes, grown)
    result.findings |= turn["findings"]


def _native(result: Result, work: Path, found: Path, seconds: int, seed: int) -> None:
    """Damage records for what is written in C; where there is no such compiler nothing is counted."""
    target = work / NATIVE
    if not target.exists() and not compile_target(target):
        return
    began = time.monotonic()
    done = run_target(target, seconds, sys.maxsize, seed)
    result.turns += 1
    result.cpu_s = round(result.cpu_s + time.monotonic() - began, 1)
    result.inputs += sum(map(int, re.findall(r"\d+", done.stdout)[:2]))
    if done.returncode:
        result.findings[f"the sanitizers ended it with {done.returncode}"] = f"{NATIVE}-{seed}.txt"
        (found / f"{NATIVE}-{seed}.txt").write_text(done.stderr)


def as_document(results: Sequence[Result], **more: object) -> dict[str, object]:
    """Return the results as JSON-able values."""
    return {**more, "targets": [asdict(result) for result in results]}
