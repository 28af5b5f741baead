"""A baseline is a pure function of its rows: however they came, the version is the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.baseline import Baseline, BaselineBuilder, exact_specs, profile_specs
from monitor.errors import StoreError
from monitor.types import Batch, Column, Presence
from tests.support.monitors import FIELDS, FIRST_MS, batch_of, make_baseline, record, tp, usual

SEGMENTS = (("country", 2, None),)


def awkward(n=300):
    """Return records whose sums depend on their order: amounts of all magnitudes, nulls, not-a-numbers."""
    rng = np.random.default_rng(5)
    amounts = rng.normal(size=n) * 10.0 ** rng.integers(-8, 9, n)
    amounts[::17] = np.nan
    return [record(FIRST_MS + i, float(amounts[i]), ["DE", "FR", "US", None][i % 4]) for i in range(n)]


def built(batches, **changes):
    settings_ = {"max_categories": 100, "max_rows": 100_000} | changes
    builder = BaselineBuilder(FIELDS, SEGMENTS, **settings_)
    for batch in batches:
        builder.add(batch)
    return builder


WHOLE = built([batch_of(awkward()), batch_of(awkward(90), partition=tp(1))]).build().version


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 299), max_size=6, unique=True), order=st.randoms())
def test_the_version_does_not_depend_on_how_the_rows_were_fetched(cuts, order):
    ends = [*sorted(cuts), 300]
    records = awkward()
    pieces = [batch_of(records[first:last], at=first) for first, last in zip([0, *sorted(cuts)], ends, strict=True)]
    pieces.append(batch_of(awkward(90), partition=tp(1)))
    order.shuffle(pieces)
    assert built(pieces).build().version == WHOLE


def test_rows_beyond_a_block_are_all_counted(monkeypatch):
    monkeypatch.setattr("monitor.baseline.build._BLOCK_ROWS", 7)
    baseline = built([batch_of(usual(5)), batch_of(usual(40), at=5), batch_of([]), batch_of(usual(30), at=45)]).build()
    assert baseline.rows == baseline.profile.rows == 75
    counts = next(a for s, a in baseline.profile.accumulators.items() if s.kind == "histogram").counts
    assert counts[0].sum() == 75


def test_equal_content_in_another_process_has_the_same_version():
    script = (
        "from tests.unit.baseline.test_build import *\n"
        "print(built([batch_of(awkward()), batch_of(awkward(90), partition=tp(1))]).build().version)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env={"PYTHONHASHSEED": "1", "PYTHONPATH": "."},
    )
    assert done.stdout.strip() == WHOLE


def test_another_row_another_version():
    assert make_baseline(usual(100)).version != make_baseline(usual(101)).version


def test_other_segments_another_version():
    assert make_baseline(usual(100)).version != make_baseline(usual(100), segments=SEGMENTS).version


def test_more_rows_than_the_cap_are_left_out_and_it_says_so():
    builder = built([batch_of(usual(60))], max_rows=100)
    assert (builder.full, builder.truncated) == (False, False)
    assert builder.add(batch_of(usual(60), at=60)) == 40
    assert (builder.rows, builder.full, builder.truncated) == (100, True, True)
    assert builder.add(batch_of(usual(5), at=120)) == 0
    assert builder.build().rows == 100


def test_exactly_the_cap_is_not_truncated():
    builder = built([batch_of(usual(100))], max_rows=100)
    assert (builder.full, builder.truncated) == (True, False)


def test_no_rows_are_a_baseline_without_values():
    baseline = built([]).build()
    assert baseline.rows == 0
    assert baseline.segmenter.labels == ("", "country=<other>")
    assert baseline.frames["amount"].grid.size == 0


def test_event_times_span_what_was_taken():
    builder = built([batch_of([record(7_000), record(5_000)]), batch_of([record(9_000), record(1)], at=2)], max_rows=3)
    assert (builder.first_ms, builder.last_ms) == (5_000, 9_000)


def test_fixed_values_of_a_segment_need_not_occur():
    builder = BaselineBuilder(FIELDS, [("country", 5, ("XX", "DE"))], max_categories=10, max_rows=10)
    builder.add(batch_of(usual(5)))
    assert builder.build().segmenter.labels == ("", "country=XX", "country=DE", "country=<other>")


def test_fields_that_the_baseline_does_not_know_are_remembered_by_name():
    builder = built([batch_of(usual(3))])
    builder.add(batch_of([]), ("extra",))
    assert builder.build().known_fields == ("amount", "country", "extra")


def test_text_and_boolean_fields_are_built_too():
    n = 40
    columns = {
        "note": Column(pa.array(["x" * (i % 7) for i in range(n)], pa.string()), np.zeros(n, np.uint8)),
        "refund": Column(pa.array(["true", "false"] * (n // 2), pa.string()), np.zeros(n, np.uint8)),
        "count": Column(np.arange(float(n)), np.full(n, Presence.OK, np.uint8)),
    }
    builder = BaselineBuilder(
        {"note": "text", "refund": "boolean", "count": "integer"}, [("refund", 5, None)], max_categories=10, max_rows=99
    )
    builder.add(Batch(tp(), np.arange(n), np.full(n, -1), np.full(n, FIRST_MS), columns))
    baseline = builder.build()
    assert "note" not in baseline.frames
    assert baseline.frames["refund"].categories == ("false", "true")
    assert Baseline.of_content(json.loads(json.dumps(baseline.content))).version == baseline.version


def test_the_content_survives_json_exactly():
    baseline = built([batch_of(awkward())]).build()
    again = Baseline.of_content(json.loads(json.dumps(baseline.content)))
    assert again.content == baseline.content
    assert again.version == baseline.version


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 99},
        {"format": None},
        {"fields": None},
        {"fields": {"amount": "number", "country": "category", "more": "number"}},
        {"frames": {"amount": {}}},
        {"frames": {}},
        {"segments": [{"field": "country"}]},
        {"segments": []},
        {"profile": {"accumulators": {}}},
        {"profile": []},
        {"rows": "many"},
        {"known_fields": 3},
    ],
)
def test_content_that_does_not_fit_together_is_refused(damage):
    content = json.loads(json.dumps(built([batch_of(usual(50))]).build().content)) | damage
    with pytest.raises(StoreError):
        Baseline.of_content(content)


def test_windows_are_profiled_with_what_baselines_hold_and_sketches_for_people():
    for kind in ("number", "integer", "boolean", "category", "text"):
        exact, all_specs = exact_specs("f", kind), profile_specs("f", kind)
        assert set(exact) < set(all_specs)
        assert {spec.kind for spec in all_specs} - {spec.kind for spec in exact} <= {"quantiles", "distinct"}
