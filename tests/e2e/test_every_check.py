"""Every kind of check on real data: a fault of its sort pages, and the data as it came does not.

The data: three days of flights, of which the fault is in the second. The baseline: the ten days before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import duckdb
import pytest
from pydantic import TypeAdapter

from monitor.checks import CheckSpec
from tests.support.command_line import answer
from tests.support.flights import Flights

DAY = "TIMESTAMP '2013-01-16'"
FAULTY = f"date_trunc('day', moment) = {DAY}"
FIELDS = {
    "flight": "integer",
    "carrier": "category",
    "origin": "category",
    "tailnum": "category",
    "dep_delay": "number",
    "arr_delay": "number",
    "air_time": "number",
    "distance": "number",
    "sched_dep_time": "integer",
    "stamp": "text",
    "note": "text",
    "epoch_ms": "integer",
    "leg": "category",
    "number": "integer",
}
# What the package lacks: an identity, a text, and times in other spellings. Nothing of it is random.
COLUMNS = (
    "flight, carrier, origin, tailnum, dep_delay, arr_delay, air_time, distance, sched_dep_time, "
    "strftime(moment, '%Y-%m-%dT%H:%M:%SZ') AS stamp, "
    "concat('flight ', flight, ' of ', carrier, ' left ', origin, ' for ', dest, ' on time or not') AS note, "
    "epoch_ms(moment) AS epoch_ms, concat_ws('-', carrier, flight, origin, dest, month, day, sched_dep_time) AS leg, "
    "epoch_ms(moment) AS event_ms, row_number() OVER (ORDER BY moment, carrier, flight, origin) AS number, "
    "epoch_ms(moment) + 500 AS kafka_ms"
)
CONFIGURATION = f"""\
name: flights
source: {{kind: files, paths: [INPUT]}}
time: {{field: event_ms, unit: ms, lateness: 1h}}
window: {{size: 1d}}
baseline: {{kind: file, path: BASELINE}}
store: {{path: STORE}}
fields: {json.dumps({path: {"type": kind} for path, kind in FIELDS.items()})}
checks: [CHECK]
"""


@dataclass(frozen=True)
class Fault:
    """A check, and what is done to the rows of the faulty day: new values of columns, or another table."""

    check: dict[str, Any]
    change: str = ""
    table: str = "SELECT {columns} FROM flights"

    @property
    def query(self) -> str:
        """Return the query of the days with the fault in them."""
        if not self.change:
            return self.table
        value, column = self.change.rsplit(" AS ", 1)
        return (
            f"SELECT * EXCLUDE (moment) REPLACE (CASE WHEN {FAULTY} THEN {value} ELSE {column} END AS {column}) "  # noqa: S608
            f"FROM (SELECT moment, {{columns}} FROM flights)"
        )


FAULTS: dict[str, Fault] = {
    "required": Fault({"field": "origin"}, table="{columns}"),
    "nullable": Fault({"field": "origin"}, "NULL AS origin"),
    "missing": Fault({"field": "arr_delay", "max_failure_ratio": 0.2}, "NULL AS arr_delay"),
    "type": Fault({"field": "distance"}, table="{columns}"),
    "range": Fault({"field": "distance", "min": 10, "max": 6000}, "distance * 1.609 * 10 AS distance"),
    "allowed": Fault({"field": "origin", "values": ["EWR", "JFK", "LGA"]}, "lower(origin) AS origin"),
    "empty": Fault({"field": "carrier"}, "'  ' AS carrier"),
    "placeholder": Fault({"field": "tailnum", "max_failure_ratio": 0.01}, "'N/A' AS tailnum"),
    "regex": Fault({"field": "stamp", "pattern": r"\d{4}-.*Z"}, "replace(stamp, 'Z', '') AS stamp"),
    "format": Fault({"field": "stamp", "format": "iso_datetime"}, "replace(stamp, '2013-', '13/') AS stamp"),
    "length": Fault({"field": "carrier", "min": 2, "max": 2}, "concat(carrier, ' Airlines') AS carrier"),
    "numeric_text": Fault({"field": "carrier"}, "'12.5' AS carrier"),
    "compare": Fault({"field": "air_time", "op": "<", "other": "distance"}, "air_time * 60 AS air_time"),
    "sql": Fault(
        {"name": "speed", "expression": "distance / air_time BETWEEN 2 AND 12"}, "distance * 1.852 AS distance"
    ),
    "duplicates": Fault(
        {"key": ["leg"], "horizon": "2d", "max_failure_ratio": 0.01},
        table="SELECT {columns} FROM (FROM flights UNION ALL FROM flights WHERE {faulty} AND flight % 9 = 0) "
        "ORDER BY event_ms",
    ),
    "near_duplicates": Fault(
        {"field": "leg", "horizon": "2d", "max_failure_ratio": 0.01},
        "concat('all the flights of this day are late and nobody knows by how much, says number ', flight) AS leg",
    ),
    "monotonic": Fault(
        {"field": "number", "max_failure_ratio": 0.01}, "CASE WHEN flight % 9 = 0 THEN 0 ELSE number END AS number"
    ),
    "sequence": Fault(
        {"field": "number", "max_failure_ratio": 0.01},
        table="SELECT * EXCLUDE (moment) FROM (SELECT moment, {columns} FROM flights) "
        "WHERE NOT ({faulty}) OR flight % 9 <> 0 ORDER BY number",
    ),
    "text": Fault(
        {"field": "note", "measure": "words", "min": 5},
        "'?' AS note",
    ),
    "outliers": Fault({"field": "distance"}, "CASE WHEN flight % 3 = 0 THEN 90000 ELSE distance END AS distance"),
    "referential": Fault({"field": "carrier", "file": "CARRIERS"}, "'XX' AS carrier"),
    "time_zone": Fault(
        {"field": "stamp", "unit": "iso8601"},
        "replace(replace(stamp, 'T1', 'T0'), 'T2', 'T1') AS stamp",
    ),
    "freshness": Fault({"max_delay": "5m"}, "kafka_ms + 3600000 AS kafka_ms"),
    "time_unit": Fault({"field": "epoch_ms", "unit": "ms"}, "epoch_ms // 1000 AS epoch_ms"),
    "volume": Fault(
        {"min_baseline_ratio": 0.5}, table="SELECT {columns} FROM flights WHERE NOT ({faulty}) OR flight % 9 = 0"
    ),
    "late": Fault(
        {"max_ratio": 0.05},
        "CASE WHEN flight % 5 = 0 THEN event_ms - 86400000 ELSE event_ms END AS event_ms",
    ),
    "schema": Fault({}),
    "uniqueness": Fault({"field": "leg"}, "concat(carrier, origin) AS leg"),
    "cardinality": Fault({"field": "tailnum", "min_distinct": 300}, "concat('N', flight % 7) AS tailnum"),
    "frequent": Fault({"field": "carrier", "max_ratio": 0.4}, "'UA' AS carrier"),
    "constant": Fault({"field": "dep_delay"}, "0 AS dep_delay"),
    "balance": Fault(
        {"field": "origin", "max_effective_change": 0.2},
        "CASE WHEN flight % 20 = 0 THEN origin ELSE 'EWR' END AS origin",
    ),
}
TEXT_FAULTS = {
    "required": ('"origin":"', '"origim":"'),
    "type": ('"distance":', '"distance":"far","was":'),
    "schema": ('"origin":', '"aircraft":"B737","origin":'),
}
"""Faults of the record's text, which a table cannot have."""


