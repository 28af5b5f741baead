"""Embeddings from a file to verdicts: what moved pages, what did not stays quiet, what is broken is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.command_line import answer, invoke

DIMENSION = 16
START_MS = 1_763_700_000_000
ROWS = 600
"""In each window of a minute."""
CONFIGURATION = """\
name: documents
source: {{kind: files, paths: ["{input}"]}}
time: {{field: at, unit: ms, lateness: 0s}}
window: {{size: 1m}}
segments: [{{field: lang, values: [de, en]}}]
baseline: {{kind: file, path: "{folder}/baselines"}}
store: {{path: "{folder}/store"}}
fields:
  lang: {{type: category}}
  embedding: {{type: vector, dimension: 16, required: true, nullable: false, max_failure_ratio: 0.01}}
drift:
  - {{kind: frechet, warning: 0.1, critical: 0.25}}
  - {{kind: missing, warning: 0.05, critical: 0.2}}
  - {{kind: invalid, warning: 0.01, critical: 0.05}}
checks:
  - {{kind: schema}}
  - {{kind: missing, field: embedding, max_failure_ratio: 0.01}}
"""
TOPICS = np.random.default_rng(1).standard_normal((6, DIMENSION)) * 0.8
AXES = 1 / np.sqrt(1 + np.arange(DIMENSION))
TURN = np.linalg.qr(np.random.default_rng(2).standard_normal((DIMENSION, DIMENSION)))[0]


def vectors(seed: int, n: int) -> Any:
    """Return vectors of unit length around six topics, some more frequent than others, not round anywhere."""
    random = np.random.default_rng(seed)
    topics = random.choice(6, n, p=[0.35, 0.25, 0.15, 0.1, 0.1, 0.05])
    found = 0.3 + TOPICS[topics] + 0.4 * AXES * random.standard_normal((n, DIMENSION))
    return found / np.linalg.norm(found, axis=1)[:, None]


def rows(window: int, found: list[Any]) -> list[dict[str, Any]]:
    times = START_MS + window * 60_000 + np.arange(len(found)) * 50
    return [
        {"at": int(at), "lang": ("de", "en")[i % 2], **({} if vector is ... else {"embedding": vector})}
        for i, (at, vector) in enumerate(zip(times, found, strict=True))
    ]


def write(path: Path, windows: list[list[Any]]) -> Path:
    items = [item for number, found in enumerate(windows) for item in rows(number, found)]
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A directory with a configuration and the baseline of ten clean windows."""
    folder = tmp_path_factory.mktemp("vectors")
    base = write(folder / "base.jsonl", [vectors(seed, ROWS).tolist() for seed in range(10)])
    (folder / "monitor.yaml").write_text(CONFIGURATION.format(input=base, folder=folder))
    answer("baseline", "build", "-c", folder / "monitor.yaml", "--input", base)
    return folder


def replayed(folder: Path, path: Path) -> list[dict[str, Any]]:
    said = answer("replay", "-c", folder / "monitor.yaml", "--input", path)
    return [json.loads(line) for line in said.splitlines()]


def levels(lines: list[dict[str, Any]], detector: str, segment: dict[str, str] | None = None) -> list[str]:
    """Return the levels of a detector of the embedding, window by window."""
    return [
        item["level"]
        for item in lines
        if item["kind"] == "verdict" and item["detector"] == detector and item["field"] == "embedding"
        and item["segment"] == (segment or {})
    ]  # fmt: skip


def test_a_shifted_a_turned_and_a_narrowed_cloud_are_found_and_clean_windows_are_not(folder):
    clean = [vectors(seed, ROWS) for seed in range(20, 28)]
    moved = [clean[5] + 0.15, clean[6] @ TURN, clean[7].mean(axis=0) + 0.5 * (clean[7] - clean[7].mean(axis=0))]
    windows = [*(x.tolist() for x in clean[:5]), *(x.tolist() for x in moved)]
    lines = replayed(folder, write(folder / "moved.jsonl", windows))
    assert levels(lines, "frechet") == ["ok"] * 5 + ["critical"] * 3
    assert levels(lines, "frechet", {"lang": "de"}) == ["ok"] * 5 + ["critical"] * 3
    alerts = [item for item in lines if item["kind"] == "alert"]
    assert any(alert["labels"].get("detector") == "frechet" or "frechet" in json.dumps(alert) for alert in alerts)


