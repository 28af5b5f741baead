"""Two topics of a real broker compared: departures with arrivals, and flights with the carriers that there are."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from confluent_kafka import Producer

from tests.support.daemon import DaemonProcess, stored_windows
from tests.support.flights import Flights
from tests.support.kafka import Cluster, unique

pytestmark = pytest.mark.kafka
CONFIGURATION = """\
name: flights
source: {{kind: kafka, topics: [{left}, {right}], bootstrap_servers: "{broker}", group_id: {left}, start: earliest}}
time: {{field: at, unit: ms, lateness: 1m}}
window: {{size: 1d}}
store: {{path: "{store}"}}
http: {{listen: "127.0.0.1:0"}}
fields:
  leg: {{type: category}}
  tailnum: {{type: category}}
checks:
  - kind: align
    left: {left}
    right: {right}
    key: [leg]
    compare: [tailnum]
    tolerance: 1h
    max_unmatched_ratio: 0.02
"""
LEGS = """
SELECT concat_ws('-', carrier, flight, origin, day, sched_dep_time) AS leg, tailnum,
       {shift} + epoch_ms(time_hour::TIMESTAMP) AS moment
FROM flights WHERE time_hour::TIMESTAMP >= '2013-01-15' AND time_hour::TIMESTAMP < '2013-01-18' AND ({where})
ORDER BY moment
"""


def _produce(broker: Cluster, topic: str, table: duckdb.DuckDBPyConnection, where: str, shift: int) -> int:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    rows = table.sql(LEGS.format(where=where, shift=shift)).fetchall()
    for leg, tailnum, at in rows:
        value = json.dumps({"leg": leg, "tailnum": tailnum, "at": at})
        producer.produce(topic, value, timestamp=at)
        producer.poll(0)
    end = json.dumps({"leg": None, "tailnum": None, "at": rows[-1][2] + 7 * 86_400_000})
    producer.produce(topic, end, timestamp=rows[-1][2] + 7 * 86_400_000)
    assert producer.flush(30) == 0
    return len(rows) + 1


@pytest.mark.parametrize(
    ("where", "levels", "reason"),
    [
        ("true", ["ok", "ok", "ok"], "ok"),
        ("day <> 16 OR flight % 9 <> 0", ["ok", "warning", "ok"], "have no partner"),
    ],
)
def test_rows_that_never_arrive_page_and_the_data_as_it_came_does_not(
    flights: Flights, kafka_broker: Cluster, tmp_path: Path, where: str, levels: list[str], reason: str
) -> None:
    """Arrivals come five minutes after departures; on the second day every ninth flight never arrives."""
    left, right = (kafka_broker.create_topic(unique(name)) for name in ("left", "right"))
    with flights.connect() as table:
        written = _produce(kafka_broker, left, table, "true", 0)
        written += _produce(kafka_broker, right, table, where, 300_000)
    config = tmp_path / "align.yaml"
    store = tmp_path / "store"
    config.write_text(CONFIGURATION.format(left=left, right=right, broker=kafka_broker.bootstrap, store=store))
    summary = DaemonProcess(config, "--until-end").wait()
    assert summary["records"] == summary["rows"] == written
    lines = [json.loads(line) for window in stored_windows(store) for line in window.lines.splitlines()]
    found = [line for line in lines if line.get("check") == "align"]
    assert [line["level"] for line in found][:3] == levels
    assert reason in found[1]["reason"]
    assert found[0]["details"]["median_skew_ms"] == pytest.approx(300_000, abs=180_000)
    assert summary["alerts"] == levels.count("warning")


FOREIGN = """\
name: carriers
source: {{kind: kafka, topics: [{flights}, {carriers}], bootstrap_servers: "{broker}", group_id: g, start: earliest}}
time: {{lateness: 1m}}
window: {{size: 1d}}
store: {{path: "{store}"}}
http: {{listen: "127.0.0.1:0"}}
fields:
  carrier: {{type: category}}
  code: {{type: category}}
checks:
  - {{kind: foreign_key, field: carrier, topic: {carriers}, key: code}}
"""


def test_flights_of_carriers_that_nobody_knows_page_and_the_data_as_it_came_does_not(
    flights: Flights, kafka_broker: Cluster, tmp_path: Path
) -> None:
    """The carriers are read first and survive the restart; then come two days of flights, the second with a fault."""
    names = {name: kafka_broker.create_topic(unique(name)) for name in ("flights", "carriers")}
    store = tmp_path / "store"
    config = tmp_path / "foreign.yaml"
    config.write_text(FOREIGN.format(**names, broker=kafka_broker.bootstrap, store=store))
    with flights.connect() as table:
        carriers = table.sql("SELECT DISTINCT carrier FROM flights ORDER BY carrier").fetchall()
        legs = table.sql("SELECT carrier, day FROM flights WHERE month = 1 AND day IN (15, 16)").fetchall()
    producer = Producer({"bootstrap.servers": kafka_broker.bootstrap})
    start_ms = 1_700_006_400_000
    for (carrier,) in carriers:
        producer.produce(names["carriers"], json.dumps({"code": carrier}), timestamp=start_ms)
    assert producer.flush(30) == 0
    DaemonProcess(config, "--until-end").wait()
    for number, (carrier, day) in enumerate(legs):
        known = carrier if day == 15 or number % 9 else "XX"
        producer.produce(names["flights"], json.dumps({"carrier": known}), timestamp=start_ms + (day - 15) * 86_400_000)
        producer.poll(0)
    for topic in names.values():
        producer.produce(topic, json.dumps({}), timestamp=start_ms + 7 * 86_400_000)
    assert producer.flush(30) == 0
    summary = DaemonProcess(config, "--until-end").wait()
    lines = [json.loads(line) for window in stored_windows(store) for line in window.lines.splitlines()]
    found = [line for line in lines if line.get("check") == "carrier.foreign_key"]
    assert [line["level"] for line in found][:2] == ["ok", "warning"]
    assert found[1]["failures"] == sum(1 for number, (_, day) in enumerate(legs) if day == 16 and number % 9 == 0)
    assert found[1]["samples"][0].startswith(names["flights"])
    assert summary["alerts"] == 1
