"""The checks of order against DuckDB's LAG over the whole stream at once."""

from __future__ import annotations

from itertools import pairwise

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from monitor.checks import MonotonicSpec, SequenceSpec
from monitor.types import TopicPartition
from tests.support.ordered import outcome, rows_of

N_ROWS = 20_000
_LAG = """
    WITH usable AS (
        SELECT *, lag(seq) OVER (PARTITION BY part, {by} ORDER BY place) AS before FROM stream
        WHERE seq IS NOT NULL {known})
    SELECT stream.place, ({fails}) AS failed
    FROM stream LEFT JOIN usable USING (place) ORDER BY stream.place"""


def stream(seed):
    """Return numbers that mostly count up by device, with devices, partitions and holes."""
    rng = np.random.default_rng(seed)
    devices = rng.integers(0, 300, N_ROWS)
    parts = devices % 3
    counters = np.zeros(300)
    numbers = np.empty(N_ROWS)
    for i, device in enumerate(devices):
        counters[device] += rng.choice([1, 1, 1, 1, 0, 2, -1])
        numbers[i] = counters[device]
    missing = rng.random(N_ROWS) < 0.02
    unnamed = rng.random(N_ROWS) < 0.02
    seq = [None if m else float(x) for m, x in zip(missing, numbers, strict=True)]
    names = [None if u else f"d{d}" for u, d in zip(unnamed, devices, strict=True)]
    return seq, names, parts


CASES = [
    (MonotonicSpec(field="seq", by=("device",)), "usable.seq < usable.before"),
    (MonotonicSpec(field="seq", direction="strictly_increasing"), "usable.seq <= usable.before"),
    (MonotonicSpec(field="seq", by=("device",), direction="strictly_decreasing"), "usable.seq >= usable.before"),
    (SequenceSpec(field="seq", by=("device",)), "usable.seq != usable.before + 1"),
    (SequenceSpec(field="seq", by=("device",), faults=("gap",)), "usable.seq > usable.before + 1"),
    (SequenceSpec(field="seq", faults=("repeat", "out_of_order")), "usable.seq <= usable.before"),
]


@pytest.mark.parametrize(("spec", "fails"), CASES)
def test_lag_finds_the_same_failures(spec, fails):
    seq, names, parts = stream(7)
    table = pa.table({"place": range(N_ROWS), "seq": seq, "device": names, "part": parts})
    by, known = ("device", "AND device IS NOT NULL") if spec.by else ("part", "")
    with duckdb.connect() as connection:
        connection.register("stream", table)
        expected = connection.sql(_LAG.format(by=by, known=known, fails=fails)).fetchall()

    found = [None] * N_ROWS
    check = spec.build()
    cuts = [0, *np.sort(np.random.default_rng(3).integers(0, N_ROWS, 30)).tolist(), N_ROWS]
    for a, b in pairwise(cuts):
        for part in range(3):
            places = a + np.flatnonzero(parts[a:b] == part)
            batch = rows_of([seq[i] for i in places], [names[i] for i in places], TopicPartition("t", part))
            for place, result in zip(places, outcome(check, batch), strict=True):
                found[place] = result
    assert found == [failed for _, failed in expected]
    assert 100 < sum(bool(failed) for failed in found) < N_ROWS
