"""Every section of the benchmark runs, on as little as shows that it does."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, replace

import pytest

from tests.bench import beside, engine, formats, growth
from tests.bench.apart import apart
from tests.bench.figures import Section
from tests.bench.scaled import Shape
from tests.bench.sizes import TINY

SHAPE = Shape(fields=4, segments=3, rows=200)


def complete(section: Section) -> None:
    """Fail unless every row of every table has every column."""
    assert section.tables
    for table in section.tables:
        assert table.rows, table.name
        assert all(row.keys() >= table.units.keys() for row in table.rows), table.name
    again = Section.of(json.loads(json.dumps(section.stored())))
    assert [table.rows for table in again.tables] == [list(table.rows) for table in section.tables]


@pytest.mark.parametrize("module", [engine, formats], ids=["engine", "formats"])
def test_what_runs_in_this_process_measures_itself(tmp_path, module):
    complete(module.section(tmp_path, replace(TINY, records=800)))


def test_a_peer_that_cannot_be_had_is_in_the_table_with_the_reason(tmp_path, monkeypatch):
    def environment(*_):
        raise subprocess.CalledProcessError(2, "uv", stderr="there is no such thing\n as a network")

    monkeypatch.setattr(beside, "environment", environment)
    section = beside.measure(tmp_path, replace(TINY, peer_records=500), {"river": "does something"})
    complete(section)
    assert section.tables[0].rows[-1]["does"] == "not run: there is no such thing as a network"
    assert [row["what"] for row in section.tables[0].rows][:2] == ["Driftline", "orjson.loads"]


def test_growth_is_measured_by_shape(tmp_path):
    SHAPE.with_baseline(tmp_path)
    found = growth.point(shape=asdict(SHAPE), directory=str(tmp_path), records=400, turns=1)
    assert found["us_per_record"] > 0
    assert found["rss_mb"] > 10
    rows = growth.stream(shape=asdict(SHAPE), directory=str(tmp_path), windows=12)
    assert [row["minutes"] for row in rows] == list(range(1, 13))


def test_the_daemon_is_measured_in_a_process_of_its_own(tmp_path):
    SHAPE.with_baseline(tmp_path)
    rows = apart("tests.bench.memory", "hour", shape=asdict(SHAPE), directory=str(tmp_path), windows=3)
    assert [row["minutes"] for row in rows] == [1, 2, 3]
