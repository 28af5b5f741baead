"""`driftline init` on data of others: it proposes what can be kept, and the rest of the data raises no alert."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from monitor.config.loader import load
from monitor.config.tree import Config
from tests.support.command_line import answer, invoke, run
from tests.support.flights import Flights
from tests.support.kafka import Cluster, unique

pytestmark = [pytest.mark.xdist_group("init"), pytest.mark.slow]

DATA = Path(__file__).parents[1] / "data"
CAR_LOAN_DRIFTS_FROM_MS = 1_553_731_200_000
"""The window that holds 1 April 2019, the middle of the analysis period."""


@dataclass(frozen=True)
class Initialised:
    """What the command left behind."""

    file: Path
    said: str

    @property
    def text(self) -> str:
        """The configuration as written."""
        return self.file.read_text()

    @property
    def config(self) -> Config:
        """The configuration as loaded."""
        return load(self.file)

    def replay(self, data: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return the alerts that fire on `data`, and the summary."""
        lines = [json.loads(line) for line in answer("replay", "-c", self.file, "--input", data).splitlines()]
        return [line for line in lines if line["kind"] == "alert" and line["status"] == "firing"], lines[-1]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, where the paths in a proposed configuration lead to."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def initialised(*arguments: str | Path) -> Initialised:
    """Run the command, which must succeed; what it wrote must pass `check`."""
    said = answer("init", *arguments)
    assert answer("check", "-c", "driftline.yaml").startswith("OK ")
    return Initialised(Path("driftline.yaml").absolute(), said)


def split(query: str, parts: dict[str, str], *, of: str) -> Iterator[Path]:
    """Write the rows of `query` that satisfy each condition to a file of each name; yield the files."""
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE rows AS {query}", [of])
        for name, where in parts.items():
            connection.execute(f"COPY (SELECT * FROM rows WHERE {where}) TO '{name}'")  # noqa: S608 - the test's own
            yield Path(name).absolute()


def test_half_of_the_flights_of_a_month_raises_no_alert_under_what_the_other_half_proposed(here, flights: Flights):
    """A fair split of the same months, row by row, since the year itself drifts with its seasons."""
    chosen = "hash(time_hour, flight, carrier, tailnum) % 2"
    learnt, rest = here / "learnt.jsonl", here / "rest.jsonl"
    flights.write(f"{chosen} = 0 AND time_hour < '2013-02-01'", learnt)
    flights.write(f"{chosen} = 1 AND time_hour < '2013-02-01'", rest)
    proposed = initialised("--file", learnt)
    alerts, summary = proposed.replay(rest)
    assert alerts == []
    assert summary["rows"] > 13_000
    assert proposed.replay(learnt)[0] == []
    config = proposed.config
    assert (config.time.field, config.time.unit, config.window.size) == ("time_hour", "iso8601", 86_400_000)
    assert config.fields["origin"].allowed == ("EWR", "JFK", "LGA")
    assert config.fields["tailnum"].type == "text"
    assert (config.fields["dep_time"].nullable, config.fields["sched_dep_time"].nullable) == (True, False)
    assert config.fields["month"].drift == ()
    assert {d.kind for d in config.detectors_for("distance")} == {"psi", "ks", "missing"}


def test_the_flights_of_the_following_weeks_raise_no_alert_and_broken_ones_do(here, flights: Flights):
    """Learnt from eight weeks, in which days of storm with many cancelled flights have become known as normal."""
    learnt, rest = here / "learnt.jsonl", here / "rest.jsonl"
    flights.write("flight % 4 <> 0 AND time_hour < '2013-02-25'", learnt)
    flights.write("flight % 4 <> 0 AND time_hour >= '2013-02-25' AND time_hour < '2013-03-25'", rest)
    proposed = initialised("--file", learnt)
    alerts, summary = proposed.replay(rest)
    assert alerts == []
    assert summary["windows"] == 28
    # Silence would prove nothing if nothing could break it.
    query = "SELECT * REPLACE ((distance * 1.609)::BIGINT AS distance, 'XXX' AS origin, NULL AS dest) FROM read_json(?)"
    (broken,) = split(query, {"broken.jsonl": "true"}, of=str(rest))
    rules = {(alert["labels"]["rule"], alert["labels"].get("field")) for alert in proposed.replay(broken)[0]}
    assert rules >= {("psi", "distance"), ("origin.allowed", "origin"), ("dest.nullable", "dest")}


