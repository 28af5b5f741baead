"""JSON bytes to closed windows with PSI and KS on every field, beside `orjson.loads` alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from monitor.baseline import BaselineFiles
from monitor.building import build_baseline
from monitor.compile import compile_plan, load_baseline
from monitor.config.loader import load
from monitor.config.tree import Config
from monitor.decoders.ahead import Ahead
from monitor.decoders.duck import Duck
from monitor.engine import Engine
from monitor.gathering import binary_array
from monitor.lookahead import Lookahead
from monitor.partition import PartitionState
from monitor.protocols import Decoder
from monitor.sources.memory import MemorySource
from monitor.types import Fetch, TopicPartition
from tests.bench.figures import Bar, Section, Table
from tests.bench.records import CONFIG, FIRST_MS, payments
from tests.bench.sizes import Sizes
from tests.bench.timing import Stages, interleaved_cpu_s, tuned

PARTITION = TopicPartition("bench", 0)
SIZES = (50_000, 5_000, 1_000)
"""Records in a fetch, largest first."""
_BASELINE_ROWS = 50_000


def configured(
    directory: Path, *, client: str = "kafka-python", bootstrap: str = "none:9092", topic: str = "bench"
) -> Config:
    """Return the configuration with a baseline built for it."""
    config = load(CONFIG.format(client=client, bootstrap=bootstrap, topic=topic, directory=directory))
    if not (directory / "baseline").exists():
        source = MemorySource([PARTITION])
        source.append(PARTITION, payments(_BASELINE_ROWS, seed=2))
        built = build_baseline(config, source, "bench", FIRST_MS)
        assert config.baseline is not None
        BaselineFiles(config.baseline.path).save(built.baseline, built.lineage)
    return config


def parts(values: Sequence[bytes], size: int) -> list[Sequence[bytes]]:
    """Return the records in lists of `size`, as a client hands them over."""
    return [values[start : start + size] for start in range(0, len(values), size)]


def fetches(lists: Sequence[Sequence[bytes]], first: int = 0) -> Iterator[Fetch]:
    """Yield a fetch for each of the lists, from offset `first` on."""
    for part in lists:
        n = len(part)
        yield Fetch(
            PARTITION,
            np.arange(first, first + n),
            np.full(n, FIRST_MS),
            pa.nulls(n, pa.binary()),
            binary_array(part),
            None,
            first + n,
        )
        first += n


def loads_all(values: Sequence[bytes]) -> None:
    """Parse every record and throw the result away."""
    loads = orjson.loads
    for value in values:
        loads(value)


def columns_all(values: Sequence[bytes]) -> dict[str, list[Any]]:
    """Parse every record into column lists, as a Python program without an engine would."""
    rows = [orjson.loads(value) for value in values]
    return {name: [row.get(name) for row in rows] for name in rows[0]}


def valid_all(duck: Duck, values: Sequence[bytes]) -> None:
    """Have DuckDB look through every record and say no more than whether it is JSON: the practical limit of parsing."""
    for start in range(0, len(values), SIZES[0]):
        duck.ask(
            "SELECT json_valid(v) FROM texts", pa.array(values[start : start + SIZES[0]], pa.binary()).cast(pa.string())
        )


class Bench:
    """The engine on records in memory, with a decoder of its own."""

    def __init__(self, directory: Path, n: int) -> None:
        """Make the records, and the baseline where there is none."""
        self.values = payments(n)
        self.parts = {size: parts(self.values, size) for size in {*SIZES, n}}
        config = configured(directory)
        self.plan = compile_plan(config, load_baseline(config))
        self.decoder: Decoder = config.decoder.build(self.plan.decode)

    def run(self, size: int, stages: Stages | None = None, decoder: Decoder | None = None) -> Engine:
        """Take all records to closed windows, in fetches of `size`."""
        engine, ahead = Engine(self.plan, decoder or self.decoder, stages), Lookahead()
        engine.assign(PartitionState(PARTITION, 0, 0))
        for fetch in fetches(self.parts[size]):
            if stages is not None:
                stages("list to Arrow")
            engine.step(ahead.exchange(engine, [fetch]), 0)
        engine.step(ahead.take(), 0)
        engine.finish()
        return engine


def section(directory: Path, sizes: Sizes) -> Section:
    """Return what the engine costs by size of fetch, by stage, and on two cores."""
    n, turns = sizes.records, sizes.turns
    figures = measure(directory, n, turns)
    spent = stages(directory, n, turns)
    cores = two_cores(directory, sizes.core_records, turns)
    each = f"{n:,} records of 11 fields and 230 B, CPU the least of {turns} turns, interleaved"
    tables = [
        Table("engine", "JSON bytes to verdicts on one core", each, _UNITS, figures),
        Table("stages", "Where the engine's CPU time goes", each, _STAGE_UNITS, spent),
        Table(
            "cores",
            "One core and two",
            f"{sizes.core_records:,} records, least elapsed time of {turns} turns, interleaved",
            _CORE_UNITS,
            cores,
        ),
    ]
    by_name = {row["what"]: row for row in figures}
    best = max((row for row in figures if row["what"].startswith("engine")), key=lambda row: row["mb_per_s"])
    lists = by_name["orjson.loads, then lists by column"]["times_orjson"]
    bars = [
        Bar("engine, one core, times orjson.loads with results discarded", 1.0, best["times_orjson"], "×"),
        Bar("engine, one core, times orjson followed by lists by column", 2.5, best["times_orjson"] / lists, "×"),
        Bar("two cores, times one core (elapsed)", 1.7, cores[0]["elapsed_s"] / cores[1]["elapsed_s"], "×"),
        Bar("JSON on two cores", 500.0, best["mb_per_s"] * cores[0]["elapsed_s"] / cores[1]["elapsed_s"], "MB/s"),
    ]
    return Section(tables, bars)


_UNITS = {"what": "", "cpu_s": "s CPU", "us_per_record": "µs CPU", "mb_per_s": "MB/s", "times_orjson": "× orjson"}
_STAGE_UNITS = {"stage": "", "share": "of 1", "us_per_record": "µs CPU", "us_per_fetch": "µs CPU"}
_CORE_UNITS = {
    "cores": "",
    "elapsed_s": "s",
    "cpu_s": "s CPU",
    "busier_thread_s": "s CPU",
    "at_most_times_one_core": "×",
}


def measure(directory: Path, n: int, repetitions: int) -> list[dict[str, Any]]:
    """Return the figures: CPU µs per record, and the ratio of orjson's to ours (above 1: we are faster)."""
    bench, duck = Bench(directory, n), Duck()
    values, judged = bench.values, bench.run(SIZES[0]).closer.windows
    works: dict[str, Callable[[], object]] = {
        "orjson.loads, results discarded": lambda: loads_all(values),
        "orjson.loads, then lists by column": lambda: columns_all(values),
        "DuckDB json_valid, results discarded": lambda: valid_all(duck, values),
        **{
            f"engine, {judged} windows judged, fetches of {size}": lambda size=size: bench.run(size)  # type: ignore[misc]
            for size in SIZES
        },
    }
    spent = interleaved_cpu_s(works, repetitions)
    first, mean = next(iter(spent.values())), sum(map(len, values)) / n
    return [
        {
            "what": what,
            "cpu_s": cpu_s,
            "us_per_record": cpu_s / n * 1e6,
            "mb_per_s": mean * n / cpu_s / 1e6,
            "times_orjson": first / cpu_s,
        }
        for what, cpu_s in spent.items()
    ]


