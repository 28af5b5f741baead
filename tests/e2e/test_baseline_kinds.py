"""Every kind of baseline on real flights, and on a stream with a day's rhythm: what each finds and what it leaves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitor.store.sqlite import Store
from tests.support.command_line import answer, run
from tests.support.flights import BASELINE_END_MS, DAY_MS, Flights
from tests.support.ports import free_port

pytestmark = [pytest.mark.xdist_group("baseline-kinds"), pytest.mark.slow]

HOUR_MS = 3_600_000
START_MS = 20_000 * DAY_MS
FAULT_MS = BASELINE_END_MS + 20 * DAY_MS
END_MS = BASELINE_END_MS + 60 * DAY_MS

CONFIGURATION = """\
name: flights
source: {kind: files, paths: [INPUT]}
time: {field: TIME, lateness: 1h}
window: {size: WINDOW}
baseline: BASELINE
store: {path: DIRECTORY/store}
fields: FIELDS
drift: [{kind: psi, rho: RHO}, {kind: ks, rho: RHO}]
"""
FLIGHTS = {
    "TIME": "time_hour, unit: iso8601",
    "WINDOW": "1d",
    "FIELDS": "{distance: {type: number}, air_time: {type: number}, carrier: {type: category}}",
}


def configure(directory: Path, name: str, baseline: str, **settings: str) -> Path:
    """Write a configuration; return the file."""
    text = CONFIGURATION.replace("BASELINE", baseline)
    for key, value in ({"RHO": "null"} | settings).items():
        text = text.replace(key, value)
    file = directory / f"{name}.yaml"
    file.write_text(text.replace("DIRECTORY", str(directory)))
    return file


def replayed(config: Path, of: Path) -> list[dict[str, Any]]:
    """Replay a file; return the lines."""
    output = config.with_suffix(".out")
    answer("replay", "-c", config, "--input", of, "--output", output)
    return [json.loads(line) for line in output.read_text().splitlines()]


def alarms(lines: list[dict[str, Any]], since: int, until: int = 2**62) -> Counter[tuple[str, str]]:
    """Return how many windows were at warning or worse, by field and detector."""
    return Counter(
        (line["field"], line["detector"])
        for line in lines
        if line["kind"] == "verdict"
        and since <= line["window_start_ms"] < until
        and line["level"] in ("warning", "critical")
    )


@pytest.fixture(scope="module")
def place(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Flights from January to May, and the same with distances in kilometres from the end of April on."""
    directory = tmp_path_factory.mktemp("kinds")
    flights.write(f"day_ms < {END_MS}", directory / "usual.jsonl")
    with flights.connect() as table:
        table.execute(
            "COPY (SELECT * EXCLUDE (day_ms) REPLACE ("  # noqa: S608 - constants
            f"CASE WHEN day_ms >= {FAULT_MS} THEN (distance * 1.609)::BIGINT ELSE distance END AS distance) "
            f"FROM flights WHERE day_ms < {END_MS}) TO '{directory / 'faulty.jsonl'}' (FORMAT json)"
        )
    return directory


def test_a_trailing_baseline_still_sees_a_fault_forty_days_later(place):
    config = configure(
        place,
        "trailing",
        "{kind: trailing, path: DIRECTORY/none, windows: 21, quarantine: 3, min_windows: 7}",
        INPUT=str(place / "faulty.jsonl"),
        **FLIGHTS,
    )
    lines = replayed(config, place / "faulty.jsonl")
    days = [line for line in lines if line["kind"] == "verdict" and line["field"] == "distance"]
    after = [line for line in days if line["window_start_ms"] >= FAULT_MS]
    assert len(after) == 2 * 40
    assert {line["level"] for line in after} == {"critical"}
    assert alarms(lines, BASELINE_END_MS, FAULT_MS)["distance", "psi"] == 0
    assert alarms(lines, FAULT_MS)["carrier", "psi"] == 0
    firing = [line for line in lines if line["kind"] == "alert" and line["labels"].get("field") == "distance"]
    assert {line["status"] for line in firing} == {"firing"}


def test_a_previous_baseline_sees_the_change_on_its_day_only(place):
    config = configure(
        place, "previous", "{kind: previous, path: DIRECTORY/none}", INPUT=str(place / "faulty.jsonl"), **FLIGHTS
    )
    found = alarms(replayed(config, place / "faulty.jsonl"), FAULT_MS - 10 * DAY_MS, FAULT_MS + 10 * DAY_MS)
    assert (found["distance", "psi"], found["distance", "ks"]) == (1, 1)


def test_a_trailing_baseline_follows_the_winds_of_the_year(flights, tmp_path):
    flights.write(f"day_ms < {BASELINE_END_MS + 210 * DAY_MS}", tmp_path / "year.jsonl")
    settings = FLIGHTS | {"INPUT": str(tmp_path / "year.jsonl"), "RHO": "0", "FIELDS": "{air_time: {type: number}}"}
    file = configure(tmp_path, "file", "{kind: file, path: DIRECTORY/quarter}", **settings)
    answer("baseline", "build", "-c", file, "--input", tmp_path / "year.jsonl", "--to", "2013-04-01")
    trailing = configure(tmp_path, "trailing", "{kind: trailing, path: DIRECTORY/none, windows: 21}", **settings)
    fixed, moving = (
        alarms(replayed(config, tmp_path / "year.jsonl"), BASELINE_END_MS)["air_time", "psi"]
        for config in (file, trailing)
    )
    assert moving < 0.6 * fixed


