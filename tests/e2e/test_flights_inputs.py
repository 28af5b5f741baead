"""The same flights by other ways: the profiles inside, other kinds of file, and segments."""

# ruff: noqa: S608 - the columns in these queries are constants

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import numpy as np
import pytest

from monitor.accumulators.categories import Categories
from monitor.accumulators.histogram import Histogram
from monitor.accumulators.presence import PresenceCounts
from monitor.replaying import open_replay
from monitor.types import Presence
from tests.support.drift_by_hand import Located, NumberRuler, Pair
from tests.support.flights import BASELINE_END_MS, CATEGORIES, TYPES, Flights
from tests.support.flights_monitor import NUMERIC, Lines, Monitor, Samples, ruler_of

pytestmark = [pytest.mark.xdist_group("flights-inputs"), pytest.mark.slow]

WINDOWS = 366
SEGMENTS = "[{field: origin, max: 2}]"


@pytest.fixture(scope="module")
def monitor(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> Monitor:
    """A monitor whose baseline is the first quarter."""
    monitor = Monitor(tmp_path_factory.mktemp("flights"), flights.path, in_process=True)
    monitor.build(flights.path)
    return monitor


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


def test_profiles_hold_exactly_the_counts_of_sql(monitor, table, samples):
    expected: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for name in TYPES:
        for start, rows, usable in count(table, f"count(*), count({name})", "flights"):
            expected[start, name] |= {"rows": rows, "ok": usable, "null": rows - usable}
    for name in CATEGORIES:
        add_known_values(table, name, samples)
        cell = "CASE WHEN known THEN '=' || value WHEN known = false THEN 'other' ELSE 'unseen' END"
        of = f"flights LEFT JOIN known ON {name} = value WHERE {name} IS NOT NULL"
        for start, value, n in count(table, f"{cell} AS cell, count(*)", of):
            expected[start, name][value] = n
    for name in NUMERIC:
        add_cuts(table, name, samples)
        of = f"flights ASOF LEFT JOIN cuts ON {name} >= cut WHERE {name} IS NOT NULL"
        for start, cell, n in count(table, "coalesce(cell, 0) AS place, count(*)", of):
            expected[start, name][f"#{cell}"] = n
    found = profile_counts(monitor)
    assert len(found) == WINDOWS * len(TYPES)
    assert found == {key: without_zeros(counts) for key, counts in expected.items()}
    assert {"unseen", "other"} < {what for counts in found.values() for what in counts}


def count(table: duckdb.DuckDBPyConnection, what: str, of: str) -> list[tuple[Any, ...]]:
    """Return day and counts of a table or join."""
    return table.sql(f"SELECT day_ms, {what} FROM {of} GROUP BY ALL").fetchall()


def add_known_values(table: duckdb.DuckDBPyConnection, name: str, samples: Samples) -> None:
    """Make the table `known` of the values of the baseline and whether each is among the most frequent."""
    ruler = ruler_of(name, samples)
    rows = [[value, value in ruler.known] for value in sorted(ruler.seen)]
    table.execute("CREATE OR REPLACE TABLE known (value VARCHAR, known BOOLEAN)")
    table.execute("INSERT INTO known SELECT unnest(?), unnest(?)", [list(column) for column in zip(*rows, strict=True)])


def add_cuts(table: duckdb.DuckDBPyConnection, name: str, samples: Samples) -> None:
    """Make the table `cuts` of the baseline's grid and the number of the cell that begins at each cut."""
    table.execute("CREATE OR REPLACE TABLE cuts (cell INTEGER, cut DOUBLE)")
    table.executemany("INSERT INTO cuts VALUES (?, ?)", list(enumerate(ruler_of(name, samples).grid.tolist(), 1)))


def profile_counts(monitor: Monitor) -> dict[tuple[int, str], dict[str, int]]:
    """Return what the windows' profiles hold, by day and field, zeros left out."""
    found: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for step in open_replay(monitor.config("profiles", without="drift:"), [str(monitor.input)]).results():
        for window in step.windows:
            assert window.profile is not None
            for spec, accumulator in window.profile.accumulators.items():
                found[window.start_ms, spec.field] |= without_zeros(counts_of(accumulator))
    return found


def counts_of(accumulator: Any) -> dict[str, int]:
    """Return rows by presence, known value or cell; nothing where an accumulator does not count."""
    if isinstance(accumulator, PresenceCounts):
        rows = {presence.name.lower(): int(accumulator.counts[0, presence]) for presence in Presence}
        return {"rows": int(accumulator.rows[0]), **rows}
    if isinstance(accumulator, Categories):
        known = zip(accumulator.frame.categories, accumulator.known[0].tolist(), strict=True)
        tail = {"unseen": int(accumulator.unseen[0]), "other": int(accumulator.other[0])}
        return {f"={value}": n for value, n in known} | tail
    if isinstance(accumulator, Histogram):
        return {f"#{cell}": n for cell, n in enumerate(accumulator.counts[0].tolist())}
    return {}


def without_zeros(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the counts that are not zero."""
    return {what: n for what, n in counts.items() if n}


@pytest.fixture(scope="module")
def january(monitor: Monitor, flights: Flights) -> Lines:
    """The verdicts on January, read from JSON lines."""
    flights.write("month = 1", monitor.directory / "january.jsonl")
    return monitor.replay(monitor.config("january"), "january-lines", of=monitor.directory / "january.jsonl")


def test_again_in_other_chunks_gives_the_same_lines(monitor, january):
    again = monitor.replay(monitor.config("chunks", chunk=777), "chunks", of=monitor.directory / "january.jsonl")
    assert again.path.read_bytes() == january.path.read_bytes()


def test_statistics_of_fields_are_added_to_the_same_lines(monitor, january):
    again = monitor.replay(monitor.config("fields"), "fields", "--fields", of=monitor.directory / "january.jsonl")
    others = [line for line in again.path.read_bytes().splitlines(keepends=True) if b'{"kind":"field"' not in line]
    assert b"".join(others) == january.path.read_bytes()
    assert len(again.of("field")) == 32 * len(TYPES)


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".csv", ".parquet"])
def test_other_kinds_of_file_give_the_same_lines(monitor, flights, january, suffix):
    path = monitor.directory / f"again{suffix}"
    flights.write("month = 1", path)
    again = monitor.replay(monitor.config(f"again{suffix}"), f"again{suffix}-lines", of=path)
    assert again.summary["windows"] == 32  # the last flights of the month leave on the first of the next, in UTC
    assert again.path.read_bytes() == january.path.read_bytes()


@pytest.fixture(scope="module")
def segmented(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """The verdicts on January in three segments, compared with the same segments of the baseline."""
    directory = tmp_path_factory.mktemp("segments")
    monitor = Monitor(directory, directory / "january.jsonl", in_process=True)
    flights.write("month = 1", monitor.input)
    monitor.build(flights.path, segments=SEGMENTS)
    return monitor.replay(monitor.config("judge", segments=SEGMENTS), "verdicts")


@pytest.mark.parametrize("name", ["dep_delay", "distance"])
@pytest.mark.parametrize("segment", ["EWR", "JFK", "<other>"])
def test_segments_are_judged_apart(segmented, table, samples, name, segment):
    where = "origin NOT IN ('EWR', 'JFK')" if segment == "<other>" else f"origin = '{segment}'"
    found = table.sql(f"SELECT {name}, day_ms, month FROM flights WHERE {name} NOT NULL AND {where}").fetchnumpy()
    values, days, january = np.asarray(found[name], np.float64), found["day_ms"], found["month"] == 1
    ruler = NumberRuler(samples.baseline(name))  # cuts are those of all rows, so that segments can be compared
    before = values[days < BASELINE_END_MS]
    wanted = [line for line in segmented.of("verdict") if line["segment"] == {"origin": segment}]
    lines = {(line["window_start_ms"], line["detector"]): line for line in wanted if line["field"] == name}
    for start in np.unique(days[january]).tolist():
        now = values[(days == start) & january]
        expected = Pair(ruler.cells(before, 10), ruler.cells(now, 10)).scores()
        expected["wasserstein"], _ = Located(before, ruler.grid).distance(Located(now, ruler.grid))
        for detector, score in expected.items():
            line = lines[start, detector]
            assert (line["n_baseline"], line["n_current"]) == (before.size, now.size)
            assert line["score"] == pytest.approx(score, rel=1e-9, abs=1e-9)