ON_KAFKA = {"align", "foreign_key"}
"""They need two topics: tests/integration/test_two_topics.py."""
OF_RATINGS = {"agreement"}
"""Its records are ratings, which flights are not: tests/e2e/test_annotations.py."""
IMPLIED = {"type"}
"""Every field is checked for its type anyhow."""


@pytest.fixture(scope="module")
def days(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the baseline's days and the days to judge."""
    directory = tmp_path_factory.mktemp("days")
    _write(flights, "SELECT {columns} FROM flights", directory / "before.jsonl", "2013-01-05", "2013-01-15")
    _write(flights, "SELECT {columns} FROM flights", directory / "clean.jsonl", "2013-01-15", "2013-01-18")
    with flights.connect() as connection:
        carriers = connection.sql("SELECT DISTINCT carrier FROM flights").fetchall()
    (directory / "carriers.txt").write_text("\n".join(carrier for (carrier,) in carriers))
    config = _configured(directory, {"kind": "volume"}, directory / "before.jsonl")
    answer("baseline", "build", "-c", config, "--input", directory / "before.jsonl")
    return directory


def _write(flights: Flights, query: str, path: Path, start: str, end: str) -> None:
    days = f"moment >= '{start}' AND moment < '{end}'"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        source = f"SELECT *, time_hour::TIMESTAMP AS moment FROM read_parquet('{flights.parquet}') WHERE {days}"  # noqa: S608
        connection.execute(f"CREATE VIEW flights AS {source}")
        connection.execute(f"COPY ({query.format(columns=COLUMNS, faulty=FAULTY)}) TO '{path}' (FORMAT json)")


def _configured(directory: Path, check: dict[str, Any], data: Path) -> Path:
    text = CONFIGURATION.replace("INPUT", str(data)).replace("BASELINE", str(directory / "baseline"))
    text = text.replace("STORE", str(directory / "store"))
    text = text.replace("CHECK", "" if check["kind"] in IMPLIED else json.dumps(check))
    text = text.replace("CARRIERS", str(directory / "carriers.txt"))
    file = directory / f"{check['kind']}.yaml"
    file.write_text(text)
    return file


def _faulty(flights: Flights, days: Path, kind: str) -> Path:
    path = days / f"{kind}.jsonl"
    if kind in TEXT_FAULTS:
        before, after = TEXT_FAULTS[kind]
        lines = (days / "clean.jsonl").read_text().splitlines()
        path.write_text("\n".join(x.replace(before, after) if "2013-01-16" in x else x for x in lines))
    else:
        _write(flights, FAULTS[kind].query, path, "2013-01-15", "2013-01-18")
    return path


def _pages(config: Path, data: Path, output: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the alerts of a replay and its outcomes of checks."""
    answer("replay", "-c", config, "--input", data, "--output", output, "--timestamp-column", "kafka_ms")
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    return [x for x in lines if x["kind"] == "alert"], [x for x in lines if x["kind"] == "check"]


def test_no_kind_is_left_out():
    kinds = {get_args(spec.model_fields["kind"].annotation)[0] for spec in get_args(get_args(CheckSpec)[0])}
    assert set(FAULTS) == kinds - ON_KAFKA - OF_RATINGS


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_pages_and_the_data_as_it_came_does_not(kind, flights, days, tmp_path):
    config = _configured(days, {"kind": kind, **FAULTS[kind].check}, days / "clean.jsonl")
    alerts, outcomes = _pages(config, days / "clean.jsonl", tmp_path / "clean")
    assert alerts == []
    assert {line["level"] for line in outcomes} == {"ok"}
    alerts, _ = _pages(config, _faulty(flights, days, kind), tmp_path / "faulty")
    assert [alert["status"] for alert in alerts][:1] == ["firing"]
    rule = TypeAdapter(CheckSpec).validate_python({"kind": kind, **FAULTS[kind].check}).name
    assert {alert["labels"]["rule"] for alert in alerts} == {rule}
    assert alerts[0]["starts_at_ms"] // 86_400_000 * 86_400_000 == 1_358_294_400_000