def test_hours_of_the_day_spare_alarms_and_local_time_spares_more(flights, place, tmp_path):
    """Delays grow during the day, and in March the clocks change: April's flights leave an hour earlier in UTC."""
    april = tmp_path / "april.jsonl"
    flights.write(f"day_ms >= {BASELINE_END_MS} AND day_ms < {BASELINE_END_MS + 21 * DAY_MS}", april)
    settings = FLIGHTS | {
        "RHO": "0",
        "WINDOW": "1h",
        "FIELDS": "{dep_delay: {type: number}, carrier: {type: category}}",
    }
    found = {}
    for name, kind in {
        "file": "kind: file",
        "utc": "kind: seasonal",
        "local": "kind: seasonal, time_zone: America/New_York",
    }.items():
        config = configure(tmp_path, name, f"{{{kind}, path: DIRECTORY/{name}}}", INPUT=str(april), **settings)
        answer("baseline", "build", "-c", config, "--input", place / "usual.jsonl", "--to", "2013-03-10")
        found[name] = alarms(replayed(config, april), BASELINE_END_MS)
    assert found["local"]["dep_delay", "psi"] < 0.75 * found["file"]["dep_delay", "psi"]
    assert found["local"]["carrier", "psi"] < found["utc"]["carrier", "psi"]


def temperatures(days: range, *, stuck: range = range(0)) -> Iterator[str]:
    """Yield readings that follow the hour, two a minute; on the days that are stuck every hour is like noon."""
    rng = np.random.default_rng(3)
    for day in days:
        for hour in range(24):
            shown = 12 if day in stuck else hour
            level = 15 - 10 * np.cos(2 * np.pi * shown / 24)
            for minute, value in enumerate(rng.normal(level, 1.0, 120)):
                yield json.dumps(
                    {"at": START_MS + day * DAY_MS + hour * HOUR_MS + minute * 30_000, "celsius": round(value, 2)}
                )


def test_a_seasonal_baseline_finds_a_fault_within_the_usual_range_and_says_nothing_else(tmp_path):
    normal, now = tmp_path / "normal.jsonl", tmp_path / "now.jsonl"
    normal.write_text("\n".join(temperatures(range(14))))
    now.write_text("\n".join(temperatures(range(14, 17), stuck=range(16, 17))))
    settings = {"INPUT": str(now), "TIME": "at, unit: ms", "WINDOW": "1h", "FIELDS": "{celsius: {type: number}}"}
    found = {}
    for kind, rho in (("file", "0"), ("file", "null"), ("seasonal", "0"), ("seasonal", "null")):
        config = configure(tmp_path, kind, f"{{kind: {kind}, path: DIRECTORY/{kind}}}", RHO=rho, **settings)
        answer("baseline", "build", "-c", config, "--input", normal)
        lines = replayed(config, now)
        stuck = alarms(lines, START_MS + 16 * DAY_MS, START_MS + 17 * DAY_MS)["celsius", "psi"]
        found[kind, rho] = (stuck, alarms(lines, 0)["celsius", "psi"] - stuck)
    assert found["file", "0"][1] == 2 * 24  # every hour differs from the day
    assert found["file", "null"][0] == 0  # and if that is usual, a fault within the day is nothing new
    for rho in ("0", "null"):
        assert found["seasonal", rho][1] == 0
        assert found["seasonal", rho][0] >= 20  # all but the hours near noon


def test_a_daemon_learns_its_ruler_once_and_tells_of_every_other_version(tmp_path):
    records = tmp_path / "records.jsonl"
    records.write_text("\n".join(temperatures(range(2))))
    config = configure(
        tmp_path,
        "daemon",
        "{kind: trailing, path: DIRECTORY/versions, min_learn_rows: 10, learn_rows: 500}",
        INPUT=str(records),
        TIME="at, unit: ms",
        WINDOW="1h",
        FIELDS="{celsius: {type: number}}",
    )
    config.write_text(config.read_text() + f'http: {{listen: "127.0.0.1:{free_port()}"}}\n')
    first = run("run", "-c", config, "--until-end")
    assert first.returncode == 0, first.stderr[-2000:]
    assert "ruler_learnt" in first.stderr
    [learnt] = json.loads(answer("baseline", "list", "-c", config, "--output", "json"))
    assert (learnt["rows"], learnt["promoted"]["by"]) == (500, "run")
    answer("baseline", "build", "-c", config, "--input", records)
    second = run("run", "-c", config, "--until-end")
    assert second.returncode == 0, second.stderr[-2000:]
    assert "baseline_changed" in second.stderr
    store = Store(tmp_path / "store")
    events = [json.loads(event.line) for event in store.events()]
    store.close()
    assert [(e["kind"], e["previous"], e["reason"]) for e in events] == [
        ("baseline", None, "first"),
        ("baseline", learnt["version"], "restart with another version"),
    ]
