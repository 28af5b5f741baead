"""Faults put into one segment of the flights: the page names that segment and field first, and when it began."""

# ruff: noqa: S608 - the columns in these queries are constants

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pytest

from monitor.incidents import Forgetful, Grouped, Grouping
from monitor.types import Alert
from tests.support.doped_flights import DAYS, FAULT_FROM_MS, DopedFlights, since
from tests.support.flights import DAY_MS, Flights

pytestmark = [pytest.mark.xdist_group("flights-causes"), pytest.mark.slow]

SOME = "md5_number_lower(concat_ws('|', carrier, dep_delay, arr_delay, distance)) % 10 <"
"""Tenths of the rows, the same ones in every version of DuckDB."""


@pytest.fixture(scope="module")
def doped(flights: Flights, tmp_path_factory: pytest.TempPathFactory) -> DopedFlights:
    """Flights in which nothing changes."""
    return DopedFlights.of(flights, tmp_path_factory.mktemp("causes"))


def slower(carrier: str) -> str:
    """Return the rows with one carrier's delays half as long again."""
    where = f"carrier = '{carrier}'"
    dep, arr = (since(f"{name} * 1.5", otherwise=name, where=where) for name in ("dep_delay", "arr_delay"))
    return f"SELECT * REPLACE ({dep} AS dep_delay, {arr} AS arr_delay) FROM dealt"


