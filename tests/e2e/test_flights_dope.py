"""`driftline dope` on real flights: a fault is found and named, and an absurd threshold is called blind."""

from __future__ import annotations

import json

import pytest

from tests.support.command_line import invoke
from tests.support.doped_flights import DopedFlights
from tests.support.flights import Flights

WHERE = "time_hour >= '2013-05-20' AND time_hour < '2013-06-01'"
ONLY = ("--within", "4", "--onsets", "1", "--injections", "2", "--json")


@pytest.fixture(scope="module")
def doped(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> DopedFlights:
    """Flights in which nothing changes, with their baseline and twelve days to dope."""
    made = DopedFlights.of(flights, tmp_path_factory.mktemp("dope"))
    made.table.execute(
        f"COPY (SELECT * FROM dealt WHERE {WHERE} ORDER BY time_hour) TO '{made.directory}/days.jsonl' (FORMAT json)"  # noqa: S608 - constants of this module
    )
    return made


def dope(doped: DopedFlights, *options: str, **settings: object) -> tuple[int, dict]:
    days = doped.directory / "days.jsonl"
    done = invoke("dope", "-c", doped.config("dope", days, "1d", **settings), "--input", days, *ONLY, *options)
    return done.exit_code, json.loads(done.stdout)


def test_a_plain_fault_is_caught_within_days_and_its_own_field_is_named_first(doped):
    options = ("--faults", "mean_shift,null_burst", "--fields", "dep_delay,origin", "--severity", "small,1000")
    code, found = dope(doped, *options, "--no-limits", "--require", "recall.1000>=1", "--require", "named>=0.9")
    assert code == 0
    assert found["false_pages"]["pages"] == 0
    plain = [item for item in found["faults"] if item["level"] == "1000"]
    assert all(item["ratio"] == 1 and item["worst_delay"] <= 3 for item in plain)
    assert {(item["fault"], item["field"], item["named"][0]) for item in found["injections"] if item["caught"]} >= {
        ("mean_shift", "dep_delay", "dep_delay"),
        ("null_burst", "origin", "origin"),
    }
    # A threshold is made for what matters, not for what can be told from noise.
    assert sum(item["caught"] for item in found["faults"] if item["level"] == "small") == 0


def test_a_threshold_beyond_everything_is_called_blind(doped):
    options = ("--faults", "mean_shift", "--fields", "dep_delay", "--severity", "gross", "--require", "recall>0")
    code, found = dope(doped, *options, kinds=("psi",), warning=50, critical=100)
    assert (code, found["blind"]) == (1, True)
    assert found["fields"] == [{"field": "dep_delay", "nulls": None, "shift": None}]
