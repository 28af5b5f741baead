"""Words and numbers for people: labels stand beside the cells that are compared."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pyarrow as pa
import pytest

from monitor.baseline import BaselineBuilder, view_of
from monitor.describe import QUANTILES, cell_labels, evidence, field_views, number, profile_views
from monitor.detectors import DetectorSpec, PsiSpec
from monitor.types import Batch, Column
from tests.support.monitors import FIELDS, FIRST_MS, batch_of, make_baseline, make_plan, record, usual

BASELINE = make_baseline(segments=[("country", 2, None)])
PLAN = make_plan(baseline=BASELINE)
KINDS = get_args(get_args(DetectorSpec)[0])


def profile_of(records, plan=PLAN):
    """Return a window's profile of these records."""
    batch = batch_of(records)
    profile = plan.profile.empty()
    masks = [check.failures(batch) for check in plan.row_checks]
    profile.update(batch.columns, plan.segmenter.groups(batch.columns), masks, len(batch))
    return profile


CASES = [
    (spec, field)
    for kind in KINDS
    for field in FIELDS
    for spec in [kind(), *(kind(buckets=n) for n in (2, 10, 50) if "buckets" in kind.model_fields)]
    if FIELDS[field] in kind.field_types
]


@pytest.mark.parametrize(("spec", "field"), CASES, ids=str)
def test_every_detectors_contributions_have_a_label_each(spec, field):
    detector = spec.build()
    needs = detector.needs(field, FIELDS[field])
    current = profile_of(usual(300, seed=4)).accumulators[needs]
    score = detector.compare(BASELINE.profile.accumulators[needs], current)
    labels = cell_labels(current, getattr(spec, "buckets", None))
    assert score.contributions.shape == (4, len(labels))


def test_labels_of_numbers_name_the_values_that_fall_into_their_cell():
    frame = BASELINE.frames["amount"]
    for buckets in (None, 10, 50):
        edges = frame.grid if buckets is None else frame.edges(buckets)
        accumulator = profile_of([record(FIRST_MS, float(edges[2]))]).accumulators
        histogram = next(a for spec, a in accumulator.items() if (spec.field, spec.kind) == ("amount", "histogram"))
        cells = histogram.counts if buckets is None else histogram.cells(buckets)
        (cell,) = np.flatnonzero(cells[0])
        assert cell_labels(histogram, buckets)[cell].startswith(f"{edges[2]:.6g} … ")


def test_a_number_below_all_cuts_and_one_above_have_open_cells():
    histogram = profile_of([record(FIRST_MS, -5.0)]).accumulators
    histogram = next(a for spec, a in histogram.items() if (spec.field, spec.kind) == ("amount", "histogram"))
    labels = cell_labels(histogram, 10)
    assert labels[0].startswith("< ")
    assert labels[-1].startswith("≥ ")
    assert np.flatnonzero(histogram.cells(10)[0]).tolist() == [0]


def test_a_value_that_the_baseline_never_saw_is_evidence_as_unseen():
    spec = PsiSpec()
    needs = spec.build().needs("country", "category")
    current = profile_of([record(FIRST_MS, country="NL")] * 60 + usual(40)).accumulators[needs]
    score = spec.build().compare(BASELINE.profile.accumulators[needs], current)
    assert evidence(cell_labels(current, 10), score.contributions[0]).startswith("(unseen): +")


def test_evidence_is_the_three_cells_that_explain_most_with_their_signed_share():
    assert evidence(("a", "b", "c", "d"), np.array([0.1, -0.5, 0.3, 0.1])) == "b: -50%; c: +30%; a: +10%"


def test_there_is_no_evidence_of_nothing_or_for_cells_without_labels():
    assert evidence(("a", "b"), np.zeros(2)) == ""
    assert evidence(("a",), np.array([0.5, 0.5])) == ""


def test_field_views_are_the_statistics_of_every_segment():
    records = [record(FIRST_MS, amount, country) for amount, country in [(1, "DE"), (3, "DE"), (8, "FR"), (2, None)]]
    views = {(view.field, view.segment): view for view in field_views(PLAN, profile_of(records))}
    assert len(views) == 2 * 4
    whole, german = views["amount", ""], views["amount", "country=DE"]
    assert (whole.rows, whole.mean, whole.min, whole.max, whole.missing_ratio) == (4, 3.5, 1.0, 8.0, 0.0)
    assert whole.stddev == pytest.approx(np.std([1, 3, 8, 2], ddof=1))
    assert (german.rows, german.mean) == (2, 2.0)
    assert views["country", ""].missing_ratio == 0.25
    assert views["country", "country=<other>"].missing_ratio == 1.0
    assert whole.distinct == pytest.approx(4, abs=0.1)
    assert german.distinct is None
    assert list(whole.quantiles) == list(QUANTILES)
    assert german.quantiles == {}


def test_what_has_no_value_is_none():
    views = {(view.field, view.segment): view for view in field_views(PLAN, profile_of([record(FIRST_MS, 5.0)]))}
    assert views["amount", ""].stddev is None
    empty = views["amount", "country=FR"]
    assert (empty.rows, empty.missing_ratio, empty.mean, empty.min) == (0, None, None, None)
    assert number(float("inf")) is None


def test_profile_views_set_the_shares_of_baseline_and_window_side_by_side():
    views = {
        (view.field, view.segment): view
        for view in profile_views(PLAN, profile_of(usual(500, seed=3)), view_of(BASELINE))
    }
    assert {field for field, _ in views} == {"amount", "country"}
    for view in views.values():
        assert len(view.labels) == len(view.baseline) == len(view.current)
        assert sum(view.baseline) == pytest.approx(1)
    assert views["country", ""].labels == ("DE", "FR", "US", "(unseen)", "(other)")
    assert views["amount", "country=DE"].baseline != views["amount", ""].baseline


def test_without_a_baseline_there_is_nothing_to_set_beside():
    plan = make_plan()
    assert profile_views(plan, profile_of(usual(10), plan), None) == ()


def test_of_many_categories_the_unseen_and_other_values_are_shown_all_the_same():
    names = [f"v{i:03}" for i in range(80) for _ in range(10)]
    batch = batch_of([record(FIRST_MS + i) for i in range(800)])
    columns = {"country": Column(pa.array(names, pa.string()), np.zeros(800, np.uint8))}
    batch = Batch(batch.partition, batch.offsets, batch.timestamps_ms, batch.event_times_ms, columns)
    builder = BaselineBuilder({"country": "category"}, [], max_categories=100, max_rows=1_000)
    builder.add(batch)
    baseline = builder.build()
    plan = make_plan(fields={"country": "category"}, baseline=baseline, detectors={}, row_checks=(), window_checks=())
    profile = plan.profile.empty()
    profile.update(columns, plan.segmenter.groups(columns), (), 800)
    (view,) = profile_views(plan, profile, view_of(baseline))
    assert len(view.labels) == len(view.current) == 50
    assert view.labels[-2:] == ("(unseen)", "(other)")
