"""The duplicates check against exact counting: a dictionary on small streams, planted repeats on large ones."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from monitor.checks.duplicates import DuplicatesSpec
from monitor.hashing import mix
from monitor.types import Batch, Column, Presence, TopicPartition

HOUR_MS = 3_600_000


def batch_of(times, columns=None, record_hashes=None):
    numbers = np.arange(len(times), dtype=np.int64)
    return Batch(TopicPartition("t", 0), numbers, numbers, times, columns or {}, record_hashes)


def planted_stream(seed, n):
    """Return (user, order) keys of which some came before, at all ages, with their event times in disorder."""
    rng = np.random.default_rng(seed)
    users = [f"user-{u}" for u in rng.integers(0, n // 20, n)]
    orders = rng.integers(0, 40, n).tolist()
    clock = np.cumsum(rng.exponential(4 * HOUR_MS / n, n))
    times = (clock - rng.exponential(20_000, n) * (rng.random(n) < 0.3)).astype(np.int64)
    missing = rng.random(n) < 0.02
    return users, orders, times, missing


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_dictionary_finds_the_same_duplicates(seed):
    n = 20_000
    users, orders, times, missing = planted_stream(seed, n)
    check = DuplicatesSpec(key=("user", "order"), horizon="1h", capacity=20_000, false_positive_ratio=1e-8).build()
    cuts = [0, *np.sort(np.random.default_rng(seed).integers(0, n, 40)).tolist(), n]
    failed = []
    for a, b in pairwise(cuts):
        columns = {
            "user": Column(pa.array(users[a:b]), np.zeros(b - a, np.uint8)),
            "order": Column(np.array(orders[a:b], float), np.where(missing[a:b], Presence.NULL, 0).astype(np.uint8)),
        }
        failures, evaluated = check.failures(batch_of(times[a:b], columns))
        assert evaluated.all()
        failed += failures.tolist()

    seen: dict[tuple[str, int | None], int] = {}
    step_ms = HOUR_MS // 3
    sure = certainly_not = grey = clock = 0
    for row, time in enumerate(times.tolist()):
        clock = max(clock, time)
        key = users[row], None if missing[row] else orders[row]
        before = seen.get(key)
        if before is not None and clock - before <= HOUR_MS:
            sure += 1
            assert failed[row]
        elif before is None or clock - before >= 4 * step_ms:
            certainly_not += 1
            assert not failed[row]
        else:
            grey += 1
            assert failed[row] == (clock // step_ms - before // step_ms < 4)
        seen[key] = clock
    assert min(sure, certainly_not, grey) > 100


@pytest.mark.slow
def test_ten_million_keys_an_hour_stay_under_the_cap_and_the_ratio_within_its_bound():
    """80 minutes at 10 M rows an hour, so that all four generations are full; 0.5 % repeat a row of the last hour."""
    per_hour, n, size = 10_000_000, 13_400_000, 50_000
    max_bytes = 64 << 20
    spec = DuplicatesSpec(key="record", capacity=per_hour, false_positive_ratio=1e-4, max_bytes=max_bytes)
    assert spec.horizon == HOUR_MS

    def repeats(rows):
        return mix(rows ^ np.uint64(0xD0B1E)) % np.uint64(200) == 0

    tracemalloc.start()
    check = spec.build()
    exact = observed = missed = last_exact = last_observed = 0
    corrected = []
    for start in range(0, n, size):
        rows = np.arange(start, start + size, dtype=np.uint64)
        sources = rows - np.uint64(1) - mix(rows) % np.uint64(per_hour - 1)
        # A row repeats one that is itself new, so that the exact count needs no memory.
        again = repeats(rows) & (sources < rows) & ~repeats(sources)
        hashes = mix(np.where(again, sources, rows))
        times = (rows * np.uint64(HOUR_MS) // np.uint64(per_hour)).astype(np.int64)
        failed, _ = check.failures(batch_of(times, record_hashes=hashes))
        missed += int((again & ~failed).sum())
        exact += int(again.sum())
        observed += int(failed.sum())
        if start % 1_000_000 == 1_000_000 - size:
            corrected.append((check.corrected_ratio(observed - last_observed, 1_000_000), exact - last_exact))
            last_exact, last_observed = exact, observed
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    bound = check.filter.geometry.false_positive_bound
    assert check.filter.geometry.filter_bytes <= max_bytes
    assert peak_bytes <= max_bytes
    assert missed == 0
    assert exact > 40_000
    assert observed - exact <= bound * n + 3 * np.sqrt(bound * n)
    assert not check.filter.overloaded
    for ratio, among in corrected:
        assert abs(float(ratio) - among / 1_000_000) <= 0.1 * bound + 3 * np.sqrt(bound / 1_000_000)
