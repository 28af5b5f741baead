"""The policy `budget` on real flights: quiet while nothing changes, one page for a fault, and deterministic."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.command_line import answer
from tests.support.doped_flights import DEALT
from tests.support.flights import DAY_MS, Flights

FAULT_FROM, FAULT_FROM_MS = "2013-10-01", 1_380_585_600_000
FIELDS = {"dep_delay": "number", "distance": "number", "origin": "category"}


@dataclass(frozen=True)
class Replayed:
    """The lines of a replay."""

    lines: list[dict]

    @property
    def pages(self) -> list[dict]:
        """What began to fire, in order."""
        return [line for line in self.lines if line["kind"] == "alert" and line["status"] == "firing"]

    def verdicts(self, detector: str, field: str) -> list[dict]:
        """The verdicts of all rows of one stream, in order."""
        wanted = (detector, field, {})
        found = (line for line in self.lines if line["kind"] == "verdict")
        return [line for line in found if (line["detector"], line["field"], line["segment"]) == wanted]


class Budgeted:
    """Replays April to November, rows dealt out anew so that no day is unlike another, with what a test injects."""

    def __init__(self, flights: Flights, directory: Path) -> None:
        self.directory, self.table = directory, flights.connect()
        self.table.execute(DEALT)
        self.config = directory / "budget.yaml"
        self.config.write_text(f"""\
name: flights
source: {{kind: files, paths: [rows.jsonl]}}
time: {{field: time_hour, unit: iso8601, lateness: 1h}}
window: {{size: 1d}}
segments: [{{field: origin, max: 3}}]
baseline: {{kind: file, path: {directory}/baseline}}
store: {{path: {directory}/store}}
fields: {json.dumps({name: {"type": kind} for name, kind in FIELDS.items()} | {"time_hour": {"type": "text"}})}
drift: [{{kind: psi}}, {{kind: mean_shift}}]
policy: {{kind: budget, false_pages: 1, per: 244d}}
""")
        answer("baseline", "build", "-c", self.config, "--input", self.rows("dep_delay", "time_hour < '2013-04-01'"))

    def rows(self, dep_delay: str, where: str) -> Path:
        path = self.directory / "rows.jsonl"
        select = f"SELECT time_hour, {dep_delay} AS dep_delay, distance, origin FROM dealt WHERE {where}"  # noqa: S608
        self.table.execute(f"COPY ({select} ORDER BY time_hour) TO '{path}' (FORMAT json)")
        return path

    def replay(self, dep_delay: str = "dep_delay") -> Replayed:
        output = self.directory / "lines.jsonl"
        rows = self.rows(dep_delay, "time_hour >= '2013-04-01' AND time_hour < '2013-12-01'")
        answer("replay", "-c", self.config, "--input", rows, "--output", output)
        return Replayed([json.loads(line) for line in output.read_text().splitlines()])


@pytest.fixture(scope="module")
def budgeted(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> Budgeted:
    """The flights with a baseline."""
    return Budgeted(flights, tmp_path_factory.mktemp("budget"))


@pytest.fixture(scope="module")
def quiet(budgeted: Budgeted) -> Replayed:
    """Nothing injected."""
    return budgeted.replay()


@pytest.fixture(scope="module")
def faulty(budgeted: Budgeted) -> Replayed:
    """From October on departures are 20 minutes later."""
    return budgeted.replay(f"dep_delay + CASE WHEN time_hour >= '{FAULT_FROM}' THEN 20 ELSE 0 END")


def test_nothing_pages_while_nothing_changes(quiet: Replayed):
    assert [line for line in quiet.pages if line["labels"]["rule"] != "volume_change"] == []


def test_every_stream_is_armed_in_the_end_and_says_before_that_it_calibrates(quiet: Replayed):
    found = quiet.verdicts("psi", "dep_delay")
    assert found[0]["level"] == "unknown"
    assert found[0]["reason"].startswith("calibrating (0 of 50)")
    assert found[-1]["level"] == "ok"
    assert 0 <= found[-1]["budget"]["evidence"] < 1


def test_a_fault_is_paged_within_ten_days_in_its_own_field(faulty: Replayed):
    pages = [line for line in faulty.pages if line["labels"]["rule"] != "volume_change"]
    first = pages[0]
    assert first["labels"]["field"] == "dep_delay"
    assert FAULT_FROM_MS <= first["starts_at_ms"] <= FAULT_FROM_MS + 10 * DAY_MS
    assert first["annotations"]["reason"] == "evidence beyond budget"
    assert first["annotations"]["budget"].startswith("Evidence ")
    assert {line["labels"]["field"] for line in pages} == {"dep_delay"}


def test_the_verdict_says_since_when_and_holds_until_the_end(faulty: Replayed):
    found = faulty.verdicts("mean_shift", "dep_delay")
    paged = [line for line in found if line["level"] in ("warning", "critical")]
    assert abs(paged[0]["budget"]["onset_ms"] - FAULT_FROM_MS) <= 5 * DAY_MS
    assert paged[0]["budget"]["evidence"] >= 1
    assert found[-1]["level"] == paged[-1]["level"]


def test_until_the_fault_both_replays_say_the_same(quiet: Replayed, faulty: Replayed):
    def before(replayed: Replayed) -> list[dict]:
        return [line for line in replayed.lines if line.get("window_end_ms", FAULT_FROM_MS + 1) <= FAULT_FROM_MS]

    assert before(quiet) == before(faulty)
