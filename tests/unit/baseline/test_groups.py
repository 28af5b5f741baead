"""Groups in a baseline: their frames are a pure function of the rows, survive the file, and are asked for."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from monitor.accumulators import ComomentSpec, FourierSpec, GroupFrame, SampleSpec
from monitor.baseline import Baseline, BaselineBuilder, BaselineFiles, Lineage, NumberGroup
from monitor.compile import compile_plan, load_baseline
from monitor.config.loader import load
from monitor.errors import ConfigError, StoreError
from monitor.types import Batch, Column, TopicPartition
from tests.support.groups import columns_of

TRIP = NumberGroup("trip", ("x", "y"), 64)


def rows(n=400, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.gamma(2.0, 5.0, n)
    y = 3 * x + rng.normal(0, 1, n)
    y[::19] = np.nan
    return np.column_stack([x, y])


def batch_of(matrix, at=0):
    n = len(matrix)
    x, y = columns_of(matrix)
    code = np.arange(at, at + n) % 3

    names = Column(pa.array([["a", "b", "c"][i] for i in code], pa.string()), np.zeros(n, np.uint8))
    times = np.arange(at, at + n, dtype=np.int64)
    return Batch(TopicPartition("t", 0), times, times, times, {"x": x, "y": y, "k": names})


def build(batches, groups=(TRIP,), segments=()):
    builder = BaselineBuilder(
        {"x": "number", "y": "number", "k": "category"}, segments, max_categories=10, max_rows=10_000, groups=groups
    )
    for batch in batches:
        builder.add(batch)
    return builder.build()


def test_the_frame_does_not_depend_on_how_the_rows_came():
    matrix = rows()
    whole = build([batch_of(matrix)])
    pieces = build([batch_of(matrix[100:], 100), batch_of(matrix[:100])])
    assert whole.version == pieces.version
    assert whole.group_frames["trip"].digest == pieces.group_frames["trip"].digest


def test_blocks_do_not_matter_either(monkeypatch):
    whole = build([batch_of(rows())]).group_frames["trip"]
    monkeypatch.setattr("monitor.baseline.build._BLOCK_ROWS", 37)
    pieces = build([batch_of(rows())]).group_frames["trip"]
    np.testing.assert_allclose(pieces.residual, whole.residual, atol=1e-9)
    np.testing.assert_allclose(pieces.spread, whole.spread, rtol=1e-9)
    assert pieces.optimism == pytest.approx(whole.optimism, abs=1e-9)


def test_a_baseline_with_groups_survives_its_file(tmp_path):
    baseline = build([batch_of(rows())], segments=[("k", 3, None)])
    files = BaselineFiles(tmp_path)
    files.save(baseline, Lineage(1, "x", 400, 0, 400))
    found, _ = files.load()
    assert found.version == baseline.version
    assert found.group_frames["trip"].digest == baseline.group_frames["trip"].digest
    spec = ComomentSpec(group="trip", fields=("x", "y"))
    before, after = (side.profile.accumulators[spec] for side in (baseline, found))
    np.testing.assert_array_equal(before.covariance, after.covariance)
    assert before.rows.tolist()[0] == 400
    assert before.n.tolist()[0] == 400 - len(range(0, 400, 19))
    assert FourierSpec(group="trip", fields=("x", "y"), features=64) in found.profile.accumulators
    assert found.group_frames["trip"].mixture.shape == (len(baseline.segmenter.labels), 2)


def test_a_baseline_without_groups_has_the_version_it_always_had():
    assert "groups" not in build([batch_of(rows())], groups=()).content


@pytest.mark.parametrize("name", ["scale", "residual", "spread", "bandwidth", "fields"])
def test_a_damaged_group_is_refused(name):
    content = json.loads(json.dumps(build([batch_of(rows())]).content))
    frame = content["groups"]["trip"]
    frame[name] = [] if isinstance(frame[name], list) else "x"
    with pytest.raises(StoreError):
        Baseline.of_content(content)


def test_a_group_without_complete_rows_leaves_values_as_they_are():
    matrix = rows()
    matrix[:, 1] = np.nan
    baseline = build([batch_of(matrix)])
    assert baseline.group_frames["trip"].digest == GroupFrame.plain(("x", "y"), 64).digest
    assert Baseline.of_content(json.loads(json.dumps(baseline.content))).version == baseline.version


CONFIG = """\
name: trips
source: {{kind: files, paths: [x.jsonl]}}
baseline: {{kind: file, path: {path}}}
fields: {{x: {{type: number}}, y: {{type: number}}, k: {{type: category}}}}
groups:
  - {{name: {name}, fields: {fields}, drift: [{{kind: mmd, features: {features}}}, {{kind: spe}}]}}
"""


@pytest.mark.parametrize(
    ("name", "fields", "features", "message"),
    [
        ("other", "[x, y]", 64, "does not have this group"),
        ("trip", "[y, x]", 64, "of other fields"),
        ("trip", "[x, y]", 128, "with 64 Fourier features"),
    ],
)
def test_a_baseline_that_lacks_the_group_is_refused_with_what_to_do(tmp_path, name, fields, features, message):
    BaselineFiles(tmp_path).save(build([batch_of(rows())]), Lineage(1, "x", 400, 0, 400))
    config = load(CONFIG.format(path=tmp_path, name=name, fields=fields, features=features), {})
    with pytest.raises(ConfigError, match=message) as caught:
        load_baseline(config)
    assert "baseline build" in caught.value.problems[0].remedy


def test_a_baseline_without_rows_of_the_group_is_refused_for_a_domain_classifier(tmp_path):
    BaselineFiles(tmp_path).save(build([batch_of(rows())]), Lineage(1, "x", 400, 0, 400))
    text = CONFIG.format(path=tmp_path, name="trip", fields="[x, y]", features=64)
    with pytest.raises(ConfigError, match="no rows of this group"):
        load_baseline(load(text.replace("{kind: spe}", "{kind: domain_classifier}"), {}))


def test_the_sample_of_a_baseline_is_kept_with_it_and_is_the_same_however_the_rows_came(tmp_path):
    group = NumberGroup("trip", ("x", "y"), sampled=True)
    matrix = rows(3_000)
    whole, pieces = (
        build(parts, (group,))
        for parts in ([batch_of(matrix)], [batch_of(matrix[1_000:], 1_000), batch_of(matrix[:1_000])])
    )
    assert whole.version == pieces.version
    files = BaselineFiles(tmp_path)
    files.save(whole, Lineage(1, "x", 3_000, 0, 3_000))
    spec = SampleSpec(group="trip", fields=("x", "y"))
    kept, again = (one.profile.accumulators[spec] for one in (whole, files.load()[0]))
    assert kept.n.tolist() == [int((~np.isnan(matrix[:, 1])).sum())]
    assert kept.rows.shape == (1_000, 2)
    np.testing.assert_array_equal(again.rows, kept.rows)


def test_the_plan_compares_and_accumulates_the_groups(tmp_path):
    BaselineFiles(tmp_path).save(build([batch_of(rows())]), Lineage(1, "x", 400, 0, 400))
    config = load(CONFIG.format(path=tmp_path, name="trip", fields="[x, y]", features=64), {})
    plan = compile_plan(config, load_baseline(config))
    assert [(item.field, item.name) for item in plan.detectors] == [("trip", "mmd"), ("trip", "spe")]
    assert {item.needs for item in plan.detectors} <= set(plan.profile.specs)
    assert plan.profile.empty().accumulators[plan.detectors[1].needs].frame.fields == ("x", "y")
