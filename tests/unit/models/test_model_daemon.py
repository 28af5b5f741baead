"""A model through the whole daemon: labels in the record or in another topic, and what a crash leaves of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from monitor.types import Level
from tests.support.models import (
    JOINED,
    LABELS,
    PREDICTIONS,
    START_MS,
    apart,
    baseline_of,
    configured,
    outcomes,
)


def of(said: Sequence[dict], metric: str, source: str = "realized", segment: dict | None = None) -> list[dict]:
    """Return the lines of one metric, of all rows if no segment is given."""
    return [
        line for line in said if (line["metric"], line["source"], line["segment"]) == (metric, source, segment or {})
    ]


def accuracy(rows: Sequence[dict], start_ms: int) -> float:
    """Return the share of right predictions in the window of a second."""
    window = [row for row in rows if start_ms <= row["at"] < start_ms + 1_000]
    return float(np.mean([(row["score"] >= 0.5) == row["bought"] for row in window]))


def test_labels_in_the_same_record_are_measured_by_window_and_segment_against_the_baseline(watched, tmp_path: Path):
    config = configured()
    good, bad = outcomes(300), outcomes(400, seed=2, flip=0.45, start_ms=START_MS + 3_000)
    rig = watched(tmp_path, config, baseline_of(config, outcomes(2_000, seed=9)))
    rig.write(good + bad)
    rig.rig.until_end()
    said = rig.said()
    found = of(said, "accuracy")
    assert [line["value"] for line in found] == pytest.approx(
        [accuracy(good + bad, line["window_start_ms"]) for line in found]
    )
    assert [line["level"] for line in found][:3] == ["ok"] * 3
    assert {line["level"] for line in found[3:]} >= {"critical"}
    worst = next(line for line in found if line["level"] == "critical")
    assert worst["reason"] == "worse than baseline"
    assert worst["evidence"].startswith("concept drift")
    assert worst["lower"] < worst["value"] < worst["upper"] < worst["baseline"]
    by_country = of(said, "accuracy", segment={"country": "DE"})
    assert [line["rows"] for line in by_country] == [50] * len(found)
    window = [row for row in good if row["at"] < START_MS + 1_000]
    auc = metrics.roc_auc_score([row["bought"] for row in window], [row["score"] for row in window])
    assert of(said, "auc")[0]["value"] == pytest.approx(auc, abs=of(said, "auc")[0]["error_bound"] + 1e-12)
    firing = {alert.labels["rule"] for alert in rig.rig.snapshots[-1].alerts}
    assert "model.accuracy" in firing
    # What is estimated without labels knows nothing of labels that mean something else.
    assert {line["level"] for line in of(said, "accuracy", "estimated")} == {"ok"}


def test_labels_of_another_topic_are_joined_and_only_matured_cohorts_are_scored(watched, tmp_path: Path):
    config = configured(JOINED)
    rows = outcomes(1_200)
    predictions, labels = apart(rows)
    rig = watched(tmp_path, config, baseline_of(config, outcomes(2_000, seed=9)), (PREDICTIONS, LABELS))
    # The labels are all there before the first prediction is read; or not: it does not matter.
    rig.write(labels, LABELS)
    rig.rig.rounds(3)
    rig.write(predictions, PREDICTIONS)
    rig.rig.until_end()
    scored = [line for line in of(rig.said(), "accuracy") if line["predictions"]]
    watermark_ms = rig.daemon.engine.watermark_ms
    assert max(line["window_end_ms"] for line in scored) + 3_000 <= watermark_ms
    assert len(scored) >= 7
    assert {(line["rows"], line["predictions"]) for line in scored} == {(100, 100)}
    assert [line["value"] for line in scored] == pytest.approx(
        [accuracy(rows, line["window_start_ms"]) for line in scored]
    )
    join = rig.join()
    assert join.ratio == 1.0
    assert join.labels["joined"] == 1_200
    assert join.labels["orphan"] == join.labels["duplicate"] == 0
    assert sum(join.delay_counts) == 1_200


def test_labels_that_never_came_came_twice_or_are_of_nobody_are_told(watched, tmp_path: Path):
    config = configured(JOINED)
    predictions, labels = apart(outcomes(1_000))
    strangers = [{**label, "id": f"nobody-{i}"} for i, label in enumerate(labels[:30])]
    labels = sorted([*labels[::2], *labels[:20:2], *strangers], key=lambda label: label["at"])
    rig = watched(tmp_path, config, None, (PREDICTIONS, LABELS), most=50)
    rig.write(predictions, PREDICTIONS)
    rig.write(labels, LABELS)
    rig.rig.until_end()
    join = rig.join()
    assert join.labels == {"joined": 500, "duplicate": 10, "orphan": 30}
    scored = [line for line in of(rig.said(), "accuracy") if line["predictions"]]
    assert sum(line["rows"] for line in scored) < sum(line["predictions"] for line in scored)


@pytest.mark.parametrize("model", [JOINED, "errors: [{kind: ddm}]"])
def test_a_crash_at_any_time_loses_nothing_and_doubles_nothing(watched, tmp_path: Path, model: str):
    """The store is closed without a commit again and again; the lines are those of an undisturbed run."""
    joined = "max_delay" in model
    config = configured(f"{JOINED}\n  errors: [{{kind: ddm}}, {{kind: adwin}}]" if joined else model)
    baseline = baseline_of(config, outcomes(1_000, seed=9))
    rows = outcomes(900)
    topics = {PREDICTIONS: apart(rows)[0], LABELS: apart(rows)[1]} if joined else {PREDICTIONS: rows}
    said = []
    for name, crashes in (("calm", 0), ("disturbed", 12)):
        rig = watched(tmp_path / name, config, baseline, tuple(topics), most=40)
        for partition, values in topics.items():
            rig.write(values, partition)
        for number in range(crashes):
            rig.rig.rounds(1 + number % 3)
            if number % 2:
                # A step that was never committed: what it joined and counted is gone with the process.
                rig.daemon.engine.step(rig.rig.source.poll(frozenset(), 0.0), START_MS)
            rig.restart()
        rig.rig.until_end()
        said.append(rig.said())
    assert said[0] == said[1]
    assert any(line["rows"] for line in said[0] if line["source"] == "errors")


def test_over_the_cap_both_sides_are_sampled_alike(watched, tmp_path: Path):
    config = configured(JOINED)
    config = config.model_copy(update={"model": config.model.model_copy(update={"max_pending": 100})})
    rows = outcomes(1_500)
    predictions, labels = apart(rows)
    rig = watched(tmp_path, config, None, (PREDICTIONS, LABELS), most=25)
    rig.write(predictions, PREDICTIONS)
    rig.write(labels, LABELS)
    rig.rig.until_end()
    join = rig.join()
    assert join.sampled_ratio < 1
    assert join.labels["orphan"] == 0
    scored = [line for line in of(rig.said(), "accuracy") if line["predictions"]]
    assert all(line["rows"] == line["predictions"] for line in scored)
    assert 0 < max(line["predictions"] for line in scored) < 100
    assert join.unsampled + join.predictions >= 1_500


def test_windows_without_a_row_still_score_the_cohorts_that_mature_in_them(watched, tmp_path: Path):
    config = configured(JOINED)
    predictions, labels = apart(outcomes(400), most_ms=500)
    rig = watched(tmp_path, config, None, (PREDICTIONS, LABELS))
    rig.write(predictions, PREDICTIONS)
    rig.write(labels, LABELS)
    rig.rig.until_end()
    before = len([line for line in of(rig.said(), "accuracy") if line["predictions"]])
    rig.write([{"at": START_MS + 60_000, "id": "x", "score": 0.5, "country": "DE"}], PREDICTIONS)
    rig.write([{"at": START_MS + 60_000, "id": "y", "bought": True}], LABELS)
    rig.rig.until_end()
    scored = [line for line in of(rig.said(), "accuracy") if line["predictions"]]
    assert before < 4
    assert [line["window_start_ms"] for line in scored] == [START_MS + 1_000 * i for i in range(4)]


def test_without_labels_there_is_an_estimate_which_falls_with_the_inputs(watched, tmp_path: Path):
    config = configured("metrics: [{kind: accuracy, drop_from_baseline: {warning: 0.05, critical: 0.1}}]")
    rows = [{k: v for k, v in row.items() if k != "bought"} for row in outcomes(600)]
    for row in rows[300:]:
        row["score"] = 0.5 + (float(str(row["score"])) - 0.5) / 10
    rig = watched(tmp_path, config, baseline_of(config, outcomes(2_000, seed=9)))
    rig.write(rows)
    rig.rig.until_end()
    found = of(rig.said(), "accuracy", "estimated")
    assert [line["level"] for line in found] == ["ok"] * 3 + ["critical"] * (len(found) - 3)
    assert {line["level"] for line in of(rig.said(), "accuracy")} == {"unknown"}


def test_what_is_shown_is_what_was_said_last(watched, tmp_path: Path):
    config = configured()
    rig = watched(tmp_path, config, None)
    rig.write(outcomes(350))
    rig.rig.until_end()
    last = of(rig.said(), "accuracy")[-1]
    shown = next(v for v in rig.shown() if (v.metric, v.source, v.segment) == ("accuracy", "realized", ""))
    assert shown.value == last["value"]
    assert shown.level is Level.OK
