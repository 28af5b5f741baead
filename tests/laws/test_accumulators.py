"""The laws of every accumulator in the union; a new kind is tested here the day it is added."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.accumulators import AccumulatorSpec, Frame
from monitor.accumulators.languages import Languages
from monitor.accumulators.moments import Moments
from monitor.accumulators.quantiles import Quantiles
from monitor.accumulators.vector import Vectors
from monitor.accumulators.words import words_frame
from monitor.codec import decode, encode, from_json, to_json
from monitor.errors import StoreError
from monitor.hashing import hash_numbers
from monitor.texts.languages import placed_texts
from monitor.types import PRESENCES, Column, Groups, Presence

SPECS = [spec for spec in get_args(get_args(AccumulatorSpec)[0]) if "field" in spec.model_fields]
# What a kind counts; one that is not listed must take both.
TYPES = {
    "moments": ["number"],
    "histogram": ["number"],
    "quantiles": ["number"],
    "log_cells": ["number"],
    "categories": ["text"],
    "text": ["text"],
    "vector": ["vector"],
    "words": ["words"],
    "languages": ["language"],
    "distinct": ["number", "text", "words"],
    "presence": ["number", "text", "vector", "words"],
}
CASES = [
    pytest.param(spec, kind, id=f"{spec.model_fields['kind'].default}-{kind}")
    for spec in SPECS
    for kind in TYPES.get(spec.model_fields["kind"].default, ["number", "text"])
]
WORDS = ["", "DE", "FR", "US", "tail-1", "tail-2", "neu", "Ж", "日本語", "x" * 300, "y" * 255 + "é"]
FRAMES = {
    "number": Frame.of_numbers(np.concatenate([np.random.default_rng(7).normal(0, 3, 400), np.full(200, 1.0)])),
    "text": Frame.of_categories(
        pa.array(["DE"] * 9 + ["FR"] * 7 + ["US"] * 2 + ["tail-1", "tail-2"]), max_categories=3
    ),
    "vector": None,
    "language": Frame.of_categories(pa.array(["en"] * 9 + ["fr"]), max_categories=1),
    "words": words_frame([pa.array([["DE"] * 9 + ["FR"] * 7, ["US"] * 2, ["tail-1"], [], ["tail-2"]])], 3),
}
TWO: dict[str, list[Any]] = {"number": [1.0, 2.0], "text": ["DE", "neu"], "vector": [[1.0, 2.0, 3.0], [0.0, -1.0, 5.0]]}
TWO["words"] = [["DE", "neu"], ["FR"]]
TWO["language"] = ["Where is the nearest railway station?", "Wo ist der nächste Bahnhof, bitte?"]
ARROW = ("text", "words", "language")
laws = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
every_accumulator = pytest.mark.parametrize(("spec", "kind"), CASES)

DIMENSION = 3
finite = st.one_of(
    st.floats(-10, 10),
    st.floats(1e9, 1e9 + 1),
    st.integers(-3, 3).map(float),
    st.sampled_from([0.0, -0.0, 5e-324, 1e-200, 1e12, -1e12, 1.0]),
)
VALUES = {
    "number": finite,
    "text": st.sampled_from(WORDS),
    "vector": st.lists(finite, min_size=DIMENSION, max_size=DIMENSION),
    "words": st.lists(st.sampled_from(WORDS), max_size=4),
    "language": st.sampled_from([*TWO["language"], "", "ok", "Où est la gare la plus proche ?", "駅はどこですか"]),
}


@dataclass(frozen=True)
class Rows:
    """Rows of one column with their groups, and where to cut them."""

    column: Column
    groups: Groups
    cuts: tuple[int, ...]

    def part(self, start: int, end: int) -> tuple[Column, Groups]:
        """Return rows [start, end) without copying them: Arrow arrays come with an offset."""
        values = self.column.values
        values = values[start:end] if isinstance(values, np.ndarray) else values.slice(start, end - start)
        codes = tuple(codes[start:end] for codes in self.groups.codes)
        return Column(values, self.column.presence[start:end]), Groups(self.groups.size, codes)

    def parts(self) -> list[tuple[Column, Groups]]:
        """Return the rows in pieces, some of which may be empty."""
        bounds = [0, *self.cuts, len(self.column)]
        return [self.part(a, b) for a, b in pairwise(bounds)]


def make_column(kind: str, values: list[Any], presence: list[int]) -> Column:
    """Return a column whose unusable rows hold garbage, as decoders may leave it."""
    marks = np.array(presence, np.uint8)
    if kind == "number":
        return Column(np.where(marks == Presence.OK, np.array(values, np.float64), np.nan), marks)
    if kind == "vector":
        vectors = np.array(values, np.float64).reshape(-1, DIMENSION)
        return Column(np.where((marks == Presence.OK)[:, None], vectors, np.nan), marks)
    if kind == "language":
        marked = pa.array(values, pa.string()), hash_numbers(np.arange(float(len(values))))
        return Column(placed_texts(*marked), marks)
    kept = [v if p == Presence.OK else None for v, p in zip(values, presence, strict=True)]
    return Column(pa.array(kept, pa.list_(pa.string()) if kind == "words" else pa.string()), marks)


@st.composite
def rows_of(draw, kind: str, *, dimensions: int | None = None) -> Rows:
    n = draw(st.integers(0, 40))
    values = draw(st.lists(VALUES[kind], min_size=n, max_size=n))
    mark = draw(st.sampled_from([st.just(0), st.just(2), st.integers(0, PRESENCES - 1), st.sampled_from([0, 0, 0, 2])]))
    presence = draw(st.lists(mark, min_size=n, max_size=n))
    size, codes = 1, []
    for _ in range(draw(st.integers(0, 2)) if dimensions is None else dimensions):
        width = draw(st.integers(1, 3))
        codes.append(np.array(draw(st.lists(st.integers(size, size + width - 1), min_size=n, max_size=n)), np.int32))
        size += width
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=3)))
    return Rows(make_column(kind, values, presence), Groups(size, tuple(codes)), tuple(cuts))


def made(spec: Any, field: str = "f") -> Any:
    """Return a Spec of a field; that of vectors has a dimension besides."""
    return spec(field=field, dimension=DIMENSION) if "dimension" in spec.model_fields else spec(field=field)


def build(spec: Any, kind: str, groups: int) -> Any:
    return made(spec).build(FRAMES[kind], groups)


def folded(spec: Any, kind: str, groups: int, *parts: tuple[Column, Groups]) -> Any:
    accumulator = build(spec, kind, groups)
    for column, group in parts:
        accumulator.update(column, group)
    return accumulator


def merged(spec: Any, kind: str, groups: int, *accumulators: Any) -> Any:
    total = build(spec, kind, groups)
    for accumulator in accumulators:
        total.merge(accumulator)
    return total


def view(accumulator: Any) -> dict[str, Any]:
    """Return what an accumulator says, without how it keeps it."""
    moments = getattr(accumulator, "moments", accumulator)
    if isinstance(moments, Moments):
        return {name: getattr(moments, name) for name in ("n", "mean", "m2", "min", "max")}
    if isinstance(accumulator, Languages):
        return {"counts": accumulator.counts}
    if isinstance(accumulator, Vectors):
        parts = {"comoments": accumulator.comoments, "norms": accumulator.norms, "squares": accumulator.squares}
        return {f"{name} {what}": getattr(part, what) for name, part in parts.items() for what in ("n", "mean", "m2")}
    if isinstance(accumulator, Quantiles):
        return {"n": np.array(accumulator.n), "quantiles": accumulator.quantiles(np.array([0.0, 0.25, 0.5, 1.0]))}
    return dict(accumulator.state())


def assert_same(expected: dict[str, Any], actual: dict[str, Any], column: Column) -> None:
    """Integers are equal; floats agree to 1e-12 of themselves, or of the magnitudes that were added up."""
    assert expected.keys() == actual.keys()
    numeric = isinstance(column.values, np.ndarray)
    x = column.valid if numeric else np.array([len(v) for v in column.valid.to_pylist()], np.float64)
    added, squares = float(np.abs(x).sum()), float(np.square(x).sum())
    for name, value in expected.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            slack = 1e-25 * squares + 1e-300 if name.endswith("m2") else 1e-15 * added
            if name == "comoments m2":  # what is off the diagonal is right to the size of what is on it
                slack += 1e-12 * float(value.max(initial=0.0))
            np.testing.assert_allclose(actual[name], value, rtol=1e-12, atol=slack, err_msg=name)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(actual[name], value, err_msg=name)
        else:
            assert actual[name] == value


@every_accumulator
@laws
@given(data=st.data())
def test_chunking_does_not_matter(spec, kind, data):
    rows = data.draw(rows_of(kind))
    whole = folded(spec, kind, rows.groups.size, (rows.column, rows.groups))
    pieces = folded(spec, kind, rows.groups.size, *rows.parts())
    assert_same(view(whole), view(pieces), rows.column)


@every_accumulator
@laws
@given(data=st.data())
def test_merging_parts_equals_folding_them_in_any_order_and_nesting(spec, kind, data):
    rows = data.draw(rows_of(kind))
    size = rows.groups.size
    whole = view(folded(spec, kind, size, (rows.column, rows.groups)))
    parts = [folded(spec, kind, size, part) for part in rows.parts()]
    left = merged(spec, kind, size, *parts)
    right = build(spec, kind, size)
    for part in reversed(parts):
        right = merged(spec, kind, size, part, right)
    for total in (left, right, merged(spec, kind, size, *reversed(parts))):
        assert_same(whole, view(total), rows.column)


@every_accumulator
@laws
@given(data=st.data())
def test_the_empty_is_neutral_to_the_bit(spec, kind, data):
    rows = data.draw(rows_of(kind))
    size = rows.groups.size
    accumulator = folded(spec, kind, size, (rows.column, rows.groups))
    before = encode(view(accumulator))
    accumulator.update(*rows.part(0, 0))
    accumulator.merge(build(spec, kind, size))
    assert encode(view(accumulator)) == before
    assert encode(view(merged(spec, kind, size, accumulator))) == before


@every_accumulator
@laws
@given(data=st.data())
def test_state_survives_json_and_bytes_and_goes_on_as_before(spec, kind, data):
    rows = data.draw(rows_of(kind))
    size, parts = rows.groups.size, rows.parts()
    original = folded(spec, kind, size, *parts[:-1])
    through_json, through_bytes = build(spec, kind, size), build(spec, kind, size)
    through_json.load(from_json(json.loads(json.dumps(to_json(original.state())))))
    through_bytes.load(decode(encode(original.state())))
    assert encode(through_json.state()) == encode(original.state())
    for accumulator in (original, through_json, through_bytes):
        accumulator.update(*parts[-1])
    assert_same(view(original), view(through_json), rows.column)
    assert_same(view(original), view(through_bytes), rows.column)


@every_accumulator
@laws
@given(data=st.data())
def test_lists_instead_of_arrays_are_taken(spec, kind, data):
    rows = data.draw(rows_of(kind))
    original = folded(spec, kind, rows.groups.size, (rows.column, rows.groups))
    listed = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in original.state().items()}
    again = build(spec, kind, rows.groups.size)
    again.load(listed)
    assert encode(again.state()) == encode(original.state())


@every_accumulator
@laws
@given(data=st.data())
def test_the_input_is_neither_changed_nor_kept(spec, kind, data):
    rows = data.draw(rows_of(kind))
    values = rows.column.values.copy() if kind not in ARROW else rows.column.values.to_pylist()
    presence, codes = rows.column.presence.copy(), [c.copy() for c in rows.groups.codes]
    accumulator = folded(spec, kind, rows.groups.size, (rows.column, rows.groups))
    if kind in ARROW:
        assert rows.column.values.to_pylist() == values
    else:
        np.testing.assert_array_equal(rows.column.values, values)
    np.testing.assert_array_equal(rows.column.presence, presence)
    for before, after in zip(codes, rows.groups.codes, strict=True):
        np.testing.assert_array_equal(before, after)
    said = encode(view(accumulator))
    rows.column.presence[:] = 3
    if kind == "number":
        np.testing.assert_array_equal(rows.column.sorted, np.sort(rows.column.sorted))
        rows.column.sorted[:] = 77.0
    if kind not in ARROW:
        rows.column.values[:] = 77.0
    for c in rows.groups.codes:
        c[:] = 1
    assert encode(view(accumulator)) == said


@every_accumulator
@laws
@given(data=st.data())
def test_the_other_side_of_a_merge_is_neither_changed_nor_kept(spec, kind, data):
    rows = data.draw(rows_of(kind))
    size = rows.groups.size
    other = folded(spec, kind, size, (rows.column, rows.groups))
    said = encode(view(other))
    total = merged(spec, kind, size, other)
    total.update(rows.column, rows.groups)
    total.merge(total_again := merged(spec, kind, size, other))
    total_again.update(rows.column, rows.groups)
    assert encode(view(other)) == said


@every_accumulator
@laws
@given(data=st.data())
def test_a_state_shares_no_memory(spec, kind, data):
    rows = data.draw(rows_of(kind))
    accumulator = folded(spec, kind, rows.groups.size, (rows.column, rows.groups))
    taken = accumulator.state()
    said = encode(accumulator.state())
    again = build(spec, kind, rows.groups.size)
    again.load(taken)
    for value in taken.values():
        if isinstance(value, np.ndarray):
            value[...] = 9
    assert encode(accumulator.state()) == said
    assert encode(again.state()) == said


def _per_group(value: Any) -> bool:
    """Return whether a value of one group has that group on its leading axis."""
    return value.shape[:1] == (1,) if isinstance(value, np.ndarray) else isinstance(value, list) and len(value) == 1


@every_accumulator
@laws
@given(data=st.data())
def test_all_groups_at_once_equal_one_accumulator_each(spec, kind, data):
    rows = data.draw(rows_of(kind, dimensions=2))
    size = rows.groups.size
    together = view(folded(spec, kind, size, (rows.column, rows.groups)))
    for group in range(size):
        mine = np.ones(len(rows.column), bool) if group == 0 else np.zeros(len(rows.column), bool)
        for codes in rows.groups.codes:
            mine |= codes == group
        column = rows.column.take(np.flatnonzero(mine))
        alone = view(folded(spec, kind, 1, (column, Groups())))
        segmented = {k: v for k, v in alone.items() if _per_group(v)}
        assert_same(segmented, {k: together[k][group : group + 1] for k in segmented}, rows.column)
        if group == 0:
            rest = alone.keys() - segmented.keys()
            assert_same({k: alone[k] for k in rest}, {k: together[k] for k in rest}, rows.column)


@every_accumulator
def test_state_that_does_not_fit_is_refused_and_nothing_is_changed(spec, kind):
    column = make_column(kind, TWO[kind], [0, 0])
    accumulator = folded(spec, kind, 3, (column, Groups(3, (np.array([1, 2], np.int32),))))
    good = accumulator.state()
    for name in good:
        for broken in (None, "nonsense", [[1, 2], [3]], np.zeros((2, 2, 2)), b"\x01\x02"):
            with pytest.raises(StoreError):
                accumulator.load({**good, name: broken})
        with pytest.raises(StoreError):
            accumulator.load({k: v for k, v in good.items() if k != name})
    assert encode(accumulator.state()) == encode(good)


@every_accumulator
def test_specs_are_told_apart_and_hashable(spec, kind):
    one, two = made(spec), made(spec, "g")
    assert {one: 1, two: 2}[made(spec)] == 1
    assert type(spec.model_validate(one.model_dump())) is spec


@every_accumulator
def test_without_a_baseline_rows_are_still_taken(spec, kind):
    accumulator = made(spec).build(None, 1)
    accumulator.update(make_column(kind, TWO[kind], [0, 0]), Groups())
    again = made(spec).build(None, 1)
    again.load(accumulator.state())
    assert encode(again.state()) == encode(accumulator.state())
