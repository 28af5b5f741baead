"""Every kind of detector on real data: a fault of its sort is found on its day, and the days as they came are quiet.

The data: three days of flights, of which the fault is in the second. The baseline: two weeks before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import duckdb
import pytest

from monitor.detectors import DetectorSpec
from tests.support.command_line import answer
from tests.support.flights import Flights

DAY_MS = 86_400_000
FAULTY_MS = 1_358_294_400_000
FIELDS = {
    "carrier": "category",
    "origin": "category",
    "dest": "category",
    "distance": "number",
    "air_time": "number",
    "minute": "integer",
    "year": "integer",
}
CONFIGURATION = f"""\
name: flights
source: {{kind: files, paths: [INPUT]}}
time: {{field: event_ms, unit: ms, lateness: 1h}}
window: {{size: 1d}}
baseline: {{kind: file, path: BASELINE}}
store: {{path: STORE}}
fields: {json.dumps({path: {"type": kind, "drift": []} for path, kind in FIELDS.items()})}
"""


@dataclass(frozen=True)
class Fault:
    """A field, the new value of a column on the faulty day, settings, and which way a signed detector says it went."""

    field: str
    value: str
    direction: str | None = None
    settings: tuple[tuple[str, Any], ...] = ()


MILES = "CASE WHEN distance < 1000 THEN distance * 1.609 ELSE distance END"
FAULTS: dict[str, Fault] = {
    "psi": Fault("distance", MILES),
    "ks": Fault("distance", MILES),
    "js": Fault("distance", MILES),
    "hellinger": Fault("distance", MILES),
    "wasserstein": Fault("distance", MILES),
    "tv": Fault("distance", MILES),
    "kl": Fault("distance", MILES),
    "chi2": Fault("origin", "CASE WHEN flight % 2 = 0 THEN 'JFK' ELSE origin END", None, (("statistic", "g"),)),
    "missing": Fault("air_time", "CASE WHEN flight % 2 = 0 THEN NULL ELSE air_time END"),
    "invalid": Fault("air_time", "CASE WHEN flight % 2 = 0 THEN '\"late\"'::JSON ELSE air_time::JSON END"),
    "mean_shift": Fault("distance", "distance * 1.609", "up"),
    "variance_shift": Fault("air_time", "150 + air_time % 5", "down"),
    "median_shift": Fault("air_time", "air_time / 2", "down"),
    "unseen": Fault("carrier", "CASE WHEN carrier = 'UA' THEN 'U2' ELSE carrier END"),
    "vanished": Fault("carrier", "CASE WHEN carrier = 'UA' THEN 'AA' ELSE carrier END"),
    "mode_share": Fault("minute", "CASE WHEN flight % 3 = 0 THEN 0 ELSE minute END", "up"),
    "cardinality_shift": Fault("dest", "CASE WHEN length(dest) > 2 THEN 'ATL' END", "down"),
}


@pytest.fixture(scope="module")
def days(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the baseline, with the days it is made of and the days to judge."""
    directory = tmp_path_factory.mktemp("days")
    _write(flights, directory / "before.jsonl", "2013-01-01", "2013-01-15")
    _write(flights, directory / "clean.jsonl", "2013-01-15", "2013-01-18")
    config = _configured(directory, "psi", "distance", {}, directory / "before.jsonl")
    answer("baseline", "build", "-c", config, "--input", directory / "before.jsonl")
    return directory


def _write(flights: Flights, path: Path, start: str, end: str, field: str = "", value: str = "") -> None:
    """Write days, those of the sixteenth with another value in a field."""
    faulty = "date_trunc('day', moment) = TIMESTAMP '2013-01-16'"
    columns = ", ".join(
        f"CASE WHEN {faulty} THEN ({value})::JSON ELSE {name}::JSON END AS {name}"
        if name == field and FIELDS[name] != "category"
        else f"CASE WHEN {faulty} THEN {value} ELSE {name} END AS {name}"
        if name == field
        else name
        for name in FIELDS
    )
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        source = f"SELECT *, time_hour::TIMESTAMP AS moment FROM read_parquet('{flights.parquet}')"  # noqa: S608
        days = f"moment >= '{start}' AND moment < '{end}'"
        query = f"SELECT epoch_ms(moment) AS event_ms, {columns} FROM ({source}) WHERE {days} ORDER BY moment, flight"  # noqa: S608
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT json)")


def _configured(directory: Path, kind: str, field: str, settings: dict[str, Any], data: Path) -> Path:
    text = CONFIGURATION.replace("INPUT", str(data)).replace("BASELINE", str(directory / "baseline"))
    text = text.replace("STORE", str(directory / "store"))
    drift = json.dumps([{"kind": kind, **settings}])
    text = text.replace(
        f'"{field}": {{"type": "{FIELDS[field]}", "drift": []}}',
        f'"{field}": {{"type": "{FIELDS[field]}", "drift": {drift}}}',
    )
    file = directory / f"{kind}.yaml"
    file.write_text(text)
    return file


def _verdicts(config: Path, data: Path, output: Path) -> dict[int, dict[str, Any]]:
    """Return the verdict of each day, by its start."""
    answer("replay", "-c", config, "--input", data, "--output", output)
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    return {line["window_start_ms"]: line for line in lines if line["kind"] == "verdict"}


OF_VECTORS = {"frechet"}
"""No field of the flights is one: tests/unit/detectors/test_frechet.py and the tests of formats."""


def test_no_kind_is_left_out():
    assert set(FAULTS) | OF_VECTORS == {
        get_args(s.model_fields["kind"].annotation)[0] for s in get_args(get_args(DetectorSpec)[0])
    }


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_found_on_its_day_and_the_days_as_they_came_are_quiet(kind, flights, days, tmp_path):
    fault = FAULTS[kind]
    config = _configured(days, kind, fault.field, dict(fault.settings), days / "clean.jsonl")
    clean = _verdicts(config, days / "clean.jsonl", tmp_path / "clean")
    assert len(clean) == 3
    assert {line["level"] for line in clean.values()} == {"ok"}
    _write(flights, tmp_path / "faulty.jsonl", "2013-01-15", "2013-01-18", fault.field, fault.value)
    faulty = _verdicts(config, tmp_path / "faulty.jsonl", tmp_path / "verdicts")
    assert {start for start, line in faulty.items() if line["level"] != "ok"} == {FAULTY_MS}
    found = faulty[FAULTY_MS]
    assert found["level"] in ("warning", "critical")
    assert found["score"] > 2 * found["noise_floor"]
    assert found.get("direction") == fault.direction
    if found["p_value"] is not None:
        assert found["p_value"] < 1e-6
