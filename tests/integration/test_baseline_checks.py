"""Checks made from a baseline, on the flights of January: building it, clean data, and data that is not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import answer, invoke
from tests.support.flights import CATEGORIES, INTEGERS, NUMBERS, TYPES, Flights

CHECKS = [{"kind": "outliers", "field": field} for field in (*NUMBERS, *INTEGERS)]
CHECKS += [{"kind": "allowed", "field": field, "values": "baseline"} for field in CATEGORIES]
JANUARY = "month = 1"
FEBRUARY_MS = 1_359_676_800_000
"""1 February, UTC: then there are the last flights of a New York evening, and no more."""


@dataclass(frozen=True)
class January:
    """A directory with the flights of January and a monitor of them, by the day."""

    flights: Flights
    directory: Path

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.directory / "driftline.yaml"

    def write(self, name: str) -> Path:
        """Write the flights and the configuration; return the file of flights."""
        text = {
            "name": "january",
            "source": {"kind": "files", "paths": [str(self.directory / name)]},
            "time": {"field": "time_hour", "unit": "iso8601", "lateness": "1h"},
            "window": {"size": "1d"},
            "baseline": {"kind": "file", "path": str(self.directory / "baseline")},
            "store": {"path": str(self.directory / "store")},
            "fields": {field: {"type": kind} for field, kind in TYPES.items()},
            "checks": CHECKS,
        }
        self.config.write_text(json.dumps(text))
        self.flights.write(JANUARY, self.directory / name)
        return self.directory / name

    def judged(self, path: Path) -> dict[str, set[str]]:
        """Return the levels and reasons of every check in all windows of a replay with a day's flights."""
        lines = answer("replay", "-c", self.config, "--input", path).splitlines()
        found: dict[str, set[str]] = {}
        for line in map(json.loads, lines):
            if line["kind"] == "check" and line["window_start_ms"] < FEBRUARY_MS:
                found.setdefault(line["check"], set()).add(f"{line['level']}: {line['reason']}")
        return found


@pytest.fixture(scope="module")
def january(flights: Flights, tmp_path_factory: Any) -> tuple[January, Path]:
    """The monitor with its baseline, built by the configuration that needs it."""
    made = January(flights, tmp_path_factory.mktemp("january"))
    path = made.write("january.jsonl")
    before = invoke("replay", "-c", made.config, "--input", path)
    assert before.exit_code == 78
    assert "not tried" in answer("check", "-c", made.config, "--sample", path)
    answer("baseline", "build", "-c", made.config, "--input", path)
    return made, path


def test_no_day_of_the_baselines_own_month_fails(january):
    made, path = january
    found = made.judged(path)
    assert {check: levels for check, levels in found.items() if check.endswith((".outliers", ".allowed"))}.keys() == {
        *(f"{field}.outliers" for field in (*NUMBERS, *INTEGERS)),
        *(f"{field}.allowed" for field in CATEGORIES),
    }
    constant = ("year.outliers", "month.outliers")
    assert {c: levels for c, levels in found.items() if not levels <= {"ok: ok"} and c not in constant} == {}
    assert {level for check in constant for level in found[check]} == {"unknown: no spread in the baseline"}


def test_a_field_that_the_baseline_does_not_have_cannot_be_checked_against_it(january):
    made, path = january
    text = json.loads(made.config.read_text())
    text["fields"]["seats"] = {"type": "number"}
    text["checks"] = [{"kind": "outliers", "field": "seats"}]
    config = made.directory / "seats.yaml"
    config.write_text(json.dumps(text))
    result = invoke("replay", "-c", config, "--input", path)
    assert result.exit_code == 78
    assert "the baseline does not have this field" in result.output


def test_a_wrong_unit_and_a_new_value_fail(january, tmp_path):
    made, path = january
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        line["distance"] = line["distance"] * 1000 if line["flight"] % 5 == 0 else line["distance"]
        line["carrier"] = "XX" if line["flight"] == 15 else line["carrier"]
    spoilt = tmp_path / "spoilt.jsonl"
    spoilt.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = made.judged(spoilt)
    assert found["distance.outliers"] == {"warning: failures above tolerance"}
    assert "warning: failures above tolerance" in found["carrier.allowed"]
    assert found["air_time.outliers"] == {"ok: ok"}
