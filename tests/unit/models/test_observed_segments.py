"""Segments whose values are observed: a new version of a model has its own numbers from its first row on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from monitor.compile import compile_plan
from monitor.config.loader import load
from monitor.errors import ConfigError, StoreError
from monitor.segments import OTHER, Dimension, Segmenter
from monitor.types import Column
from tests.support.models import START_MS, baseline_of, configured, outcomes

OBSERVED = "values: observed, max: 4"


def column(*values: str) -> Column:
    return Column(pa.array(values, pa.string()), np.zeros(len(values), np.uint8))


def rows(version: str, n: int, *, seed: int, start_ms: int, flip: float = 0.0) -> list[dict[str, object]]:
    return [{**row, "country": version} for row in outcomes(n, seed=seed, start_ms=start_ms, flip=flip)]


def test_values_take_what_is_free_in_the_order_in_which_they_come_and_the_rest_is_other():
    segmenter = Segmenter((Dimension("version", ("v1",), 2), Dimension("country", ("DE",))))
    country = column("DE", "DE", "DE")
    first = segmenter.groups({"version": column("v2", "v1", "v2"), "country": country})
    assert [codes.tolist() for codes in first.codes] == [[2, 1, 2], [5, 5, 5]]
    later = segmenter.groups({"version": column("v4", "v5", "v2"), "country": country})
    assert later.codes[0].tolist() == [3, 4, 2]
    assert first.size == later.size == segmenter.size == 7
    assert segmenter.labels[2:5] == ("version=<free 1>", "version=<free 2>", f"version={OTHER}")
    assert segmenter.shown[2:5] == ("version=v2", "version=v4", f"version={OTHER}")
    assert segmenter.nobody == frozenset()
    again = segmenter.own()
    assert again.nobody == {"version=<free 1>", "version=<free 2>"}
    again.load(json.loads(json.dumps(segmenter.state())))
    assert again.shown == segmenter.shown


def test_a_value_that_the_baseline_has_by_now_takes_no_room_and_damage_is_refused():
    segmenter = Segmenter((Dimension("version", ("v1", "v2"), 1),))
    segmenter.load({"version": ["v2", "v3", "v4"], "gone": ["x"]})
    assert segmenter.observed == {"version": ["v3"]}
    for broken in ([], {"version": "v3"}):
        with pytest.raises(StoreError):
            segmenter.load(broken)


def test_names_of_what_is_free_are_no_values():
    segmenter = Segmenter((Dimension("version", (), 2),))
    assert segmenter.groups({"version": column("<free 2>", OTHER, "v1")}).codes[0].tolist() == [3, 3, 1]
    assert segmenter.shown[1:3] == ("version=v1", "version=<free 2>")


def test_a_new_version_is_held_to_how_well_the_model_did_in_the_baseline_also_after_a_crash(watched, tmp_path: Path):
    config = configured("errors: [{kind: hddm_w, segments: true}]", segments=OBSERVED)
    known = [
        row
        for i, name in enumerate(("v1", "v2", "v3"))
        for row in rows(name, 800 - i, seed=9 + i, start_ms=START_MS + i * 8_000)
    ]
    baseline = baseline_of(config, known)
    # Half of the room is left for versions to come.
    assert baseline.segmenter.dimensions == (Dimension("country", ("v1", "v2"), 2),)
    rig = watched(tmp_path, config, baseline)
    rig.write(rows("v1", 200, seed=1, start_ms=START_MS))
    rig.rig.until_end()
    rig.write(rows("v7", 200, seed=2, start_ms=START_MS + 2_000, flip=0.45))
    rig.rig.until_end()
    rig.restart()
    rig.write(rows("v7", 200, seed=3, start_ms=START_MS + 4_000, flip=0.45))
    rig.rig.until_end()
    said = [line for line in rig.said() if (line["metric"], line["source"]) == ("accuracy", "realized")]
    shown = {line["segment"].get("country") for line in said}
    assert shown == {None, "v1", "v2", "v7", OTHER}
    new = [line for line in said if line["segment"] == {"country": "v7"} and line["rows"]]
    assert [line["rows"] for line in new] == [100, 100, 100, 100][: len(new)]
    assert len(new) >= 3
    whole = next(line["baseline"] for line in said if not line["segment"])
    assert {line["baseline"] for line in new} == {whole}
    assert "critical" in {line["level"] for line in new}
    alerts = {(alert.labels["rule"], alert.labels.get("segment")) for alert in rig.rig.snapshots[-1].alerts}
    assert ("model.accuracy", "country=v7") in alerts
    heard = {line["segment"].get("country"): line for line in rig.said() if line["source"] == "errors" and line["rows"]}
    assert heard.keys() == {None, "v1", "v7"}
    assert heard["v7"]["value"] > 2 * heard["v1"]["value"] - 0.2
    assert not any("<free" in line for *_, text in rig.rig.store.windows() for line in text.splitlines())
    assert {f.segment for f in rig.rig.snapshots[-1].fields if "<free" in f.segment} == set()


def test_a_baseline_with_other_segments_is_refused_and_none_is_needed():
    observed, listed = configured(segments=OBSERVED), configured()
    with pytest.raises(ConfigError, match="other segments"):
        compile_plan(observed, baseline_of(listed, outcomes(100)))
    with pytest.raises(ConfigError, match="other segments"):
        compile_plan(configured(segments="max: 4"), baseline_of(observed, outcomes(100)))
    plan = compile_plan(configured(baseline=False, segments=OBSERVED), None)
    assert plan.segmenter.dimensions == (Dimension("country", (), 4),)
    with pytest.raises(ConfigError):
        load("segments: [{field: country, values: seen}]", {})
