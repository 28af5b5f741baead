"""What checks of windows measure, against SQL and numpy over the same rows."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from monitor.accumulators import FrequentSpec as FrequentValues
from monitor.baseline.volumes import HOUR_MS, HOURS, Volumes
from monitor.checks import BalanceSpec, CardinalitySpec, ConstantSpec, FrequentSpec, UniquenessSpec
from monitor.checks.balance_measures import Spread, effective_change
from monitor.types import Presence
from tests.support.checks import column
from tests.support.monitors import fetch, make_engine, make_plan, record
from tests.support.window_checks import judged, view_of

N = 20_000
HLL = 3 * 1.04 / 64
"""Three standard errors of HyperLogLog with 4096 registers."""


def zipf(seed: int, different: int) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """Return texts with a heavy head, their segments (1 to 3) and which of them are null."""
    rng = np.random.default_rng(seed)
    numbers = np.minimum(rng.zipf(1.3, N), different)
    return pa.array([f"v{n}" for n in numbers]), rng.integers(1, 4, N), rng.random(N) < 0.1


def table(texts: pa.Array, codes: np.ndarray, nulls: np.ndarray) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.register("t", pa.table({"v": texts, "s": codes, "gone": nulls}))
    connection.execute(
        "CREATE VIEW ok AS SELECT v, s FROM t WHERE NOT gone UNION ALL SELECT v, 0 FROM t WHERE NOT gone"
    )
    return connection


@pytest.mark.parametrize("seed", range(3))
def test_shares_and_classes_equal_sql_while_the_values_are_few(seed):
    texts, codes, nulls = zipf(seed, 50)
    values = {"x": column(texts, np.where(nulls, Presence.NULL, Presence.OK))}
    with table(texts, codes, nulls) as sql:
        expected = sql.sql(
            "WITH c AS (SELECT s, v, count(*) AS n FROM ok GROUP BY ALL), "
            "p AS (SELECT s, n / sum(n) OVER (PARTITION BY s) AS p FROM c) "
            "SELECT max(p), min(p), entropy, count(*) FROM p JOIN (SELECT s, entropy(v) * ln(2) AS entropy FROM ok "
            "GROUP BY s) USING (s) GROUP BY s, entropy ORDER BY s"
        ).fetchall()
    top = judged(FrequentSpec(field="x", max_ratio=0.9), values, codes, batches=5)
    assert [found.value for found in top] == pytest.approx([row[0] for row in expected], rel=1e-12)
    balance = judged(BalanceSpec(field="x", min_class_ratio=0.01), values, codes, batches=5)
    assert [found.value for found in balance] == pytest.approx([row[1] for row in expected], rel=1e-12)
    for slack, problem in ((1 - 1e-9, False), (1 + 1e-9, True)):
        for group, (_, _, entropy, classes) in enumerate(expected):
            ratio = BalanceSpec(field="x", min_entropy_ratio=entropy / np.log(classes) * slack)
            number = BalanceSpec(field="x", min_effective_classes=np.exp(entropy) * slack)
            for spec in (ratio, number):
                assert (judged(spec, values, codes)[group].reason != "ok") == problem


@pytest.mark.parametrize("seed", range(3))
def test_counts_of_frequent_values_are_within_their_bound_of_sql(seed):
    texts, codes, nulls = zipf(seed, 10**9)
    values = {"x": column(texts, np.where(nulls, Presence.NULL, Presence.OK))}
    spec = FrequentSpec(field="x")
    counted = view_of(spec, values, codes, batches=9).accumulators[FrequentValues(field="x")]
    with table(texts, codes, nulls) as sql:
        exact = {(s, v): n for s, v, n in sql.sql("SELECT s, v, count(*) FROM ok GROUP BY ALL").fetchall()}
        sizes = [n for _, n in sql.sql("SELECT s, count(*) FROM ok GROUP BY s ORDER BY s").fetchall()]
    assert counted.rows.tolist() == sizes
    for group, counts in enumerate(counted.counts):
        error = int(counted.errors[group])
        assert 0 < error <= sizes[group] / 65
        assert all(count <= exact[group, value] <= count + error for value, count in counts.items())
        missed = (n for (s, value), n in exact.items() if s == group and value not in counts)
        assert max(missed) <= error


def test_different_values_are_within_three_standard_errors_of_sql():
    for different in (10, 1_000, 15_000):
        values = (np.arange(N) * 7919 % different).astype(float)
        (found,) = judged(CardinalitySpec(field="x", min_distinct=1), {"x": values})
        assert found.value == pytest.approx(different, rel=HLL)
        (found,) = judged(UniquenessSpec(field="x", min_ratio=0.01), {"x": values})
        assert found.value == pytest.approx(different / N, rel=HLL)


def test_constant_agrees_with_numpy():
    rng = np.random.default_rng(4)
    for _ in range(50):
        values = rng.integers(0, 2, 4).astype(float)
        (found,) = judged(ConstantSpec(field="x", min_rows=2), {"x": values})
        assert (found.reason != "ok") == (np.unique(values).size == 1)


def test_late_rows_belong_to_the_newest_pane_that_was_reached_before_them():
    """The share of each window against a plain walk over the rows, under any cutting into fetches."""
    rng = np.random.default_rng(5)
    times = 1_700_000_000_000 + np.arange(3_000) * 10 - rng.choice([0, 0, 0, 4_000], 3_000)
    newest, expected = -1, {}
    for time in times.tolist():
        pane, reached = time // 1_000 * 1_000, newest // 1_000 * 1_000
        if newest >= 0 and pane + 1_000 <= newest - 500:
            expected[reached] = expected.get(reached, 0) + 1
        newest = max(newest, time)
    for size in (3_000, 700, 1):
        engine = make_engine(make_plan(lateness_ms=500))
        values = [record(time) for time in times.tolist()]
        for start in range(0, 3_000, size):
            result = engine.step([fetch(values[start : start + size], at=start)], 0)
            found = {w.start_ms: w.profile.late_rows for w in result.windows}
            assert found == {start: expected.get(start, 0) for start in found}
            if size == 3_000:
                assert sum(found.values()) > 500


@pytest.mark.parametrize("days", [3, 20])
def test_expected_rows_equal_the_baselines_own(days):
    """Over whole weeks, or days, the expected rows of an hour are the mean of its like in the baseline."""
    rng = np.random.default_rng(6)
    start = 1_700_006_400_000 // (HOURS * HOUR_MS) * (HOURS * HOUR_MS)
    times = start + np.sort(rng.integers(0, days * 24 * HOUR_MS, 50_000))
    times[0], times[-1] = start, start + days * 24 * HOUR_MS - 1
    volumes = Volumes.of([times[:100], times[100:], times[:0]])
    hour = np.int64(start + 5 * HOUR_MS)
    inside = (times // HOUR_MS % (HOURS if days > 7 else 24)) == (hour // HOUR_MS % (HOURS if days > 7 else 24))
    if days < 7:  # the hour of this day of the week was covered itself
        inside = (times >= hour) & (times < hour + HOUR_MS)
    mean = inside.sum() / np.unique(times[inside] // HOUR_MS).size
    assert volumes.expected(int(hour), int(hour) + HOUR_MS) == pytest.approx(mean)
    week = start + 6 * 24 * HOUR_MS + 5 * HOUR_MS  # not covered where there are but three days
    like = inside if days > 7 else times // HOUR_MS % 24 == 5
    if days < 7:
        mean = like.sum() / np.unique(times[like] // HOUR_MS).size
        assert volumes.expected(week, week + HOUR_MS // 2) == pytest.approx(mean / 2)
    assert volumes.expected(start, start + days * 24 * HOUR_MS) == pytest.approx(50_000, rel=0.1)


def test_no_rows_expect_nothing():
    assert Volumes.of([]).expected(0, HOUR_MS) is None


@pytest.mark.parametrize("seed", range(3))
def test_effective_numbers_equal_scipys_entropy_and_its_error_is_what_samples_show(seed):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(12, 0.7))
    samples = rng.multinomial(2_000, shares, 2_000)
    spreads = [Spread(counts) for counts in samples]
    first = spreads[0]
    assert first.entropy == pytest.approx(stats.entropy(first.counts), abs=1e-12)
    assert first.simpson == pytest.approx(1 / np.sum(first.shares**2), rel=1e-12)
    corrected = np.array([spread.corrected_entropy for spread in spreads])
    assert corrected.mean() == pytest.approx(stats.entropy(shares), abs=0.002)
    assert first.entropy_variance == pytest.approx(corrected.var(), rel=0.25)


def test_a_change_that_is_chance_alone_is_none_in_19_of_20_windows():
    rng = np.random.default_rng(5)
    shares = rng.dirichlet(np.full(8, 1.0))
    pairs = zip(rng.multinomial(500, shares, 1_000), rng.multinomial(3_000, shares, 1_000), strict=True)
    sure = [effective_change(Spread(now), Spread(before))[1] for now, before in pairs]
    assert 0.02 < np.mean(np.array(sure) != 0) < 0.08
