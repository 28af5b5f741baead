"""A slow drift in real data: no window is far from the baseline, and the sequence of windows shows it."""

# ruff: noqa: S608 - the query is made of constants

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.support.command_line import answer
from tests.support.flights import DAY_MS, NUMBERS, Flights
from tests.support.flights_monitor import Lines

pytestmark = [pytest.mark.xdist_group("flights-sequential"), pytest.mark.slow]

DRIFT_FROM = "2013-02-15"
SLOW = f"""
COPY (
  WITH numbered AS (SELECT *, row_number() OVER () AS n FROM flights WHERE time_hour < '2013-04-16'),
  dealt AS (SELECT arr_delay AS delay, row_number() OVER (ORDER BY md5(n::VARCHAR)) AS n FROM numbered)
  SELECT numbered.* EXCLUDE (day_ms, n) REPLACE (
    delay + 0.1 * greatest(date_diff('day', DATE '{DRIFT_FROM}', time_hour::TIMESTAMP::DATE), 0) AS arr_delay)
  FROM numbered JOIN dealt USING (n) ORDER BY n
) TO 'OUTPUT' (FORMAT json)
"""
"""The delays of real flights, dealt to the days by lot so that a day is like any other, then 0.1 minutes more a day."""
SERIES = [{"kind": kind, "field": field} for kind in ("page_hinkley", "adwin") for field in NUMBERS]
SERIES += [{"kind": kind, "statistic": "rows"} for kind in ("page_hinkley", "adwin")]
SERIES += [{"kind": "adwin", "field": "distance", "statistic": "quantile", "quantile": 0.9}]
SERIES += [{"kind": "adwin", "field": "distance", "statistic": "score", "detector": "psi"}]
CONFIGURATION = f"""\
name: flights
source: {{kind: files, paths: [INPUT]}}
time: {{field: time_hour, unit: iso8601, lateness: 1h}}
window: {{size: 1d}}
baseline: {{kind: file, path: BASELINE}}
fields: {json.dumps({name: {"type": "number"} for name in NUMBERS})}
drift: [{{kind: psi}}, {{kind: ks}}]
sequential: {json.dumps(SERIES)}
"""


@pytest.fixture(scope="module")
def directory(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with 15 weeks of flights, the same with a slow drift, and the baseline of the weeks before it."""
    directory = tmp_path_factory.mktemp("sequential")
    flights.write("time_hour < '2013-04-16'", directory / "clean.jsonl")
    with flights.connect() as table:
        table.execute(SLOW.replace("OUTPUT", str(directory / "slow.jsonl")))
    text = CONFIGURATION.replace("INPUT", str(directory / "clean.jsonl"))
    (directory / "flights.yaml").write_text(text.replace("BASELINE", str(directory / "baseline")))
    built = ("baseline", "build", "-c", directory / "flights.yaml", "--input", directory / "slow.jsonl")
    answer(*built, "--to", DRIFT_FROM, "--output", "json")
    return directory


def replay(directory: Path, name: str, output: str) -> Lines:
    lines = directory / f"{output}.lines"
    config = directory / "flights.yaml"
    assert answer("replay", "-c", config, "--input", directory / f"{name}.jsonl", "--output", lines) == ""
    return Lines(lines)


@pytest.fixture(scope="module")
def slow(directory: Path) -> Lines:
    """The lines of the flights with a slow drift."""
    return replay(directory, "slow", "slow")


def firing(lines: Lines, field: str, detector: str) -> list[dict]:
    alerts = [line for line in lines.of("alert") if line["status"] == "firing"]
    return [a for a in alerts if a["labels"].get("field") == field and detector in a["labels"].values()]


def test_a_slow_drift_is_found_though_no_window_is_far_from_the_baseline(slow):
    lines = slow
    levels = Counter(
        v["level"] for (_, field, kind), v in lines.verdicts.items() if (field, kind) == ("arr_delay", "psi")
    )
    assert set(levels) == {"ok"}
    assert firing(lines, "arr_delay", "ks") == []
    for kind in ("page_hinkley_mean", "adwin_mean"):
        (alert,) = firing(lines, "arr_delay", kind)
        days = (alert["starts_at_ms"] - 1_360_886_400_000) / DAY_MS
        assert 10 < days < 50
        assert alert["annotations"]["summary"].startswith("Mean of arr_delay went from ")
        found = lines.verdicts[alert["starts_at_ms"], "arr_delay", kind]
        assert (found["level"], found["reason"], found["direction"]) == ("warning", "change found", "up")


def test_nine_weeks_of_clean_data_give_no_alert_from_any_series(directory):
    lines = replay(directory, "clean", "clean")
    first = min(start for start, _, _ in lines.verdicts)
    weeks = first + 63 * DAY_MS
    found = {
        key: v for key, v in lines.verdicts.items() if key[2].startswith(("page_hinkley", "adwin")) and key[0] < weeks
    }
    assert len(found) == 63 * len(SERIES)
    assert {v["level"] for v in found.values()} == {"ok", "unknown"}
    assert {v["reason"] for v in found.values() if v["level"] == "unknown"} == {"warming up"}
    assert sum(v["level"] == "ok" for v in found.values()) == (63 - 29) * len(SERIES)


def test_the_same_flights_give_the_same_lines(directory, slow):
    assert replay(directory, "slow", "again").path.read_bytes() == slow.path.read_bytes()
