"""Faults made on states are about those made on rows, and change nothing of the state that they are made from."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from monitor.accumulators import CategoriesSpec, HistogramSpec, MomentsSpec, PresenceSpec
from monitor.codec import encode
from monitor.compile import compile_plan, load_baseline
from monitor.config.loader import load
from monitor.doping import FAULTS
from monitor.selftest.states import STATE_FAULTS, doped
from monitor.types import Column, Groups
from tests.support.proving import ROWS, build_orders, orders

FIELD = {"null_burst": "pieces", "mean_shift": "order.amount", "unit_change": "order.amount", "new_category": "country"}


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The plan of a monitor with a baseline, every field of which is watched."""
    made = build_orders(tmp_path_factory.mktemp("orders"), windows=1)
    config = load(made.config(drift="[{kind: psi}, {kind: missing}]"))
    return compile_plan(config, load_baseline(config), bounded=True)


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    """Many rows, as columns."""
    found = orders(windows=60, seed=9)
    return pa.table(
        {
            "order.amount": [row["order"]["amount"] for row in found],
            "country": [row["country"] for row in found],
            "pieces": [float(row["pieces"]) for row in found],
        }
    )


def folded(plan, rows: pa.Table):
    profile = plan.profile.empty()
    columns = {}
    for path, kind in plan.fields.items():
        values = rows[path].combine_chunks()
        presence = 2 * values.is_null().to_numpy(zero_copy_only=False).astype(np.uint8)
        filled = values.fill_null("" if kind == "category" else 0.0)
        columns[path] = Column(filled if kind == "category" else filled.to_numpy(), presence)
    nothing = np.zeros(rows.num_rows, bool)
    profile.update(columns, Groups(), [(nothing, nothing)] * len(plan.row_checks), rows.num_rows)
    return profile


@pytest.mark.parametrize("fault", STATE_FAULTS)
@pytest.mark.parametrize("severity", [0.02, 0.3])
def test_a_fault_on_the_state_is_about_what_it_is_on_the_rows(plan, rows, fault, severity):
    field = FIELD[fault]
    by_rows = folded(plan, FAULTS[fault].apply(rows, field, severity, np.random.default_rng(0))).accumulators
    by_state = doped(plan, folded(plan, rows), field, fault, severity).accumulators
    n = rows.num_rows
    for spec in (HistogramSpec(field=field), CategoriesSpec(field=field), PresenceSpec(field=field)):
        if spec in by_rows:
            assert by_state[spec].counts.sum() == pytest.approx(by_rows[spec].counts.sum(), abs=0.02 * n)
            np.testing.assert_allclose(by_state[spec].counts, by_rows[spec].counts, atol=0.012 * n)
    if (spec := MomentsSpec(field=field)) in by_rows and fault != "unit_change":
        assert by_state[spec].mean[0] == pytest.approx(by_rows[spec].mean[0], rel=0.02)
        assert by_state[spec].variance[0] == pytest.approx(by_rows[spec].variance[0], rel=0.05)


@pytest.mark.parametrize("fault", STATE_FAULTS)
def test_the_state_stays_what_it_was_and_no_other_field_is_copied(plan, rows, fault):
    profile = folded(plan, rows)
    before = encode(profile.state())
    copy = doped(plan, profile, FIELD[fault], fault, 0.5)
    assert encode(profile.state()) == before
    assert encode(copy.state()) != before
    for spec, found in copy.accumulators.items():
        if getattr(spec, "field", "") != FIELD[fault]:
            assert found is profile.accumulators[spec]


@pytest.mark.parametrize("fault", STATE_FAULTS)
def test_no_severity_changes_no_count_and_an_empty_window_stays_empty(plan, rows, fault):
    profile = folded(plan, rows)
    none = doped(plan, profile, FIELD[fault], fault, 0.0)
    for spec, found in none.accumulators.items():
        if isinstance(spec, HistogramSpec | CategoriesSpec | PresenceSpec):
            np.testing.assert_array_equal(found.counts, profile.accumulators[spec].counts)
    empty = doped(plan, plan.profile.empty(), FIELD[fault], fault, 0.5)
    assert json.dumps(empty.rows) == "0"
    assert all(found.counts.sum() == 0 for spec, found in empty.accumulators.items() if isinstance(spec, HistogramSpec))


def test_rows_of_a_window_are_as_many_as_they_were(plan, rows):
    assert doped(plan, folded(plan, rows), "country", "new_category", 0.5).rows == rows.num_rows == 60 * ROWS
