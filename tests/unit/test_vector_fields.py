"""Vector fields between the layers: columns, statistics for people, verdicts by segment, baselines."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monitor.accumulators.vector import VectorSpec
from monitor.baseline import Baseline, BaselineBuilder, view_of
from monitor.building import _most_rows
from monitor.codec import decode as decode_state
from monitor.codec import encode
from monitor.config.loader import load
from monitor.decoders import DecodePlan
from monitor.describe import field_views, profile_views
from monitor.detectors import FrechetSpec
from monitor.detectors.frechet import Frechet
from monitor.inner_types import vector_type
from monitor.judge import judge, judge_gap
from monitor.plan import FieldDetector, MonitorPlan
from monitor.segments import Dimension, Segmenter
from monitor.types import Batch, Column, Groups, Level, Presence, TopicPartition
from monitor.windows import PaneGrid
from tests.support.decoding import decode

SEGMENTER = Segmenter((Dimension("c", ("a", "b")),))


def batch(seed: int, n: int, dimension: int) -> Batch:
    """Return rows with vectors of which every tenth is null, and a category."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((n, dimension)).tolist()
    items = [{"e": None if i % 10 == 0 else vector, "c": "ab"[i % 2]} for i, vector in enumerate(vectors)]
    return decode([json.dumps(item).encode() for item in items], {"e": vector_type(dimension), "c": "category"}).batch


def baseline(dimension: int) -> Baseline:
    builder = BaselineBuilder(
        {"e": vector_type(dimension), "c": "category"}, [("c", 2, ("a", "b"))], max_categories=10, max_rows=10**6
    )
    builder.add(batch(1, 300, dimension))
    return builder.build()


def planned(dimension: int) -> MonitorPlan:
    spec = FrechetSpec(min_rows=10)
    detector: Frechet = spec.build()
    kind = vector_type(dimension)
    return MonitorPlan(
        "m",
        DecodePlan({"e": kind, "c": "category"}),
        PaneGrid(60_000, 60_000),
        0,
        None,
        (FieldDetector("e", "frechet", spec, detector, detector.needs("e", kind)),),
        segmenter=SEGMENTER,
        baseline=baseline(dimension),
    )


def profiled(plan: MonitorPlan, rows: Batch):
    profile = plan.profile.empty()
    profile.update(rows.columns, plan.segmenter.groups(rows.columns), (), len(rows))
    return profile


def test_the_statistics_of_a_vector_field_are_those_of_its_norms():
    plan, rows = planned(8), batch(2, 200, 8)
    views = {view.segment: view for view in field_views(plan, profiled(plan, rows)) if view.field == "e"}
    norms = np.linalg.norm(rows.columns["e"].valid, axis=1)
    assert (views[""].rows, views[""].missing_ratio, views[""].invalid_ratio) == (200, 0.1, 0.0)
    found = (views[""].mean, views[""].stddev, views[""].min, views[""].max)
    assert found == pytest.approx((norms.mean(), norms.std(ddof=1), norms.min(), norms.max()))
    assert views["c=a"].mean is not None
    assert views[""].distinct is None
    assert profile_views(plan, profiled(plan, rows), view_of(plan.baseline))[0].field == "c"


@pytest.mark.parametrize(("dimension", "segments"), [(8, ["", "c=a", "c=b", "c=<other>"]), (40, [""])])
def test_what_is_kept_for_all_rows_only_has_one_verdict_in_windows_and_gaps(dimension, segments):
    plan = planned(dimension)
    judged = judge(
        plan, 0, 60_000, profiled(plan, batch(3, 300, dimension)), unknown="", baseline=view_of(plan.baseline)
    )
    gap = judge_gap(plan, 0, 60_000, 1, unknown="")
    for window in (judged, gap):
        assert [verdict.segment for verdict in window.verdicts] == segments
    assert judged.verdicts[0].level is Level.OK
    assert judged.verdicts[0].n_current == 270
    assert gap.verdicts[0].reason == "no rows"


def test_the_evidence_says_whether_the_mean_or_the_covariance_moved():
    plan, rows = planned(8), batch(4, 400, 8)
    column = rows.columns["e"]
    for values, expected in ((column.values + 3, "mean: +"), (column.values / 4, "covariance: -")):
        columns = {**rows.columns, "e": Column(values, column.presence)}
        profile = plan.profile.empty()
        profile.update(columns, plan.segmenter.groups(columns), (), len(rows))
        window = judge(plan, 0, 60_000, profile, unknown="", baseline=view_of(plan.baseline))
        assert window.evidence["e", "", "frechet"].startswith(expected)


def test_a_pane_with_vectors_survives_its_checkpoint():
    plan = planned(40)
    profile = profiled(plan, batch(5, 100, 40))
    again = plan.profile.load(decode_state(encode(profile.state())))
    more = batch(6, 100, 40)
    for each in (profile, again):
        each.update(more.columns, plan.segmenter.groups(more.columns), (), len(more))
    assert encode(again.state()) == encode(profile.state())
    assert not again.incomplete


def test_a_baseline_with_vectors_survives_its_file():
    built = baseline(40)
    again = Baseline.of_content(json.loads(json.dumps(built.content)))
    assert again.version == built.version
    assert again.fields["e"] == "vector[40]"
    spec = VectorSpec(field="e", dimension=40)
    before, after = (one.profile.accumulators[spec] for one in (built, again))
    np.testing.assert_array_equal(before.comoments.covariance, after.comoments.covariance)


def test_equal_rows_give_an_equal_version_however_they_came():
    rows, versions = batch(1, 300, 8), set()
    for cut in (0, 1, 150):
        builder = BaselineBuilder({"e": vector_type(8)}, [], max_categories=10, max_rows=10**6)
        for part in (np.arange(cut, 300), np.arange(cut)):
            builder.add(rows.take(part))
        versions.add(builder.build().version)
    assert len(versions) == 1


def test_a_baseline_takes_as_many_rows_as_two_gibibytes_of_vectors():
    def most(fields: str) -> int:
        return _most_rows(load(f"name: m\nsource: {{kind: files, paths: [f.jsonl]}}\nfields: {fields}\n"))

    assert most("{n: {type: number}}") == 2_000_000
    assert most("{a: {type: vector, dimension: 1024}, b: {type: vector, dimension: 1024}}") == 131_072


def test_a_column_of_vectors_can_be_taken_apart():
    values = np.arange(12.0).reshape(4, 3)
    column = Column(values, np.array([0, Presence.NULL, 0, Presence.WRONG_TYPE], np.uint8))
    assert column.valid.tolist() == [[0, 1, 2], [6, 7, 8]]
    taken = column.take(np.array([2, 0]))
    assert (taken.values.tolist(), taken.all_ok) == ([[6, 7, 8], [0, 1, 2]], True)
    rows = Batch(TopicPartition("t", 0), *(np.arange(4) for _ in range(3)), {"e": column})
    assert rows.take(np.array([3, 1])).columns["e"].presence.tolist() == [Presence.WRONG_TYPE, Presence.NULL]


def test_norms_beyond_float64_are_cut_off_and_their_squares_too():
    accumulator = VectorSpec(field="e", dimension=2).build(None, 1)
    accumulator.update(
        Column(np.array([[3.0, 4.0], [1e300, 1e300], [1.7e308, 1.7e308]]), np.zeros(3, np.uint8)), Groups()
    )
    assert accumulator.norms.min[0] == 5
    assert accumulator.norms.max[0] == np.finfo(np.float64).max
    assert accumulator.squares.min[0] == 25
    assert np.isfinite(accumulator.norms.mean[0])
