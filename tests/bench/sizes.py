"""How much is measured: all of it, a quick look, or just enough to see that everything works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Numbers of records and turns of every section. `turns`: the least CPU time of so many is reported."""

    name: str
    records: int
    core_records: int
    turns: int
    peer_records: int
    peer_turns: int
    broker_records: int
    broker_turns: int
    delay_s: float
    growth_records: int
    fields: tuple[int, ...]
    segments: tuple[int, ...]
    stream_windows: int
    stream_rows: int
    close_windows: int
    close_shape: tuple[int, int]
    scrapes: int
    memory_windows: int
    memory_rows: int
    memory_shape: tuple[int, int]


FULL = Sizes(
    name="full",
    records=400_000,
    core_records=1_000_000,
    turns=5,
    peer_records=100_000,
    peer_turns=3,
    broker_records=300_000,
    broker_turns=3,
    delay_s=30.0,
    growth_records=30_000,
    fields=(1, 10, 25, 50, 100, 200),
    segments=(1, 5, 10, 20, 50, 100),
    stream_windows=60,
    stream_rows=20_000,
    close_windows=12,
    close_shape=(100, 20),
    scrapes=60,
    memory_windows=60,
    memory_rows=20_000,
    memory_shape=(50, 20),
)
"""About a quarter of an hour on two cores that do nothing else."""

QUICK = Sizes(
    name="quick",
    records=200_000,
    core_records=500_000,
    turns=3,
    peer_records=100_000,
    peer_turns=1,
    broker_records=200_000,
    broker_turns=2,
    delay_s=10.0,
    growth_records=20_000,
    fields=(1, 25, 100),
    segments=(1, 20, 100),
    stream_windows=60,
    stream_rows=5_000,
    close_windows=6,
    close_shape=(100, 20),
    scrapes=20,
    memory_windows=60,
    memory_rows=5_000,
    memory_shape=(50, 20),
)
"""About five minutes."""

TINY = Sizes(
    name="tiny",
    records=2_000,
    core_records=2_000,
    turns=1,
    peer_records=2_000,
    peer_turns=1,
    broker_records=2_000,
    broker_turns=1,
    delay_s=2.0,
    growth_records=1_000,
    fields=(1, 4),
    segments=(1, 3),
    stream_windows=12,
    stream_rows=200,
    close_windows=3,
    close_shape=(4, 3),
    scrapes=3,
    memory_windows=12,
    memory_rows=200,
    memory_shape=(4, 3),
)
"""For the tests: whether every section runs; its figures mean nothing."""

BY_NAME = {sizes.name: sizes for sizes in (FULL, QUICK, TINY)}