def two_cores(directory: Path, n: int, repetitions: int) -> list[dict[str, Any]]:
    """Return elapsed time on one core and on two, and the CPU time of one core over that of the busier of two threads.

    The last is what two cores can win at most; elapsed times mean something on a machine that does nothing else.
    The first fetch is decoded with nothing to fold beside it: of 8 fetches that alone would leave 1.78 of 2.
    """
    bench = Bench(directory, n)
    found: dict[str, list[tuple[float, float, float]]] = {}
    with tuned():
        for _ in range(repetitions):
            for name, decoder in (
                ("one core", bench.decoder),
                ("decoding ahead on a second one", Ahead(bench.decoder)),
            ):
                began, cpu, mine = time.perf_counter(), time.process_time(), time.thread_time()
                bench.run(SIZES[0], decoder=decoder)
                elapsed, cpu, mine = time.perf_counter() - began, time.process_time() - cpu, time.thread_time() - mine
                found.setdefault(name, []).append((elapsed, cpu, max(mine, cpu - mine)))
    rows: list[dict[str, Any]] = []
    for name, turns in found.items():
        elapsed, cpu, busier = (min(column) for column in zip(*turns, strict=True))
        rows.append({"cores": name, "elapsed_s": elapsed, "cpu_s": cpu, "busier_thread_s": busier})
        rows[-1]["at_most_times_one_core"] = rows[0]["cpu_s"] / busier
    return rows


def stages(directory: Path, n: int, repetitions: int) -> list[dict[str, Any]]:
    """Return what each stage costs by record, in large fetches, and by fetch, which small ones show."""
    bench = Bench(directory, n)
    large, *_, small = SIZES
    found = {large: {}, small: {}}
    for _ in range(repetitions):
        for size, best in found.items():
            timer = Stages()
            bench.run(size, timer)
            for name, spent_s in timer.spent_s.items():
                best[name] = min(best.get(name, spent_s), spent_s)
    more_fetches, total = max(n / small - n / large, 1), sum(found[large].values())
    return [
        {
            "stage": name,
            "share": cpu_s / total,
            "us_per_record": cpu_s / n * 1e6,
            "us_per_fetch": (found[small][name] - cpu_s) / more_fetches * 1e6,
        }
        for name, cpu_s in found[large].items()
    ]
