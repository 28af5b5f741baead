"""JSON bytes to closed windows with PSI and KS on every field, beside `orjson.loads` alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from monitor.engine import Engine
from monitor.partition import PartitionState
from monitor.sources.memory import MemorySource
from monitor.types import Fetch, TopicPartition
from tests.bench.records import CONFIG, FIRST_MS, payments
from tests.bench.timing import Stages, best_cpu_s

PARTITION = TopicPartition("bench", 0)
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


def fetches(values: Sequence[bytes], size: int) -> Iterator[Fetch]:
    """Yield the records as a client hands them over: lists of bytes, in fetches of `size`."""
    for start in range(0, len(values), size):
        part = values[start : start + size]
        n = len(part)
        yield Fetch(
            PARTITION,
            np.arange(start, start + n),
            np.full(n, FIRST_MS),
            pa.nulls(n, pa.binary()),
            pa.array(part, pa.binary()),
            None,
            start + n,
        )


def loads_all(values: Sequence[bytes]) -> None:
    """Parse every record and throw the result away."""
    loads = orjson.loads
    for value in values:
        loads(value)


def columns_all(values: Sequence[bytes]) -> dict[str, list[Any]]:
    """Parse every record into column lists, as a Python program without an engine would."""
    rows = [orjson.loads(value) for value in values]
    return {name: [row.get(name) for row in rows] for name in rows[0]}


def measure(directory: Path, n: int, repetitions: int) -> list[dict[str, Any]]:
    """Return the figures: CPU µs per record, and the ratio of orjson's to ours (above 1: we are faster)."""
    values = payments(n)
    config = configured(directory)
    plan = compile_plan(config, load_baseline(config))
    decoder = config.decoder.build(plan.decode)

    def run(size: int, stages: Stages | None = None) -> Engine:
        engine = Engine(plan, decoder, stages)
        engine.assign(PartitionState(PARTITION, 0, 0))
        for fetch in fetches(values, size):
            if stages is not None:
                stages("list to Arrow")
            engine.step([fetch], 0)
        engine.finish()
        return engine

    judged = run(50_000).closer.windows
    rows = [
        {"what": "orjson.loads, results discarded", "cpu_s": best_cpu_s(lambda: loads_all(values), repetitions)},
        {"what": "orjson.loads, then lists by column", "cpu_s": best_cpu_s(lambda: columns_all(values), repetitions)},
    ]
    for size in (50_000, 5_000, 1_000):
        cpu_s = best_cpu_s(lambda size=size: run(size), repetitions)  # type: ignore[misc]
        rows.append({"what": f"engine, {judged} windows judged, fetches of {size}", "cpu_s": cpu_s})
    run(50_000)
    stages = Stages()
    run(50_000, stages)
    total = sum(stages.spent_s.values())
    mean = sum(map(len, values)) / n
    for row in rows:
        row["us_per_record"] = row["cpu_s"] / n * 1e6
        row["mb_per_s"] = mean / row["us_per_record"]
        row["times_orjson"] = rows[0]["cpu_s"] / row["cpu_s"]
    return [*rows, *({"stage": name, "share": spent / total} for name, spent in stages.spent_s.items())]
