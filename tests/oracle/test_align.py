"""Aligned topics against a join in SQL."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from monitor.checks import AlignSpec, WindowView
from monitor.types import Batch, TopicPartition
from tests.support.checks import column

N = 20_000
SPEC = AlignSpec(
    left="l", right="r", key=("id", "kind"), compare=("amount", "kind"), tolerance=2_000, min_rows=1, max_waiting=N
)
EXPECTED = """
SELECT count(*) FILTER (WHERE l.id IS NOT NULL AND r.id IS NOT NULL), count(*) FILTER (WHERE r.id IS NULL),
       count(*) FILTER (WHERE l.id IS NULL), avg((l.amount <> r.amount)::INT), median(r.at - l.at)
FROM l FULL JOIN r ON l.id = r.id AND l.kind = r.kind AND abs(l.at - r.at) <= 2000
"""


@pytest.mark.parametrize("seed", range(3))
def test_pairs_rest_disagreement_and_skew_equal_those_of_a_join(seed):
    rng = np.random.default_rng(seed)
    at = np.sort(rng.integers(0, 600_000, N))
    ids, kinds, amounts = rng.permutation(N), rng.choice(["a", "b"], N), rng.integers(0, 100, N).astype(float)
    sides = {}
    for name, keep, shift, wrong in (("l", 0.95, 0, 0.0), ("r", 0.9, 700, 0.07)):
        rows = np.flatnonzero(rng.random(N) < keep)
        rows = rows[rng.permutation(rows.size)] if name == "r" else rows
        moved = at[rows] + rng.normal(shift, 600, rows.size).astype(np.int64)
        changed = amounts[rows] + (rng.random(rows.size) < wrong)
        sides[name] = pa.table({"id": ids[rows], "kind": kinds[rows], "amount": changed, "at": moved})
    check = SPEC.build()
    for start in range(0, N, 1_500):
        for name, table in sides.items():
            part = table.slice(start, 1_500)
            times = part["at"].to_numpy()
            columns = {
                "id": column(part["id"].to_numpy().astype(float)),
                "kind": column(part["kind"].combine_chunks()),
                "amount": column(part["amount"].to_numpy()),
            }
            check.fold(Batch(TopicPartition(name, 0), np.arange(times.size), times, times, columns), 60_000)
    check.settle(10**9, 60_000)
    with duckdb.connect() as sql:
        for name, table in sides.items():
            sql.register(name, table)
        matched, left, right, different, skew = sql.sql(EXPECTED).fetchall()[0]
    (finding,) = check.judge(WindowView(-(10**6), 10**9, 0))
    details = finding.details
    assert (details["matched"], details["unmatched_left"], details["unmatched_right"]) == (matched, left, right)
    assert finding.value == pytest.approx((left + right) / (2 * matched + left + right))
    assert details["different_ratio.amount"] == pytest.approx(different)
    assert details["different_ratio.kind"] == 0
    assert details["median_skew_ms"] == pytest.approx(skew, abs=2_000 / 20)
