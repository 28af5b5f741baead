"""How sure a model is, through the whole daemon: ordinary fields with drift, of rows that have probabilities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from monitor.compile import build_decoder
from tests.support.models import (
    JOINED,
    LABELS,
    PREDICTIONS,
    START_MS,
    ModelRig,
    apart,
    baseline_of,
    configured,
    outcomes,
)
from tests.support.models import lines as records
from tests.support.monitors import fetch

SURENESS = "sureness: {drift: [{kind: psi, min_rows: 50}]}"


def verdicts(rig: ModelRig, field: str) -> list[dict[str, Any]]:
    """Return the verdicts on a field over all rows."""
    found = [json.loads(line) for *_, text in rig.rig.store.windows() for line in text.splitlines()]
    return [line for line in found if line["kind"] == "verdict" and line["field"] == field and not line["segment"]]


def test_a_model_that_becomes_unsure_pages_on_its_entropy_and_labels_alone_are_no_rows_of_it(watched, tmp_path: Path):
    config = configured(f"{JOINED}\n  {SURENESS}")
    rows = outcomes(800)
    for row in rows[400:]:
        row["score"] = round(0.5 + (float(str(row["score"])) - 0.5) / 10, 4)
    predictions, labels = apart(rows)
    baseline = baseline_of(config, outcomes(4_000, seed=9))
    rig = watched(tmp_path, config, baseline, (PREDICTIONS, LABELS))
    rig.write(predictions, PREDICTIONS)
    rig.write(labels, LABELS)
    rig.rig.until_end()
    found = {line["window_start_ms"]: line for line in verdicts(rig, "score.entropy")}
    told = [found[START_MS + 1_000 * i]["level"] for i in range(7)]
    assert told == ["ok"] * 4 + ["critical"] * 3
    assert [line["n_current"] for line in found.values()][:7] == [100] * 7
    firing = {(alert.labels["field"], alert.labels["rule"]) for alert in rig.rig.snapshots[-1].alerts}
    assert ("score.entropy", "psi") in firing


def test_the_columns_are_of_the_probabilities_alone_and_absent_without_usable_ones():
    config = configured("sureness: {measures: [confidence, margin, entropy]}", baseline=False)
    rows = outcomes(4)
    for row, score in zip(rows, (0.9, 0.5, 1.5, None), strict=True):
        row["score"] = score
    columns = build_decoder(config, files=True).decode(fetch(records(rows))).batch.columns
    assert [columns[f"score.{name}"].valid.tolist() for name in ("confidence", "margin")] == [[0.9, 0.5], [0.8, 0.0]]
    np.testing.assert_allclose(columns["score.entropy"].valid, [0.468996, 1.0], atol=1e-6)
    assert columns["score.entropy"].ok.tolist() == [True, True, False, False]