def incidents(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the news of incidents."""
    return [line for line in lines if line["kind"] == "incident"]


def pages(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the alerts that fired."""
    return [line for line in lines if line["kind"] == "alert" and line["status"] == "firing"]


class Pager:
    """Counts the incidents that are opened."""

    name = "pager"

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.pages = 0

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        for alert in alerts:
            self.pages += alert.status == "firing" and alert.fingerprint not in self.open
            (self.open.add if alert.status == "firing" else self.open.discard)(alert.fingerprint)

    def close(self) -> None:
        """Do nothing."""


def woken(lines: list[dict[str, Any]]) -> int:
    """Return how often somebody is woken who is told incidents, each change of a stream as soon as it is known."""
    pager = Pager()
    sink = Grouped(pager, Grouping(), Forgetful())
    alerts = [Alert(**{k: v for k, v in line.items() if k != "kind"}) for line in lines if line["kind"] == "alert"]
    for _, changes in groupby(alerts, key=lambda alert: alert.fingerprint):
        sink.deliver(list(changes), 0)
    return pager.pages


def onset_ms(page: dict[str, Any]) -> int:
    """Return the onset that a page states."""
    return round(dt.datetime.fromisoformat(page["annotations"]["onset"]).timestamp() * 1000)


def test_without_a_fault_there_is_no_incident_and_no_page(doped):
    lines = doped.replay()
    assert (incidents(lines), pages(lines)) == ([], [])
    assert lines[-1]["windows"] == 34


@pytest.mark.parametrize("carrier", ["EV", "B6", "MQ"])
def test_the_first_page_names_the_slower_carrier_and_its_delays_first(doped, carrier):
    lines = doped.replay(slower(carrier))
    first = incidents(lines)[0]
    assert first["primary"]["segment"] == {"carrier": carrier}
    assert first["primary"]["field"] in {"dep_delay", "arr_delay"}
    assert first["segments"][0]["segment"] == {"carrier": carrier}
    assert abs(first["onset_ms"] - FAULT_FROM_MS) <= 2 * DAY_MS
    assert first["within_share"] > 0.8
    page = pages(lines)[0]
    assert page["annotations"]["incident"] == first["id"]
    assert page["annotations"]["segments"].startswith(f"carrier={carrier} (")
    assert f"_delay of carrier={carrier} " in page["annotations"]["cause"]
    assert abs(onset_ms(page) - FAULT_FROM_MS) <= 2 * DAY_MS
    assert {page["annotations"]["incident"] for page in pages(lines)} == {first["id"]}
    assert "incident" not in page["labels"]
    assert woken(lines) == 1 < len(pages(lines))


def test_among_days_with_weather_it_is_named_too(flights, tmp_path):
    """Bad days raise pages of their own; the carrier's is about the carrier all the same."""
    carrier = "EV"
    lines = DopedFlights.of(flights, tmp_path, DAYS).replay(slower(carrier), rho=0.01)
    own = [page for page in pages(lines) if page["labels"].get("segment") == f"carrier={carrier}"]
    page = next(page for page in own if page["starts_at_ms"] >= FAULT_FROM_MS)
    assert page["annotations"]["segments"].startswith(f"carrier={carrier} (")
    assert f"_delay of carrier={carrier} " in page["annotations"]["cause"]
    assert abs(onset_ms(page) - FAULT_FROM_MS) <= 2 * DAY_MS


def test_windows_of_six_hours_name_it_too(doped):
    lines = doped.replay(slower("EV"), size="6h", min_rows=30)
    first = incidents(lines)[0]
    assert first["primary"]["segment"] == {"carrier": "EV"}
    assert first["primary"]["field"] in {"dep_delay", "arr_delay"}
    # The fault begins at midnight; until the morning nothing flies.
    assert abs(first["onset_ms"] - FAULT_FROM_MS) <= 2 * DAY_MS // 4
    assert pages(lines)[0]["annotations"]["incident"] == first["id"]


def test_flights_that_stay_away_are_mix_and_not_within(doped):
    lines = doped.replay(
        f"SELECT * FROM dealt WHERE NOT (origin = 'EWR' AND time_hour >= '2013-06-01' AND {SOME} 6)",
        kinds=["psi"],
        warning=0.01,
        min_rows=400,
    )
    first = incidents(lines)[0]
    assert abs(first["onset_ms"] - FAULT_FROM_MS) <= 2 * DAY_MS
    assert (first["primary"]["field"], first["primary"]["segment"]) == ("origin", {})
    assert "carrier" in {related["field"] for line in incidents(lines) for related in line["related"]}
    for line in incidents(lines):
        assert line["mix_share"] > 0.6 > line["within_share"]
        assert abs(line["mix_share"] + line["within_share"] - 1) < 1e-9


def test_renamed_airports_show_the_names(doped):
    rename = since("'XXX'", otherwise="origin", where=f"origin = 'EWR' AND {SOME} 2")
    lines = doped.replay(f"SELECT * REPLACE ({rename} AS origin) FROM dealt")
    first = incidents(lines)[0]
    assert (first["primary"]["field"], first["primary"]["segment"]) == ("origin", {})
    assert abs(first["onset_ms"] - FAULT_FROM_MS) <= 2 * DAY_MS
    shares = {cell["cell"]: cell["share"] for cell in first["cells"]}
    assert shares["(unseen)"] > 0.3
    assert shares["EWR"] < -0.3


def test_nulls_in_one_carrier_are_named_with_the_check_that_fails(doped):
    nothing = since("NULL", otherwise="air_time", where=f"carrier = 'MQ' AND {SOME} 3")
    lines = doped.replay(
        f"SELECT * REPLACE ({nothing} AS air_time) FROM dealt",
        extra="checks: [{kind: nullable, field: air_time, max_failure_ratio: 0.15}]",
    )
    first = incidents(lines)[0]
    assert (first["primary"]["field"], first["primary"]["segment"]) == ("air_time", {"carrier": "MQ"})
    assert abs(first["onset_ms"] - FAULT_FROM_MS) <= 2 * DAY_MS
    rules = {stream["detector"] for line in incidents(lines) for stream in line["streams"]}
    assert {"missing", "air_time.nullable"} <= rules
    own = [page for page in pages(lines) if page["labels"].get("segment") == "carrier=MQ"]
    assert {page["annotations"]["incident"] for page in own} == {first["id"]}