def test_the_rest_of_the_car_loans_raises_no_alert_until_they_drift(here):
    halves = {"learnt.parquet": "id < 25000", "rest.parquet": "id >= 25000"}
    learnt, rest = split("SELECT * FROM read_parquet(?)", halves, of=str(DATA / "car_loan_reference.parquet"))
    proposed = initialised("--file", learnt, "--name", "car-loan")
    alerts, summary = proposed.replay(rest)
    assert alerts == []
    assert summary["rows"] == 12_500
    fields = proposed.config.fields
    assert proposed.config.time.field == "timestamp"
    assert fields["id"].drift == ()
    assert fields["salary_range"].allowed == ("0 - 20K €", "20K - 40K €", "40K - 60K €", "60K+ €")
    assert fields["debt_to_income_ratio"].range == (0, 1)
    assert fields["y_pred"].allowed == (0, 1)
    drifted, _ = proposed.replay(DATA / "car_loan_analysis.parquet")
    assert {alert["labels"]["field"] for alert in drifted} >= {"car_value", "loan_length", "y_pred_proba"}
    assert all(alert["starts_at_ms"] >= CAR_LOAN_DRIFTS_FROM_MS for alert in drifted)


HOSTILE = 'no\n# te: "${HOME}" {[\u2028'
MINUTES = 40
PER_MINUTE = 600
START_MS = 1_767_225_600_000


def mixed(rng: np.random.Generator, first: int, last: int) -> Iterator[bytes | None]:
    """Yield orders and clicks of these minutes in turn, with a few records that are neither."""
    for i in range(first * PER_MINUTE, last * PER_MINUTE):
        time_ms = START_MS + 100 * i - int(rng.integers(0, 2_000))
        kind = rng.random()
        if kind < 0.01:
            yield [b"{broken", b"[1, 2]", b"\xff\xfe", b'"text"'][i % 4]
        elif kind < 0.02:
            yield None
        elif kind < 0.6:
            order = {
                "kind": "order",
                "id": f"{rng.integers(1 << 62):032x}"[:8] + "-0000-4000-8000-" + f"{i:012x}",
                "event_time": time_ms,
                "amount": round(float(rng.lognormal(3, 0.6)), 2) if rng.random() > 0.02 else "12.50",
                "currency": ["EUR", "USD", "GBP"][int(rng.integers(3))],
                "customer": {"email": f"user{rng.integers(5000)}@example.org", "country": "DE"},
                "items": [{"sku": "a"}],
                HOSTILE: 1,
            }
            yield json.dumps(order).encode()
        else:
            click = {"kind": "click", "event_time": time_ms, "page": int(rng.integers(1, 40)), "bot": bool(i % 7 == 0)}
            yield json.dumps(click | {"a.b": 1, "referrer": None}).encode()


@pytest.mark.kafka
def test_a_topic_of_mixed_records_gets_a_configuration_that_runs_without_a_page(here, kafka_broker: Cluster):
    topic = kafka_broker.create_topic(unique("Mixed.Records"), 3)
    rng = np.random.default_rng(7)
    for partition in range(3):
        values = list(mixed(rng, 0, MINUTES))
        kafka_broker.produce(topic, values[: len(values) // (partition + 1)], partition=partition)
    proposed = initialised("--topic", topic, "--bootstrap", kafka_broker.bootstrap, "--records", "30000")
    config = proposed.config
    assert (config.source.kind, config.source.topics, config.source.start) == ("kafka", (topic,), "latest")
    assert (config.time.field, config.time.unit) == ("event_time", "ms")
    assert config.time.lateness >= 2_000
    fields = config.fields
    assert fields["kind"].allowed == ("click", "order")
    assert (fields["kind"].required, fields["amount"].required) == (True, False)
    assert fields["amount"].type == "number"
    assert fields["amount"].max_failure_ratio > 0.02
    assert {"customer.email", "customer.country", "page", "bot"} <= fields.keys()
    assert fields.keys().isdisjoint({"items", "a.b", "referrer", HOSTILE})
    assert {(c.field, c.format) for c in config.checks if c.kind == "format"} == {
        ("id", "uuid"),
        ("customer.email", "email"),
        ("customer.country", "country"),
    }
    assert "a.b: " in proposed.text
    assert "items: an array" in proposed.text
    rest = here / "rest.jsonl"
    rest.write_bytes(b"".join(value + b"\n" for value in mixed(rng, 0, MINUTES) if value is not None))
    alerts, summary = proposed.replay(rest)
    assert alerts == []
    assert summary["rejects"] > 0


@pytest.mark.kafka
def test_a_topic_that_is_not_there_ends_with_69(here, kafka_broker: Cluster):
    topic = unique("absent")
    result = invoke("init", "--topic", topic, "--bootstrap", kafka_broker.bootstrap, "--connect-timeout", "2s")
    assert result.exit_code == 69, result.output
    assert topic in result.output
    assert not Path("driftline.yaml").exists()


def test_brokers_that_do_not_answer_end_with_69(here):
    # In a process of its own: kafka-python leaves the socket of a refused connection to the garbage collector.
    done = run("init", "--topic", "t", "--bootstrap", "127.0.0.1:1", "--connect-timeout", "500ms")
    assert done.returncode == 69
    assert "127.0.0.1:1" in done.stdout + done.stderr