def test_a_broken_producer_is_counted_as_wrong_types_and_nothing_is_lost(folder):
    good = vectors(40, ROWS).tolist()
    broken: list[Any] = [good[0][:15], [*good[1], 0.0], "text", json.dumps(good[2]), [str(v) for v in good[3]], 7]
    nulls, absent = [None] * 5, [...] * 4
    window = [*good[:400], *broken * 20, *nulls, *absent]
    lines = replayed(folder, write(folder / "broken.jsonl", [window, good]))
    summary = lines[-1]
    assert summary["records"] == summary["rows"] == len(window) + len(good)
    assert summary["rejects"] == 0
    checks = {
        item["check"]: (item["failures"], item["rows"], item["level"])
        for item in reversed(lines)
        if item["kind"] == "check" and item["segment"] == {}
    }
    assert checks["embedding.type"] == (120, 520, "warning")
    assert checks["embedding.nullable"][0] == 5
    assert checks["embedding.required"][0] == 4
    assert checks["embedding.missing"][0] == 9
    verdict = next(item for item in lines if item["kind"] == "verdict" and item["detector"] == "frechet")
    assert (verdict["n_current"], verdict["level"]) == (400, "ok")
    assert levels(lines, "invalid") == ["critical", "ok"]


def test_a_window_without_vectors_is_unknown(folder):
    lines = replayed(folder, write(folder / "none.jsonl", [[None] * 50]))
    assert levels(lines, "frechet") == ["unknown"]


def test_parquet_with_a_list_column_gives_the_same_verdicts_as_json_lines(folder):
    found = [vectors(seed, ROWS).tolist() for seed in (60, 61)]
    items = [item for number, window in enumerate(found) for item in rows(number, window)]
    lists = pa.array([item["embedding"] for item in items], pa.list_(pa.float64(), DIMENSION))
    table = pa.table({"at": [i["at"] for i in items], "lang": [i["lang"] for i in items], "embedding": lists})
    pq.write_table(table, folder / "rows.parquet")
    assert replayed(folder, folder / "rows.parquet") == replayed(folder, write(folder / "rows.jsonl", found))


def test_a_baseline_of_another_dimension_is_refused_with_the_remedy(folder, tmp_path):
    text = (folder / "monitor.yaml").read_text().replace("dimension: 16", "dimension: 15")
    (tmp_path / "other.yaml").write_text(text)
    result = invoke("replay", "-c", tmp_path / "other.yaml", "--input", folder / "base.jsonl")
    assert result.exit_code == 78
    assert "vector[16]" in result.output
    assert "build the baseline again" in result.output


def test_init_proposes_a_vector_for_arrays_of_numbers_and_no_alert_on_its_own_sample(folder, tmp_path):
    base = folder / "base.jsonl"
    answer("init", "--file", base, "--output", tmp_path / "out.yaml", "--baseline", tmp_path / "baselines")
    text = (tmp_path / "out.yaml").read_text()
    assert "type: vector" in text
    assert "dimension: 16" in text
    assert "kind: frechet" in text
    assert "no alert" in text


def test_check_says_what_vectors_cost(folder):
    said = answer("check", "-c", folder / "monitor.yaml", "--sample", folder / "base.jsonl")
    assert "embedding (vector)" in said


def test_the_report_shows_a_vector_field(folder):
    out = folder / "report.html"
    answer("report", "-c", folder / "monitor.yaml", "--input", folder / "base.jsonl", "--output", out)
    assert "frechet" in out.read_text()
