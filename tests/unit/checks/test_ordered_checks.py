"""The checks of order by key: which row is compared with which, and what is forgotten."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from monitor.checks import MonotonicSpec, SequenceSpec, misfits
from monitor.errors import StoreError
from monitor.types import TopicPartition
from tests.support.ordered import outcome, rows_of

N, Y, U = False, True, None


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("increasing", [U, N, N, Y, N]),
        ("strictly_increasing", [U, N, Y, Y, N]),
        ("decreasing", [U, Y, N, N, Y]),
        ("strictly_decreasing", [U, Y, Y, N, Y]),
    ],
)
def test_each_direction_judges_a_row_by_the_one_before(direction, expected):
    assert outcome(MonotonicSpec(field="seq", direction=direction).build(), rows_of([1, 2, 2, 1, 5])) == expected


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (("gap", "repeat", "out_of_order"), [U, N, Y, Y, Y, N]),
        (("gap",), [U, N, N, Y, N, N]),
        (("repeat",), [U, N, Y, N, N, N]),
        (("out_of_order",), [U, N, N, N, Y, N]),
    ],
)
def test_each_fault_of_a_sequence_is_told_apart(faults, expected):
    assert outcome(SequenceSpec(field="seq", faults=faults).build(), rows_of([1, 2, 2, 4, 3, 4])) == expected


def test_a_sequence_may_have_another_step():
    assert outcome(SequenceSpec(field="seq", step=10).build(), rows_of([10, 20, 25, 35])) == [U, N, Y, N]


def test_each_key_has_an_order_of_its_own_across_batches():
    check = SequenceSpec(field="seq", by=("device",)).build()
    assert outcome(check, rows_of([1, 7, 2, 8], ["a", "b", "a", "b"])) == [U, U, N, N]
    assert outcome(check, rows_of([9, 3, 1], ["b", "a", "c"])) == [N, N, U]


@pytest.mark.parametrize("by", [None, ("device",)])
def test_each_partition_has_an_order_of_its_own(by):
    check = MonotonicSpec(field="seq", by=by).build()
    assert outcome(check, rows_of([5], ["a"])) == [U]
    assert outcome(check, rows_of([1], ["a"], TopicPartition("t", 1))) == [U]
    assert outcome(check, rows_of([2], ["a"], TopicPartition("t", 1))) == [N]


def test_rows_without_number_or_key_are_passed_over():
    check = MonotonicSpec(field="seq", by=("device",)).build()
    rows = rows_of([1, None, 2, 2.0**53, 1], ["a", "a", None, "a", "a"])
    assert outcome(check, rows) == [U, U, U, U, N]


def test_a_row_that_fails_is_what_the_next_is_compared_with():
    assert outcome(MonotonicSpec(field="seq").build(), rows_of([5, 3, 4])) == [U, Y, N]


def test_the_keys_longest_not_seen_are_forgotten_and_counted():
    check = MonotonicSpec(field="seq", by=("device",), max_keys=2).build()
    outcome(check, rows_of([1, 1], ["a", "b"]))
    outcome(check, rows_of([2, 1], ["a", "c"]))
    assert (len(check.rows.table), check.rows.table.evicted) == (2, 1)
    assert outcome(check, rows_of([0, 0], ["c", "a"])) == [Y, Y]
    assert outcome(check, rows_of([0], ["b"])) == [U]


def test_memory_stays_under_its_cap_however_many_keys_come():
    spec = MonotonicSpec(field="seq", by=("device",), max_keys=1_000)
    check = spec.build()
    for start in range(0, 20_000, 500):
        check.failures(rows_of([1.0] * 500, [f"d{i}" for i in range(start, start + 500)]))
    assert len(check.rows.table) == 1_000
    assert check.rows.table.evicted == 19_000
    assert sum(a.nbytes for a in check.state().values() if isinstance(a, np.ndarray)) <= spec.memory_bytes


def test_an_empty_batch_changes_nothing():
    check = SequenceSpec(field="seq").build()
    assert outcome(check, rows_of([])) == []
    assert len(check.rows.table) == 0


@pytest.mark.parametrize("spec", [MonotonicSpec(field="seq"), SequenceSpec(field="seq")])
def test_a_state_continues_the_check_and_shares_nothing(spec):
    first, second = spec.build(), spec.build()
    outcome(first, rows_of([5]))
    second.load(first.state())
    outcome(first, rows_of([9]))
    assert outcome(second, rows_of([6])) == [N]


@pytest.mark.parametrize(
    "damage",
    [
        {"keys": None},
        {"values": np.zeros(3)},
        {"keys": np.array([2, 1], np.uint64)},
        {"rows": np.array([0, 9], np.int64)},
        {"values": np.zeros(2, np.float32)},
        {"seen": "x"},
    ],
)
def test_a_damaged_state_is_refused(damage):
    check = MonotonicSpec(field="seq", by=("device",)).build()
    outcome(check, rows_of([1, 1], ["a", "b"]))
    with pytest.raises(StoreError, match="reset the checkpoint"):
        MonotonicSpec(field="seq").build().load({**check.state(), **damage})


def test_more_keys_than_the_cap_are_refused_from_the_store():
    check = MonotonicSpec(field="seq", by=("device",)).build()
    outcome(check, rows_of([1, 1], ["a", "b"]))
    with pytest.raises(StoreError):
        MonotonicSpec(field="seq", max_keys=1).build().load(check.state())


def test_names_follow_the_field():
    assert (MonotonicSpec(field="seq").name, SequenceSpec(field="seq").name) == ("seq.monotonic", "seq.sequence")


@pytest.mark.parametrize(
    ("kind", "changed", "says"),
    [
        (MonotonicSpec, {"by": []}, "at least 1"),
        (MonotonicSpec, {"by": ["a", "a"]}, "twice"),
        (MonotonicSpec, {"direction": "up"}, "increasing"),
        (MonotonicSpec, {"max_keys": 0}, "greater than or equal to 1"),
        (SequenceSpec, {"step": 0}, "greater than or equal to 1"),
        (SequenceSpec, {"faults": []}, "at least 1"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(kind, changed, says):
    with pytest.raises(ValidationError, match=says):
        kind.model_validate({"field": "seq", **changed})


def test_fields_that_do_not_fit_are_named_with_what_was_meant():
    fields = {"seq": "integer", "device_id": "category", "amount": "number"}
    found = list(misfits(SequenceSpec(field="seq", by=("device_di",)), fields))
    assert [(m.setting, m.remedy) for m in found] == [("by", "did you mean device_id?")]
    assert [m.setting for m in misfits(SequenceSpec(field="amount"), fields)] == ["field"]
    assert list(misfits(MonotonicSpec(field="amount", by=("device_id",)), fields)) == []
