"""Flights in which nothing changes but what a test injects: real rows dealt out anew to the real departure times."""

# ruff: noqa: S608 - the texts in these queries are constants of the tests

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.support.command_line import answer
from tests.support.flights import Flights

FIELDS = {
    **dict.fromkeys(("dep_delay", "arr_delay", "air_time", "distance"), "number"),
    **dict.fromkeys(("carrier", "origin"), "category"),
    "time_hour": "text",
}
FAULT_FROM = "2013-06-01"
FAULT_FROM_MS = 1_370_044_800_000
_BASELINE = "time_hour < '2013-04-01'"
_WATCHED = "time_hour >= '2013-05-12' AND time_hour < '2013-06-15'"
_COLUMNS = ", ".join(name for name in FIELDS if name != "time_hour")

DEALT = f"""
CREATE TABLE dealt AS SELECT time_hour, {_COLUMNS} FROM
    (SELECT time_hour, row_number() OVER (ORDER BY time_hour, flight, carrier) AS n FROM flights)
    JOIN (SELECT {_COLUMNS},
        row_number() OVER (ORDER BY md5(concat_ws('|', flight, carrier, dep_time, time_hour))) AS n FROM flights)
    USING (n)
"""
"""The rows in an order that has nothing to do with time; so no day is unlike another."""
DAYS = f"""
CREATE TABLE dealt AS SELECT
    strftime(make_timestamp((day_to + day_time) * 1000), '%Y-%m-%dT%H:%M:%SZ') AS time_hour, {_COLUMNS}
FROM (SELECT *, epoch_ms(time_hour::TIMESTAMP) - day_ms AS day_time FROM flights)
    JOIN (SELECT day_ms AS day_from, row_number() OVER (ORDER BY md5(day_ms::VARCHAR)) AS n
        FROM flights GROUP BY day_ms)
    ON day_ms = day_from
    JOIN (SELECT day_ms AS day_to, row_number() OVER (ORDER BY day_ms) AS n FROM flights GROUP BY day_ms)
    USING (n)
"""
"""Whole days in an order that has nothing to do with time: every day has its weather, but there are no seasons."""


@dataclass(frozen=True)
class DopedFlights:
    """The baseline's rows, the watched rows as they are, and a directory for what is made of them."""

    directory: Path
    table: duckdb.DuckDBPyConnection

    @classmethod
    def of(cls, flights: Flights, directory: Path, order: str = DEALT) -> DopedFlights:
        """Write the baseline's rows and build the baseline."""
        table = flights.connect()
        table.execute(order)
        doped = cls(directory, table)
        doped._write(f"SELECT * FROM dealt WHERE {_BASELINE}", directory / "first.jsonl")
        config = doped.config("build", directory / "first.jsonl", "1d")
        answer("baseline", "build", "-c", config, "--input", directory / "first.jsonl", "--output", "json")
        return doped

    def replay(self, select: str = "SELECT * FROM dealt", *, size: str = "1d", **settings: Any) -> list[dict[str, Any]]:
        """Replay the watched rows of a query; return the lines without the verdicts."""
        rows, output = self.directory / "rows.jsonl", self.directory / "lines.jsonl"
        self._write(f"FROM ({select}) WHERE {_WATCHED}", rows)
        answer("replay", "-c", self.config("judge", rows, size, **settings), "--input", rows, "--output", output)
        lines = [json.loads(line) for line in output.read_text().splitlines()]
        return [line for line in lines if line["kind"] not in {"verdict", "check"}]

    def config(
        self,
        name: str,
        rows: Path,
        size: str,
        *,
        kinds: Sequence[str] = ("psi", "ks", "wasserstein", "missing"),
        extra: str = "",
        **detector: Any,
    ) -> Path:
        """Write a configuration; return the file."""
        file = self.directory / f"{name}.yaml"
        file.write_text(f"""\
name: flights
source: {{kind: files, paths: [{rows}], max_poll_records: 50000}}
time: {{field: time_hour, unit: iso8601, lateness: 1h}}
window: {{size: {size}}}
segments: [{{field: carrier, max: 10}}, {{field: origin, max: 5}}]
baseline: {{kind: file, path: {self.directory}/baseline}}
store: {{path: {self.directory}/store}}
fields: {json.dumps({name: {"type": kind} for name, kind in FIELDS.items()})}
drift: {json.dumps([{"kind": kind, **detector} for kind in kinds])}
{extra}
""")
        return file

    def _write(self, query: str, path: Path) -> None:
        self.table.execute(f"COPY ({query} ORDER BY time_hour) TO '{path}' (FORMAT json)")


def since(change: str, *, otherwise: str, where: str) -> str:
    """Return an expression that is `change` in the rows `where`, from the fault on, and `otherwise` elsewhere."""
    return f"(CASE WHEN {where} AND time_hour >= '{FAULT_FROM}' THEN {change} ELSE {otherwise} END)"
