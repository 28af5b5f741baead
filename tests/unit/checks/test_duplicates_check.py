"""The duplicates check: which rows have a key, and which key is whose."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.checks.duplicates import DuplicatesSpec
from monitor.errors import StoreError
from monitor.types import Batch, Column, Presence, TopicPartition

P = Presence


def column(values, presence=None):
    texts = any(isinstance(v, str) for v in values)
    marks = np.array([0] * len(values) if presence is None else presence, np.uint8)
    return Column(pa.array(values, pa.string()) if texts else np.array(values, np.float64), marks)


def batch(columns=None, *, times=None, record_hashes=None):
    n = len(next(iter(columns.values()))) if columns else len(record_hashes)
    numbers = np.arange(n, dtype=np.int64)
    event_times = numbers if times is None else np.array(times, np.int64)
    return Batch(TopicPartition("t", 0), numbers, numbers, event_times, columns or {}, record_hashes)


def outcome(check, rows):
    failed, evaluated = check.failures(rows)
    assert failed.dtype == evaluated.dtype == np.bool_
    assert not (failed & ~evaluated).any()
    return failed.tolist(), evaluated.tolist()


def test_the_second_row_with_a_key_fails_in_the_same_batch_and_in_later_ones():
    check = DuplicatesSpec(key=("id",)).build()
    assert outcome(check, batch({"id": column(["a", "b", "a"])}))[0] == [False, False, True]
    assert outcome(check, batch({"id": column(["c", "b"])}))[0] == [False, True]


def test_every_field_of_the_key_counts_in_its_place():
    check = DuplicatesSpec(key=("from", "to")).build()
    rows = batch({"from": column(["a", "b", "a", "ab", "a"]), "to": column(["b", "a", "c", "", "b"])})
    assert outcome(check, rows)[0] == [False, False, False, False, True]


def test_numbers_and_texts_make_a_key_together():
    check = DuplicatesSpec(key=("shop", "number")).build()
    rows = batch({"shop": column(["x", "x", "y", "x"]), "number": column([1.0, 2.0, 1.0, 1.0])})
    assert outcome(check, rows)[0] == [False, False, False, True]


def test_minus_zero_is_zero():
    assert outcome(DuplicatesSpec(key=("n",)).build(), batch({"n": column([0.0, -0.0])}))[0] == [False, True]


def test_rows_without_any_key_field_are_not_evaluated():
    absence = [P.ABSENT, P.NULL, P.WRONG_TYPE, P.NAN, P.POSITIVE_INFINITY, P.NEGATIVE_INFINITY]
    rows = batch({"id": column([1.0] * 8, [P.OK, *absence, P.OK])})
    failed, evaluated = outcome(DuplicatesSpec(key=("id",)).build(), rows)
    assert evaluated == [True, *[False] * 6, True]
    assert failed == [False] * 7 + [True]


def test_in_a_key_null_is_absent_and_other_absences_are_not():
    marks = [P.NULL, P.ABSENT, P.NAN, P.POSITIVE_INFINITY, P.NEGATIVE_INFINITY, P.NAN]
    rows = batch({"id": column(["a"] * 6), "part": column([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], marks)})
    failed, evaluated = outcome(DuplicatesSpec(key=("id", "part")).build(), rows)
    assert all(evaluated)
    assert failed == [False, True, False, False, False, True]


def test_what_lies_under_a_missing_value_does_not_matter():
    rows = batch({"id": column(["a", "a"]), "part": column(["x", "y"], [P.NULL, P.NULL])})
    assert outcome(DuplicatesSpec(key=("id", "part")).build(), rows)[0] == [False, True]


def test_values_of_a_wrong_type_are_unknown_and_so_are_keys_with_them():
    rows = batch({"id": column(["a", "a"]), "part": column([1.0, 1.0], [P.WRONG_TYPE, P.WRONG_TYPE])})
    assert outcome(DuplicatesSpec(key=("id", "part")).build(), rows) == ([False, False], [False, False])


def test_numbers_beyond_what_float64_tells_apart_are_unknown():
    rows = batch({"id": column([float(2**53 - 1), float(2**53), float(2**53), -float(2**60)])})
    assert outcome(DuplicatesSpec(key=("id",)).build(), rows) == ([False] * 4, [True, False, False, False])


def test_a_key_may_return_after_the_horizon():
    check = DuplicatesSpec(key=("id",), horizon="1m").build()
    rows = batch({"id": column(["a", "a", "a"])}, times=[0, 60_000, 60_000 + 80_001])
    assert outcome(check, rows)[0] == [False, True, False]


def test_the_whole_record_may_be_the_key():
    check = DuplicatesSpec(key="record").build()
    rows = batch(record_hashes=np.array([1, 2, 1], np.uint64))
    assert outcome(check, rows) == ([False, False, True], [True] * 3)
    assert outcome(check, rows)[0] == [True] * 3


def test_the_record_as_key_needs_its_hash():
    with pytest.raises(ValueError, match="not hashed"):
        DuplicatesSpec(key="record").build().failures(batch({"id": column([1.0])}))


def test_an_unknown_column_is_an_error():
    with pytest.raises(KeyError):
        DuplicatesSpec(key=("no",)).build().failures(batch({"id": column([1.0])}))


def test_an_empty_batch_has_no_failures():
    assert outcome(DuplicatesSpec(key=("id",)).build(), batch({"id": column([])})) == ([], [])


def test_the_check_leaves_the_batch_as_it_was():
    hashes, times = np.array([3, 1, 3], np.uint64), np.array([5, 1, 2], np.int64)
    DuplicatesSpec(key="record").build().failures(batch(times=times, record_hashes=hashes))
    assert (hashes.tolist(), times.tolist()) == ([3, 1, 3], [5, 1, 2])


def test_each_build_begins_anew():
    spec, rows = DuplicatesSpec(key=("id",)), batch({"id": column(["a"])})
    assert outcome(spec.build(), rows) == outcome(spec.build(), rows) == ([False], [True])


def test_the_corrected_ratio_takes_out_what_chance_finds():
    check = DuplicatesSpec(key="record", capacity=1_000, false_positive_ratio=0.001, max_failure_ratio=0.1).build()
    assert check.corrected_ratio(5, 100) == pytest.approx(0.05)
    rows = batch(record_hashes=np.random.default_rng(1).integers(0, 2**64, 5_000, np.uint64))
    check.failures(rows)
    p = check.filter.false_positive_ratio
    assert 0.01 < p < 0.9
    corrected = check.corrected_ratio(np.array([0, 100, 50, 0]), np.array([100, 100, 100, 0]))
    assert corrected[:2].tolist() == [0.0, 1.0]
    assert corrected[2] == pytest.approx(max(0.0, (0.5 - p) / (1 - p)))
    assert np.isnan(corrected[3])


def test_state_continues_the_check():
    spec = DuplicatesSpec(key=("id",))
    first, second = spec.build(), spec.build()
    first.failures(batch({"id": column(["a", "b"])}))
    second.load(first.state())
    assert outcome(second, batch({"id": column(["b", "c"])}))[0] == [True, False]


@pytest.mark.parametrize("state", [{}, {"key": ["id"]}, {"key": ["other"], "filter": {}}])
def test_a_state_of_something_else_is_refused(state):
    with pytest.raises(StoreError, match="reset the checkpoint"):
        DuplicatesSpec(key=("id",)).build().load(state)


def test_a_state_of_another_key_is_refused():
    other = DuplicatesSpec(key="record").build()
    with pytest.raises(StoreError, match="another key"):
        DuplicatesSpec(key=("record",)).build().load(other.state())


def test_only_checks_of_one_spec_merge():
    spec = DuplicatesSpec(key=("id",))
    first, second = spec.build(), spec.build()
    first.failures(batch({"id": column(["a"])}))
    second.failures(batch({"id": column(["b"])}))
    first.merge(second)
    assert outcome(first, batch({"id": column(["a", "b", "c"])}))[0] == [True, True, False]
    with pytest.raises(ValueError, match="different Specs"):
        first.merge(DuplicatesSpec(key="record").build())


def test_the_example_of_the_configuration_is_taken():
    written = {"kind": "duplicates", "key": ["id"], "horizon": "1h", "max_failure_ratio": 0.001}
    spec = TypeAdapter(DuplicatesSpec).validate_python(written)
    assert spec == DuplicatesSpec(key=("id",))
    assert hash(spec) == hash(DuplicatesSpec(key=("id",)))
    assert spec.fields == ("id",)
    assert DuplicatesSpec(key="record").fields == ()
    assert spec.geometry().filter_bytes < 16 << 20


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"key": "id"}, "record"),
        ({"key": []}, "at least 1"),
        ({"key": ["id", "id"]}, "twice"),
        ({"horizon": "1ms"}, "greater than or equal to 1000"),
        ({"capacity": 0}, "greater than or equal to 1"),
        ({"false_positive_ratio": 0.5}, "less than or equal to 0.01"),
        ({"max_failure_ratio": 0.0}, "chance alone would fail"),
        ({"capacity": 100_000_000}, "above max_bytes"),
    ],
)
def test_a_configuration_that_cannot_hold_is_refused(changed, says):
    with pytest.raises(ValidationError, match=says):
        DuplicatesSpec.model_validate({"key": ["id"], **changed})
