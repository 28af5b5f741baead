"""Values of one topic must be keys of another, as far as it was read."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.checks import ForeignKeySpec, misfits
from monitor.checks.foreign_key import ForeignKey
from monitor.codec import decode, encode
from monitor.errors import StoreError
from monitor.types import Batch, Presence, TopicPartition
from tests.support.checks import batch, column

SPEC = ForeignKeySpec(field="customer", topic="customers", key="id", max_keys=1_000)


def of(topic: str, rows: Batch) -> Batch:
    return replace(rows, partition=TopicPartition(topic, 0))


def keys(*values) -> Batch:
    nothing = column(["" for _ in values], [Presence.ABSENT] * len(values))
    return of("customers", batch(id=list(values), customer=nothing))


def orders(*values, presence=None) -> Batch:
    nothing = column(["" for _ in values], [Presence.ABSENT] * len(values))
    return of("orders", batch(customer=column(list(values), presence), id=nothing))


def failed(check, rows):
    masks = check.failures(rows)
    return [mask.tolist() for mask in masks]


def test_values_that_are_no_key_so_far_fail_and_the_keys_themselves_are_not_judged():
    check = SPEC.build()
    assert failed(check, orders("a", "b")) == [[True, True], [True, True]]
    assert failed(check, keys("a", "c")) == [[False, False], [False, False]]
    assert failed(check, orders("a", "b", "c")) == [[False, True, False], [True, True, True]]
    check.failures(keys("b", "b", "a"))
    assert len(check) == 3
    assert failed(check, orders("b"))[0] == [False]


def test_missing_values_are_for_other_checks():
    check = SPEC.build()
    check.failures(keys("a"))
    rows = orders("a", "x", "x", presence=[Presence.OK, Presence.NULL, Presence.WRONG_TYPE])
    assert failed(check, rows) == [[False, False, False], [True, False, False]]


def test_more_keys_than_allowed_end_the_judging_rather_than_fail_what_is_sound():
    check = ForeignKeySpec(field="customer", topic="customers", key="id", max_keys=2).build()
    check.failures(keys("a", "b", "c"))
    assert failed(check, orders("a", "z")) == [[False, False], [False, False]]
    again = ForeignKeySpec(field="customer", topic="customers", key="id", max_keys=2).build()
    again.load(decode(encode(check.state())))
    assert again.overflown


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=40), st.integers(1, 7))
def test_it_agrees_with_a_set_however_rows_are_cut_and_stored(rows, size):
    check, known, expected, found = SPEC.build(), set(), [], []
    for is_key, number in rows:
        if is_key:
            known.add(number)
        else:
            expected.append(number not in known)
    runs: list[tuple[bool, list[str]]] = []
    for is_key, number in rows:
        if not runs or runs[-1][0] != is_key or len(runs[-1][1]) == size:
            runs.append((is_key, []))
        runs[-1][1].append(str(number))
    for is_key, numbers in runs:
        masks = check.failures(keys(*numbers) if is_key else orders(*numbers))
        found += [] if is_key else masks[0].tolist()
        stored = SPEC.build()
        stored.load(decode(encode(check.state())))
        check = stored
    assert found == expected


def test_it_agrees_with_an_anti_join_in_sql():
    rng = np.random.default_rng(8)
    ids, values = np.unique(rng.integers(0, 5_000, 3_000)).astype(float), rng.integers(0, 5_000, 20_000).astype(float)
    check = ForeignKeySpec(field="customer", topic="customers", key="id", max_keys=10_000).build()
    none = column(np.zeros(ids.size), np.full(ids.size, Presence.ABSENT))
    check.failures(of("customers", batch(id=ids, customer=none)))
    none = column(np.zeros(values.size), np.full(values.size, Presence.ABSENT))
    masks = check.failures(of("orders", batch(customer=values, id=none)))
    with duckdb.connect() as sql:
        sql.register("k", pa.table({"id": ids}))
        sql.register("o", pa.table({"customer": values}))
        ((expected,),) = sql.sql("SELECT count(*) FROM o ANTI JOIN k ON o.customer = k.id").fetchall()
    assert int(masks[0].sum()) == expected
    assert masks[1].all()


@pytest.mark.parametrize(
    "state", [{}, {"keys": [1]}, {"keys": np.array([2, 1], np.uint64)}, {"keys": np.zeros((2, 2), np.uint64)}]
)
def test_a_state_that_does_not_fit_is_refused(state):
    with pytest.raises(StoreError, match="reset the checkpoint"):
        ForeignKey(SPEC).load(state)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"customer": "text"}, "not among the fields"),
        ({"customer": "text", "id": "boolean"}, "needs category or integer"),
        ({"customer": "text", "id": "integer"}, "of type integer, and customer of type text"),
    ],
)
def test_a_key_that_does_not_fit_is_refused(fields, message):
    ((setting, found, _),) = misfits(SPEC, fields)
    assert setting == "key"
    assert message in found
