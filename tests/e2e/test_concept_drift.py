"""Concept drift on river's synthetic streams through the whole daemon: found where river finds it, and nowhere else."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from river.datasets import synth
from river.naive_bayes import GaussianNB

from monitor.compile import build_decoder, compile_plan
from monitor.config.loader import load
from monitor.models.error_detectors import ErrorDetectorSpec
from tests.support.models import START_MS, TOPIC, lines
from tests.support.monitors import Rig

KINDS = ("adwin", "page_hinkley", "ddm", "eddm", "hddm_a", "hddm_w", "fhddm")
SPECS = {spec.model_fields["kind"].default: spec for spec in get_args(get_args(ErrorDetectorSpec)[0])}
EACH = 2_000
PANE_MS = 50
STREAMS = {
    "sea": [synth.SEA(variant, seed=5) for variant in (2, 3)],
    "agrawal": [synth.Agrawal(function, seed=5) for function in (0, 3)],
}
CONFIGURATION = """\
name: concepts
source: {{kind: kafka, topics: [t], group_id: concepts}}
time: {{field: at, unit: ms, lateness: 0ms}}
window: {{size: {pane}ms}}
alerting: {{raise_after: 1, clear_after: 1}}
fields:
  said: {{type: category, role: prediction, allowed: ["0", "1"]}}
  truth: {{type: category, role: label}}
model:
  positive: "1"
  estimated: false
  min_rows: 1
  errors: [{kinds}]
"""


def predictions(stream: str) -> list[tuple[str, str]]:
    """Return what a naive Bayes that learns as it goes says of a row, and the truth; the concept changes half-way."""
    model = GaussianNB()
    rows = []
    for x, y in itertools.chain(*(itertools.islice(concept, EACH) for concept in STREAMS[stream])):
        numbers = {name: float(value) for name, value in x.items()}
        rows.append((str(int(model.predict_one(numbers) or 0)), str(int(y))))
        if len(rows) <= EACH:  # a model in production does not learn any more
            model.learn_one(numbers, int(y))
    return rows


def river_itself(kind: str, errors: np.ndarray) -> list[int]:
    """Return the rows at which river's own detector finds a change."""
    spec = SPECS[kind]()
    detector, found = spec.make()(), []
    for place, error in enumerate(errors.tolist()):
        detector.update(1 - error if spec.flipped else error)
        if detector.drift_detected:
            found.append(place)
    return found


@pytest.mark.parametrize("stream", STREAMS)
def test_delay_and_false_alarms_are_those_of_river_on_the_same_errors(tmp_path: Path, stream: str):
    rows = predictions(stream)
    errors = np.array([float(said != truth) for said, truth in rows])
    config = load(CONFIGURATION.format(pane=PANE_MS, kinds=", ".join(f"{{kind: {kind}}}" for kind in KINDS)), {})
    rig = Rig(tmp_path, compile_plan(config, None), (TOPIC,), decoder=build_decoder(config, files=True))
    rig.start()
    rig.append(lines([{"at": START_MS + i, "said": said, "truth": truth} for i, (said, truth) in enumerate(rows)]))
    # What closes the last windows.
    rig.append(lines([{"at": START_MS + len(rows) + PANE_MS, "said": "0"}]))
    rig.rounds(1)
    rig.restart()
    rig.until_end()
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    windows = rig.store.windows()
    for *_, text in windows:
        for line in map(json.loads, text.splitlines()):
            if line["kind"] == "model" and line["source"] == "errors" and line["reason"] == "change found":
                many, when = line["evidence"].split(", the first at ")
                assert many == "1 change"
                at_ms = datetime.fromisoformat(when).timestamp() * 1_000
                found[line["metric"]].append(round(at_ms) - START_MS)
    rig.crash()
    expected = {kind: river_itself(kind, errors) for kind in KINDS}
    assert found == expected
    # And they are of use: most find the change of the concept.
    assert sum(any(place >= EACH for place in places) for places in expected.values()) >= 4
