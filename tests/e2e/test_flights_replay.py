"""A year of real data replayed: every count against SQL, every score against numpy and scipy."""

# ruff: noqa: S608 - the columns in these queries are constants

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import duckdb
import numpy as np
import pytest

from tests.support.drift_by_hand import CategoryRuler, Located, NumberRuler, Pair, kolmogorov, p_value_of_shares
from tests.support.flights import BASELINE_END_MS, CATEGORIES, DAY_MS, ROWS, TYPES, Flights
from tests.support.flights_monitor import MAX_CATEGORIES, NUMERIC, Lines, Monitor, Samples, ruler_of

pytestmark = [pytest.mark.xdist_group("flights-replay"), pytest.mark.slow]

WINDOWS = 366
THRESHOLDS = {"psi": (0.1, 0.25), "ks": (0.1, 0.2), "tv": (0.1, 0.2)}
KLL_ERROR = 0.0165
HLL_ERROR = 1.04 / math.sqrt(4096)
BOUND_WINDOWS = slice(0, None, 28)


@pytest.fixture(scope="module")
def lines(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """The year's verdicts and statistics."""
    monitor = Monitor(tmp_path_factory.mktemp("flights"), flights.path, in_process=True)
    monitor.build(flights.path)
    return monitor.replay(monitor.config("judge"), "lines", "--fields")


@pytest.fixture(scope="module")
def table(flights: Flights) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file as the table `flights`."""
    with flights.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def samples(table: duckdb.DuckDBPyConnection) -> Samples:
    """The values as numpy arrays."""
    samples = Samples.of(table)
    assert (np.diff(samples.days) >= 0).all()
    return samples


def test_every_record_is_accounted_for(lines):
    summary = lines.summary
    assert summary["kind"] == "summary"
    assert summary["records"] == summary["rows"] + summary["rejects"] + summary["filtered"] == ROWS
    assert (summary["rejects"], summary["filtered"], summary["late_rows"]) == (0, 0, 0)
    assert summary["windows"] == WINDOWS
    assert summary["alerts"] == sum(line["status"] == "firing" for line in lines.of("alert")) > 0
    kinds = [line["kind"] for line in lines.all]
    assert kinds.index("alert") > len(kinds) - 1 - kinds[::-1].index("verdict")
    assert len(lines.of("verdict")) == WINDOWS * (len(NUMERIC) * 9 + len(CATEGORIES) * 7 + 2)
    assert len(lines.of("field")) == WINDOWS * len(TYPES)


def test_counts_of_every_window_equal_those_of_sql(lines, table):
    counts = ", ".join(f"count({name})" for name in TYPES)
    distinct = ", ".join(f"count(DISTINCT {name})" for name in TYPES)
    found = table.sql(f"SELECT day_ms, count(*), {counts}, {distinct} FROM flights GROUP BY day_ms").fetchall()
    assert {start for start, *_ in found} == {start for start, _ in lines.fields}
    for start, rows, *numbers in found:
        for name, usable, different in zip(TYPES, numbers, numbers[len(TYPES) :], strict=False):
            line = lines.fields[start, name]
            assert (line["rows"], line["window_end_ms"]) == (rows, start + DAY_MS)
            assert line["missing_ratio"] == (rows - usable) / rows
            assert line["invalid_ratio"] == 0
            assert lines.verdicts[start, name, "missing"]["n_current"] == rows
            # Of a few values two may share a register, which is one less whatever the standard error.
            assert abs(line["distinct"] - different) <= max(4 * HLL_ERROR * different, 2.5)
            if name in NUMERIC:
                assert lines.verdicts[start, name, "psi"]["n_current"] == usable


def test_moments_of_every_window_equal_the_exact_ones(lines, table):
    for name in NUMERIC:
        sums = f"count({name}), sum({name})::HUGEINT, sum({name} * {name})::HUGEINT, min({name}), max({name})"
        for start, n, total, squares, low, high in table.sql(
            f"SELECT day_ms, {sums} FROM flights GROUP BY day_ms"
        ).fetchall():
            line = lines.fields[start, name]
            if not n:
                assert line["mean"] is line["stddev"] is line["min"] is line["max"] is None
                continue
            assert (line["min"], line["max"]) == (low, high)
            assert line["mean"] == pytest.approx(float(Fraction(total, n)), rel=1e-12, abs=0)
            variance = Fraction(n * squares - total * total, n * (n - 1)) if n > 1 else None
            if variance is None:
                assert line["stddev"] is None
            else:
                assert line["stddev"] == pytest.approx(math.sqrt(variance), rel=1e-12, abs=0)


def test_quantiles_are_within_the_rank_error_of_their_sketch(lines, samples):
    errors = []
    for start in samples.starts:
        for name in NUMERIC:
            ordered = np.sort(samples.day(name, start))
            for share, value in lines.fields[start, name]["quantiles"].items():
                below, up_to = np.searchsorted(ordered, value, "left"), np.searchsorted(ordered, value, "right")
                assert up_to > below, "a quantile is one of the values"
                errors.append(max(below / ordered.size - float(share), float(share) - up_to / ordered.size, 0.0))
    assert len(errors) == WINDOWS * len(NUMERIC) * 7
    assert np.mean(np.array(errors) <= KLL_ERROR) >= 0.99
    assert max(errors) <= 2 * KLL_ERROR


@pytest.mark.parametrize("name", NUMERIC)
def test_scores_of_numbers_equal_an_independent_computation(lines, samples, name):
    baseline = samples.baseline(name)
    ruler = NumberRuler(baseline)
    ten, whole, located = ruler.cells(baseline, 10), ruler.whole(baseline), Located(baseline, ruler.grid)
    for start in samples.starts:
        values = samples.day(name, start)
        pair, fine = Pair(ten, ruler.cells(values, 10)), Pair(whole, ruler.whole(values))
        moved, surely = located.distance(Located(values, ruler.grid))
        expected = {**pair.scores(), "ks": fine.ks(), "wasserstein": moved}
        bounds = {"tv": pair.tv_bound(), "ks": fine.ks_bound(), "wasserstein": surely}
        for detector, score in expected.items():
            line = lines.verdicts[start, name, detector]
            assert line["score"] == pytest.approx(score, rel=1e-9, abs=1e-9), (start, detector)
            assert line["lower_bound"] == pytest.approx(bounds.get(detector, line["lower_bound"]), rel=1e-9, abs=1e-9)
            assert (line["n_baseline"], line["n_current"]) == (baseline.size, values.size)
        p_value = lines.verdicts[start, name, "ks"]["p_value"]
        assert p_value == pytest.approx(kolmogorov(fine.ks(), fine.noise), abs=1e-9)


@pytest.mark.parametrize("name", CATEGORIES)
def test_scores_of_categories_equal_an_independent_computation(lines, samples, name):
    baseline = samples.baseline(name)
    ruler = CategoryRuler(baseline, MAX_CATEGORIES)
    before = ruler.cells(baseline)
    for start in samples.starts:
        values = samples.day(name, start)
        pair = Pair(before, ruler.cells(values))
        for detector, score in pair.scores().items():
            line = lines.verdicts[start, name, detector]
            assert line["score"] == pytest.approx(score, rel=1e-9, abs=1e-9), (start, detector)
            assert (line["n_baseline"], line["n_current"]) == (baseline.total(), values.total())
        bound = lines.verdicts[start, name, "tv"]["lower_bound"]
        assert bound == pytest.approx(pair.tv_bound(), rel=1e-9, abs=1e-9)


def test_shares_of_missing_values_equal_an_independent_computation(lines, samples):
    m = int(np.searchsorted(samples.days, BASELINE_END_MS))
    for name in TYPES:
        before = m - samples.usable(name, samples.starts[0], BASELINE_END_MS)
        for start in samples.starts:
            line = lines.verdicts[start, name, "missing"]
            n = line["n_current"]
            now = n - samples.usable(name, start, start + DAY_MS)
            assert line["score"] == pytest.approx(abs(now / n - before / m), abs=1e-12)
            assert line["lower_bound"] <= line["score"]
            assert lines.verdicts[start, name, "invalid"]["score"] == 0
            if start in samples.starts[BOUND_WINDOWS]:
                assert line["p_value"] == pytest.approx(p_value_of_shares(before, m, now, n), abs=1e-9)


def test_lower_bounds_and_p_values_are_those_of_the_noncentral_chi_squared(lines, samples):
    for name in (*NUMERIC, *CATEGORIES):
        ruler, baseline, ten = ruler_of(name, samples), samples.baseline(name), (10,) if name in NUMERIC else ()
        for start in samples.starts[BOUND_WINDOWS]:
            pair = Pair(ruler.cells(baseline, *ten), ruler.cells(samples.day(name, start), *ten))
            p_values = pair.p_values()
            for detector, bound in pair.bounds().items():
                line = lines.verdicts[start, name, detector]
                # near zero the root of a bound is as uncertain as the root of the tables' last digit
                assert line["lower_bound"] == pytest.approx(bound, rel=5e-3, abs=5e-3), (name, start, detector)
                assert line["p_value"] == pytest.approx(p_values[detector], abs=3e-3), (name, start, detector)


def test_levels_follow_from_lower_bounds_and_thresholds(lines):
    for line in lines.of("verdict"):
        if line["detector"] in THRESHOLDS:
            warning, critical = THRESHOLDS[line["detector"]]
            bound = line["lower_bound"]
            level = "critical" if bound > critical else "warning" if bound > warning else "ok"
            assert line["level"] == (level if line["n_current"] >= 50 else "unknown")
    levels = {line["level"] for line in lines.of("verdict")}
    assert levels >= {"ok", "warning", "critical"}
