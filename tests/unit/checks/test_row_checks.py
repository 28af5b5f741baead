"""Row checks: who fails, and who was evaluated at all."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from monitor.checks import (
    AllowedSpec,
    CheckSpec,
    NullableSpec,
    RangeSpec,
    RequiredSpec,
    TypeSpec,
    failure_levels,
    field_checks,
)
from monitor.types import Batch, Column, Level, Presence, TopicPartition

P = Presence
ALL = [P.OK, P.ABSENT, P.NULL, P.WRONG_TYPE, P.NAN, P.POSITIVE_INFINITY, P.NEGATIVE_INFINITY]
ADAPTER = TypeAdapter(CheckSpec)


def batch_of(values, presence=None):
    column_values = pa.array(values, pa.string()) if values and isinstance(values[0], str) else np.array(values, float)
    n = len(values)
    column = Column(column_values, np.array([0] * n if presence is None else presence, np.uint8))
    numbers = np.arange(n, dtype=np.int64)
    return Batch(TopicPartition("t", 0), numbers, numbers, numbers, {"x": column})


def outcome(spec, batch):
    failed, evaluated = spec.build().failures(batch)
    assert failed.dtype == evaluated.dtype == np.bool_
    assert not (failed & ~evaluated).any()
    return failed.tolist(), evaluated.tolist()


def test_required_fails_absent_rows_only():
    failed, evaluated = outcome(RequiredSpec(field="x"), batch_of([1.0] * 7, ALL))
    assert failed == [p == P.ABSENT for p in ALL]
    assert all(evaluated)


def test_nullable_fails_null_rows_and_skips_absent_ones():
    failed, evaluated = outcome(NullableSpec(field="x"), batch_of([1.0] * 7, ALL))
    assert failed == [p == P.NULL for p in ALL]
    assert evaluated == [p != P.ABSENT for p in ALL]


def test_type_fails_wrong_types_and_numbers_that_are_not_finite():
    failed, evaluated = outcome(TypeSpec(field="x"), batch_of([1.0] * 7, ALL))
    assert failed == [False, False, False, True, True, True, True]
    assert evaluated == [True, False, False, True, True, True, True]


def test_range_includes_both_ends():
    failed, _ = outcome(RangeSpec(field="x", min=0, max=10), batch_of([-0.1, 0.0, 5.0, 10.0, 10.1]))
    assert failed == [True, False, False, False, True]


def test_range_may_be_open_at_an_end():
    assert outcome(RangeSpec(field="x", min=0), batch_of([-1.0, 1e300]))[0] == [True, False]
    assert outcome(RangeSpec(field="x", max=0), batch_of([-1e300, 1.0]))[0] == [False, True]


def test_range_evaluates_usable_values_only():
    values = [99.0, 99.0, np.nan, 99.0, np.nan, np.inf, -np.inf]
    failed, evaluated = outcome(RangeSpec(field="x", min=0, max=10), batch_of(values, ALL))
    assert failed == evaluated == [True] + [False] * 6


def test_range_of_a_text_column_is_refused():
    with pytest.raises(TypeError, match="not a number field"):
        RangeSpec(field="x", min=0).build().failures(batch_of(["a"]))


def test_allowed_compares_text_exactly():
    failed, _ = outcome(AllowedSpec(field="x", values=("DE", "FR")), batch_of(["DE", "de", "FR ", "FR", ""]))
    assert failed == [False, True, True, False, True]


def test_allowed_skips_rows_without_a_usable_value():
    values = pa.array(["DE", None, None, "?"], pa.string())
    column = Column(values, np.array([P.OK, P.ABSENT, P.NULL, P.WRONG_TYPE], np.uint8))
    zeros = np.zeros(4, np.int64)
    batch = Batch(TopicPartition("t", 0), zeros, zeros, zeros, {"x": column})
    failed, evaluated = outcome(AllowedSpec(field="x", values=("FR",)), batch)
    assert failed == evaluated == [True, False, False, False]


def test_allowed_compares_numbers_as_numbers():
    failed, _ = outcome(AllowedSpec(field="x", values=(1, 2.5)), batch_of([1.0, 2.5, 2.0]))
    assert failed == [False, False, True]


def test_allowed_spells_booleans_as_columns_do():
    failed, _ = outcome(AllowedSpec(field="x", values=(True,)), batch_of(["true", "false"]))
    assert failed == [False, True]


def test_allowed_keeps_the_types_that_were_written():
    spec = ADAPTER.validate_python({"kind": "allowed", "field": "x", "values": [True, 1, 1.5, "1"]})
    assert isinstance(spec, AllowedSpec)
    assert [type(v) for v in spec.values] == [bool, int, float, str]


@given(presence=st.lists(st.sampled_from(ALL), min_size=1, max_size=50))
def test_the_checks_of_a_full_contract_blame_each_bad_row_once(presence):
    batch = batch_of([5.0] * len(presence), presence)
    checks = field_checks("x", required=True, nullable=False, range=(0, 10), allowed=[5])
    failures = np.sum([check.build().failures(batch)[0] for check in checks], axis=0)
    assert failures.tolist() == [int(p != P.OK) for p in presence]


def test_a_field_contract_names_its_checks_after_the_field():
    checks = field_checks(
        "amount",
        required=True,
        nullable=False,
        range=(0, None),
        allowed=[1],
        max_failure_ratio=0.1,
        severity="critical",
    )
    assert [c.name for c in checks] == [
        "amount.required",
        "amount.nullable",
        "amount.type",
        "amount.range",
        "amount.allowed",
    ]
    assert {c.max_failure_ratio for c in checks} == {0.1}
    assert {c.severity for c in checks} == {"critical"}


def test_a_field_without_a_contract_is_still_checked_for_its_type():
    assert [c.name for c in field_checks("note")] == ["note.type"]
    assert [c.name for c in field_checks("note", range=(None, None))] == ["note.type"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "range", "field": "x"},
        {"kind": "range", "field": "x", "min": 2, "max": 1},
        {"kind": "range", "field": "x", "min": float("nan")},
        {"kind": "range", "field": "x", "max": float("inf")},
        {"kind": "allowed", "field": "x", "values": []},
        {"kind": "required"},
        {"kind": "required", "field": "x", "max_failure_ratio": 1.1},
        {"kind": "required", "field": "x", "severity": "fatal"},
        {"kind": "required", "field": "x", "name": ""},
        {"kind": "volume", "min_per_window": 0},
        {"kind": "volume", "min_per_window": 10, "max_per_window": 9},
    ],
)
def test_a_wrong_setting_is_refused(wrong):
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(wrong)


def test_levels_follow_from_the_ratio_of_failures():
    spec = RequiredSpec(field="x", max_failure_ratio=0.29)
    level, reasons, ratio = failure_levels(np.array([29, 30, 0, 0]), np.array([100, 100, 100, 0]), spec)
    assert level.tolist() == [Level.OK, Level.WARNING, Level.OK, Level.UNKNOWN]
    assert list(reasons) == ["ok", "failures above tolerance", "ok", "no rows"]
    assert ratio[:3].tolist() == [0.29, 0.3, 0.0]
    assert np.isnan(ratio[3])


def test_a_single_failure_is_too_many_by_default():
    level, _, _ = failure_levels(np.array([1]), np.array([10**9]), RequiredSpec(field="x", severity="critical"))
    assert level.tolist() == [Level.CRITICAL]
