"""A backtest of a stretch of a topic on a real broker says what one of the same records in a file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import answer
from tests.support.kafka import Cluster, unique

pytestmark = [pytest.mark.xdist_group("kafka")]

T = 1_767_261_600_000
"""2026-01-01T10:00:00Z."""
SECONDS = range(20 * 60)
STRETCH = ("--from", "2026-01-01T10:03:00", "--to", "2026-01-01T10:15:00")


def record(second: int) -> bytes:
    """Return a payment; in the minutes 1, 6 to 8 and 17 all are negative, and in minute 11 there is none."""
    amount = -1 if second // 60 in (1, 6, 7, 8, 17) else second % 50
    return json.dumps({"at": T + second * 1_000, "amount": amount}).encode()


def configuration(place: Path, source: str) -> Path:
    """Write the configuration."""
    file = place / "driftline.yaml"
    file.write_text(f"""\
name: payments
source: {source}
time: {{field: at, unit: ms, lateness: 30s}}
window: {{size: 1m}}
store: {{path: {place}/store}}
fields: {{amount: {{type: number, range: [0, 100]}}}}
checks: [{{kind: volume, min_per_window: 1}}]
""")
    return file


@pytest.mark.parametrize("client", ["kafka-python", "librdkafka"])
def test_a_stretch_of_a_topic_gives_the_alerts_of_the_same_records_in_a_file(
    kafka_broker: Cluster, tmp_path: Path, client: str
) -> None:
    """The topic has a partition without a record, and records behind the end that are not to be read."""
    topic = kafka_broker.create_topic(unique("backtest"), 3)
    seconds = [second for second in SECONDS if second // 60 != 11]
    for partition in (0, 1):
        mine = seconds[partition::2]
        times = [T + second * 1_000 for second in mine]
        kafka_broker.produce(topic, [record(second) for second in mine], partition=partition, timestamps_ms=times)
    rows = tmp_path / "rows.jsonl"
    rows.write_bytes(b"".join(record(second) + b"\n" for second in seconds))

    of_file = answer("backtest", "-c", configuration(tmp_path, "{kind: files, paths: [x]}"), "--input", rows, *STRETCH)
    kafka = f"{{kind: kafka, client: {client}, bootstrap_servers: '{kafka_broker.bootstrap}', topics: [{topic}]}}"
    found, expected = (
        json.loads(said) for said in (answer("backtest", "-c", configuration(tmp_path, kafka), *STRETCH), of_file)
    )
    names: dict[str, Any] = {"config_hash": None}
    assert found | names == expected | names
    assert (found["from_ms"], found["to_ms"], found["windows"]) == (T + 3 * 60_000, T + 15 * 60_000, 12)
    fired = [(alert["rule"], alert["fired_at_ms"], alert["ends_at_ms"]) for alert in found["fired"]]
    assert fired == [
        ("amount.range", T + 7 * 60_000, T + 11 * 60_000),
        ("volume", T + 12 * 60_000, T + 14 * 60_000),
    ]
