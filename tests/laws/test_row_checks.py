"""Laws that every row check obeys on any column: parametrised over the union, so a new kind is tested at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.types import Batch, Column, Presence
from tests.support.checks import batch, built, cases, kinds, masks

CASES = cases()
TOLD = [
    "", " ", "\t\u00a0", "a", "A", "abc", "N/A", "-999", "1e5", "007", "1970-01-01", "2024-02-29",
    "2023-02-29T00:00:00Z", "DE", "EUR", "+491701234567", "a@b.de", "a.b", "::1", "1.2.3.4", "1.0.0-rc.1",
    "https://a.de/?q#f", "4111111111111111", "DE89370400440532013000", "6f1c2a3e-0000-4000-8000-00000000000f",
    "é", "𝒳𝒴", "a\u0301", "\x00", "a\nb", "\u202e", "x" * 300,
]  # fmt: skip
each_check = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].name}-{case[1]}")


@st.composite
def columns(draw: Any, kind: str, rows: int) -> Column:
    """Draw a column of any content and presence, often a slice out of longer arrays."""
    presence = draw(st.lists(st.sampled_from([Presence.OK, Presence.OK, *Presence]), min_size=rows, max_size=rows))
    before, after = draw(st.sampled_from([(0, 0), (0, 3), (2, 0), (5, 1)]))
    if kind in ("number", "integer"):
        whole = st.integers(-(10**6), 10**6).map(float)
        number = whole if kind == "integer" else st.floats(allow_nan=False, allow_infinity=False) | whole
        drawn = [draw(number if p is Presence.OK else st.floats()) for p in presence]
        values: Any = np.array([7.0] * before + drawn + [8.0] * after)
    else:
        usual = st.sampled_from(["true", "false"]) if kind == "boolean" else st.sampled_from(TOLD) | st.text(max_size=8)
        texts = [draw(usual if p is Presence.OK else st.none() | usual) for p in presence]
        values = pa.array(["ä"] * before + texts + ["b"] * after, pa.string())
    return Column(values[before : before + rows], np.array(presence, np.uint8))


@st.composite
def batches(draw: Any, kind: str) -> Batch:
    """Draw a batch of two columns of a type, with or without Kafka timestamps."""
    rows = draw(st.integers(0, 12))
    times = st.lists(st.sampled_from([-1, 0, 1, 10**6, 1_709_164_800_000]), min_size=rows, max_size=rows)
    drawn = batch(x=draw(columns(kind, rows)), y=draw(columns(kind, rows)))
    return replace(drawn, timestamps_ms=np.array(draw(times), np.int64), event_times_ms=np.array(draw(times), np.int64))


def contents(rows: Batch) -> list[Any]:
    """Return everything in a batch's columns as plain values."""
    return [(repr(c.values.tolist()), c.presence.tolist()) for c in rows.columns.values()]


def test_every_kind_of_row_check_is_tried():
    assert {spec.kind for spec, _ in CASES} == set(kinds())


@each_check
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_check_answers_for_its_rows_only_whatever_is_in_them(case, data):
    """It never raises, fails no row that it does not evaluate, and gives the same answer for the rows in parts."""
    spec, kind = case
    rows = data.draw(batches(kind))
    before = contents(rows)
    failed, evaluated = masks(built(spec, kind), rows)
    assert contents(rows) == before
    cut = data.draw(st.integers(0, len(rows)))
    parts = [masks(built(spec, kind), rows.take(part)) for part in np.split(np.arange(len(rows)), [cut])]
    assert np.concatenate([part[0] for part in parts]).tolist() == failed.tolist()
    assert np.concatenate([part[1] for part in parts]).tolist() == evaluated.tolist()


@each_check
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_what_stands_in_an_unusable_row_is_not_read(case, data):
    spec, kind = case
    rows = data.draw(batches(kind))
    other = {}
    for path, column in rows.columns.items():
        if isinstance(column.values, np.ndarray):
            values: Any = np.where(column.ok, column.values, data.draw(st.floats()))
        else:
            filler = data.draw(st.sampled_from(["", "1970-01-01", None]))
            pairs = zip(column.values.to_pylist(), column.ok.tolist(), strict=True)
            values = pa.array([value if ok else filler for value, ok in pairs], pa.string())
        other[path] = Column(values, column.presence)
    first, second = masks(built(spec, kind), rows), masks(built(spec, kind), replace(rows, columns=other))
    assert [m.tolist() for m in first] == [m.tolist() for m in second]


@each_check
def test_an_empty_batch_fails_nothing(case):
    spec, kind = case
    nothing = np.zeros(0) if kind in ("number", "integer") else pa.array([], pa.string())
    failed, evaluated = masks(built(spec, kind), batch(x=nothing, y=nothing))
    assert failed.tolist() == evaluated.tolist() == []


@each_check
def test_only_what_has_a_name_and_a_tolerance_is_judged(case):
    spec = built(*case).spec
    assert spec.name
    assert isinstance(spec.field, str)
    assert 0 <= spec.max_failure_ratio <= 1
    assert spec.severity in ("warning", "critical")
