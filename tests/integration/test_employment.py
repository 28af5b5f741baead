"""NannyML's employment data through two real topics, labels hours after their predictions.

What is estimated follows what turns out to be true, as NannyML's estimate does, and the page names the right cause.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from confluent_kafka import Producer

from monitor.store.reading import stored_alerts
from monitor.store.sqlite import file_in
from tests.support.command_line import answer
from tests.support.daemon import DaemonProcess, stored_windows
from tests.support.kafka import Cluster, unique

pytestmark = pytest.mark.kafka
DATA = Path(__file__).parents[1] / "data"
CHUNKS = 10
TURNED = 8
"""From this chunk on a quarter of the labels are turned over: a concept that NannyML's data does not have."""
MAX_DELAY_S = 21_600
CONFIGURATION = """\
name: employment
source: {{kind: kafka, topics: [{said}, {truth}], bootstrap_servers: "{broker}", group_id: {said}, start: earliest}}
time: {{field: at, unit: s, lateness: 0s}}
window: {{size: {window}s}}
baseline: {{kind: file, path: "{directory}/baseline"}}
store: {{path: "{directory}/store"}}
http: {{listen: "127.0.0.1:0"}}
alerting: {{raise_after: 1, clear_after: 1}}
fields:
  id: {{type: text, role: id}}
  p: {{type: number, role: probability}}
  said: {{type: integer, role: prediction}}
  employed: {{type: integer, role: label}}
model:
  classes: ["0", "1"]
  max_delay: 6h
  metrics:
    - {{kind: accuracy, drop_from_baseline: {{warning: 0.025, critical: 0.1}}, level_on: raw}}
"""


def table() -> dict[str, np.ndarray]:
    found = pq.read_table(DATA / "outcomes" / "employment.parquet")
    return {name: found[name].to_numpy() for name in found.column_names}


def produce(broker: Cluster, topic: str, rows: list[dict[str, object]], end_s: int) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for row in [*rows, {"at": end_s, "id": "end"}]:
        producer.produce(topic, json.dumps(row))
        producer.poll(0)
    assert producer.flush(60) == 0


def nannyml(metric: str, column: str) -> list[float]:
    with (DATA / "conformance" / "nannyml_performance.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if (row["data"], row["given"]) == ("employment", "as it is")]
    return [float(row[column]) for row in rows if row["metric"] == metric]


def test_the_estimate_follows_the_truth_as_nannymls_does_and_the_page_names_the_cause(
    kafka_broker: Cluster, tmp_path: Path
) -> None:
    """Every cohort is scored hours after its window, when all of its labels must have come."""
    data = table()
    was, now = ({name: values[data["reference"] == which] for name, values in data.items()} for which in (True, False))
    n = len(now["label"])
    window_s = n // CHUNKS
    start_s = 1_500_000_000 // window_s * window_s
    rng = np.random.default_rng(1)
    truth = now["label"].astype(int) ^ ((rng.random(n) < 0.25) & (np.arange(n) >= TURNED * window_s))
    reference = [
        {"at": start_s - 10_000_000 + i, "id": f"r{i}", "p": p / 10_000, "said": int(said), "employed": int(label)}
        for i, (p, said, label) in enumerate(zip(was["p0"].tolist(), was["predicted"], was["label"], strict=True))
    ]
    predictions = [
        {"at": start_s + i, "id": f"a{i}", "p": p / 10_000, "said": int(said)}
        for i, (p, said) in enumerate(zip(now["p0"].tolist(), now["predicted"], strict=True))
    ]
    delays = rng.integers(3_600, MAX_DELAY_S, n)
    labels = [{"at": start_s + i + int(delays[i]), "id": f"a{i}", "employed": int(truth[i])} for i in range(n)]
    topics = {name: kafka_broker.create_topic(unique(name)) for name in ("said", "truth")}
    config = tmp_path / "employment.yaml"
    text = CONFIGURATION.format(**topics, broker=kafka_broker.bootstrap, window=window_s, directory=tmp_path)
    config.write_text(text)
    file = tmp_path / "reference.jsonl"
    file.write_text("\n".join(map(json.dumps, reference)))
    answer("baseline", "build", "-c", config, "--input", file)
    end_s = start_s + n + 2 * MAX_DELAY_S
    produce(kafka_broker, topics["said"], predictions, end_s)
    produce(kafka_broker, topics["truth"], sorted(labels, key=lambda row: row["at"]), end_s)
    summary = DaemonProcess(config, "--until-end").wait()
    assert summary["rows"] == 2 * n + 2

    lines = [json.loads(line) for window in stored_windows(tmp_path / "store") for line in window.lines.splitlines()]
    model = [line for line in lines if line["kind"] == "model" and line["predictions"]]
    found = {
        (line["source"], line["metric"], (line["window_start_ms"] // 1000 - start_s) // window_s): line
        for line in model
    }
    for chunk in range(CHUNKS - 1):
        for metric, theirs in (("accuracy", "accuracy"), ("auc", "roc_auc"), ("f1", "f1")):
            estimated = found["estimated", metric, chunk]
            assert estimated["rows"] == window_s
            assert estimated["value"] == pytest.approx(nannyml(theirs, "estimated")[chunk], abs=0.003)
            if chunk < TURNED:
                realized = found["realized", metric, chunk]
                assert realized["value"] == pytest.approx(nannyml(theirs, "realised")[chunk], abs=0.003)
    estimates, truths = (
        [found[source, "accuracy", chunk]["value"] for chunk in range(TURNED)] for source in ("estimated", "realized")
    )
    assert np.corrcoef(estimates, truths)[0, 1] > 0.5
    # One chunk of the data as it came is worse, and its inputs say so; the turned labels no input explains.
    worse = {chunk: found["realized", "accuracy", chunk] for chunk in range(CHUNKS)}
    assert {chunk: line["level"] for chunk, line in worse.items() if line["level"] != "ok"} == {
        6: "warning",
        8: "critical",
        9: "critical",
    }
    assert worse[6]["evidence"].startswith("covariate shift")
    assert worse[8]["evidence"].startswith("concept drift")
    (alert,) = stored_alerts(file_in(tmp_path / "store"), 0).firing
    assert (alert.labels["rule"], alert.severity) == ("model.accuracy", "critical")
    assert alert.annotations["evidence"].startswith("concept drift")
