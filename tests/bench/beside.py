"""The engine beside other libraries: the same bytes and about the same work, in turns, in one run."""

from __future__ import annotations

import gc
import json
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from monitor.decoders.duck import Duck
from tests.bench.engine import SIZES, Bench, columns_all, loads_all, valid_all
from tests.bench.figures import Bar, Section, Table
from tests.bench.records import PER_WINDOW, payments
from tests.bench.sizes import Sizes
from tests.support.peers import environment, surroundings

_HERE = Path(__file__).parent / "peers"
_PINS = Path(__file__).parents[1] / "conformance" / "peers"
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
PEERS = {
    "whylogs": "profile of 11 columns; no verdict",
    "evidently": "DataDriftPreset, 9 columns, texts left out",
    "nannyml": "univariate: JS on 9 columns, KS on 5",
    "alibi-detect": "KSDrift, 5 numbers",
    "river": "5 statistics and ADWIN on 5 numbers, counts of 4, record by record",
}
"""What each does for every window; its table, array or dicts are made of the JSON first."""
_ENGINE, _ORJSON, _COLUMNS = "Driftline", "orjson.loads", "orjson.loads, then lists by column"
_OURS = "profile of 11 fields, PSI where there are cells, KS on 5 numbers; verdicts"
_UNITS = {
    "what": "",
    "does": "",
    "us_per_record": "µs CPU",
    "decoding_us": "µs CPU of it",
    "mb_per_s": "MB/s",
    "times_driftline": "× Driftline",
}


class Peer:
    """A peer's process: started and prepared once, then one turn at a time."""

    def __init__(self, name: str, arguments: list[str]) -> None:
        """Make its environment and start it; raises OSError or CalledProcessError where that cannot be done."""
        pins = next(file for file in (_PINS / f"{name}.txt", _HERE / f"{name}.txt") if file.exists())
        python = environment(name, pins, _HERE / "decoding.txt")
        command = [str(python), str(_HERE / f"turn_{name.replace('-', '_')}.py"), *arguments]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**surroundings(), **_ONE_THREAD},
        )
        self.version: str = self._answer()["version"]

    def turn(self) -> Mapping[str, float]:
        """Let it do all windows once."""
        assert self._process.stdin is not None, "it was started with a pipe"
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None, "it was started with a pipe"
        line = self._process.stdout.readline()
        if not line:
            raise OSError(f"it ended with {self._process.wait()}")
        return json.loads(line)

    def __enter__(self) -> Self:
        """Return it; it ends with the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def measure(directory: Path, sizes: Sizes, peers: Mapping[str, str] | None = None) -> Section:
    """Return one table: CPU time per record of everybody, and how many times that of the engine it is."""
    n = sizes.peer_records
    bench, duck = Bench(directory, n), Duck()
    files = directory / "baseline.jsonl", directory / "current.jsonl"
    for file, values in zip(files, (payments(min(PER_WINDOW, n), seed=2), bench.values), strict=True):
        file.write_bytes(b"\n".join(values))
    works: dict[str, Callable[[], Mapping[str, float]]] = {
        _ENGINE: _own(lambda: bench.run(SIZES[0])),
        _ORJSON: _own(lambda: loads_all(bench.values)),
        _COLUMNS: _own(lambda: columns_all(bench.values)),
        "DuckDB json_valid": _own(lambda: valid_all(duck, bench.values)),
    }
    does = {_ENGINE: _OURS, _ORJSON: "results discarded", _COLUMNS: "decoding only", "DuckDB json_valid": "no result"}
    versions, missing = {}, []
    with ExitStack() as stack:
        for name, what in (PEERS if peers is None else peers).items():
            try:
                peer = stack.enter_context(Peer(name, [str(files[0]), str(files[1]), str(PER_WINDOW)]))
            except (OSError, subprocess.CalledProcessError) as error:
                missing.append((name, _reason(error)))
                continue
            versions[name] = peer.version
            works[name], does[name] = peer.turn, what
        bench.run(SIZES[0])
        best = _in_turns(works, sizes.peer_turns)
    mean = sum(map(len, bench.values)) / n
    ours = best[_ENGINE]["cpu_s"]
    rows = [
        _row(f"{name} {versions.get(name, '')}".strip(), does[name], took, ours, n, mean) for name, took in best.items()
    ]
    rows += [dict.fromkeys(_UNITS) | {"what": name, "does": f"not run: {reason}"} for name, reason in missing]
    title = "JSON bytes to profile and verdicts, beside others"
    table = Table(
        "peers",
        title,
        f"{n:,} records in windows of {PER_WINDOW:,}, CPU the least of {sizes.peer_turns} turns",
        _UNITS,
        rows,
    )
    return Section([table], _bars(best, ours), versions=versions)


def _own(work: Callable[[], object]) -> Callable[[], Mapping[str, float]]:
    def turn() -> Mapping[str, float]:
        gc.collect()
        began = time.process_time()
        work()
        return {"cpu_s": time.process_time() - began}

    return turn


def _in_turns(works: Mapping[str, Callable[[], Mapping[str, float]]], turns: int) -> dict[str, Mapping[str, float]]:
    """Return the cheapest turn of each work; whatever else the machine does hits all of them alike."""
    best: dict[str, Mapping[str, float]] = {}
    for _ in range(turns):
        for name, work in works.items():
            took = work()
            if name not in best or took["cpu_s"] < best[name]["cpu_s"]:
                best[name] = took
    return best


def _row(what: str, does: str, took: Mapping[str, float], ours: float, n: int, mean_bytes: float) -> dict[str, Any]:
    cpu_s, decoding_s = took["cpu_s"], took.get("decoding_s")
    return {
        "what": what,
        "does": does,
        "us_per_record": cpu_s / n * 1e6,
        "decoding_us": None if decoding_s is None else decoding_s / n * 1e6,
        "mb_per_s": mean_bytes * n / cpu_s / 1e6,
        "times_driftline": cpu_s / ours,
    }


def _bars(best: Mapping[str, Mapping[str, float]], ours: float) -> list[Bar]:
    wanted = {"whylogs": 12.0, "evidently": 80.0}
    return [
        Bar(f"engine, one core, times as fast as {name}", times, best[name]["cpu_s"] / ours, "×")
        for name, times in wanted.items()
        if name in best
    ]


def _reason(error: OSError | subprocess.CalledProcessError) -> str:
    """Return in one line why a peer could not be had."""
    told = getattr(error, "stderr", None) or str(error)
    return " ".join(told.split())[-160:]
