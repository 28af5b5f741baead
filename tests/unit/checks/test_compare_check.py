"""Comparisons of a field with another or with a constant."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.checks import CheckSpec, CompareSpec, misfits
from monitor.types import Presence
from tests.support.checks import batch, failing

ADAPTER = TypeAdapter(CheckSpec)
TRUE = {"<": [1], "<=": [1, 2], "=": [2], "!=": [1, 3], ">": [3], ">=": [2, 3]}


@pytest.mark.parametrize("op", TRUE)
@pytest.mark.parametrize("right", ["field", "constant"])
def test_numbers_compare_as_numbers(op, right):
    side = {"other": "y"} if right == "field" else {"value": 2}
    rows = batch(x=[1.0, 2.0, 3.0], y=[2.0, 2.0, 2.0])
    failed, _ = failing(CompareSpec(field="x", op=op, **side), rows)
    assert failed == [number not in TRUE[op] for number in (1, 2, 3)]


@pytest.mark.parametrize("op", TRUE)
@pytest.mark.parametrize("right", ["field", "constant"])
def test_texts_compare_by_code_point(op, right):
    side = {"other": "y"} if right == "field" else {"value": "b"}
    rows = batch(x=["B", "b", "ä"], y=["b", "b", "b"])
    failed, _ = failing(CompareSpec(field="x", op=op, **side), rows)
    assert failed == [number not in TRUE[op] for number in (1, 2, 3)]


def test_code_points_order_letters_beyond_the_basic_plane_last():
    assert failing(CompareSpec(field="x", op="<", value="𝒳"), batch(x=["\uffee", "𝒴"]))[0] == [False, True]


def test_booleans_are_equal_or_not():
    rows = batch(x=["true", "false"], y=["true", "true"])
    assert failing(CompareSpec(field="x", op="=", other="y"), rows)[0] == [False, True]
    assert failing(CompareSpec(field="x", op="!=", value=True), rows)[0] == [True, False]


@pytest.mark.parametrize("values", [[1.0] * 7, ["a"] * 7], ids=["numbers", "texts"])
def test_a_row_is_evaluated_when_both_fields_are_usable(values):
    presences = list(Presence)
    one = batch(x=(values, presences), y=values)
    other = batch(x=values, y=(values, presences))
    for rows in (one, other):
        failed, evaluated = failing(CompareSpec(field="x", op="<", other="y"), rows)
        assert failed == evaluated == [p == Presence.OK for p in presences]


def test_a_number_and_a_text_cannot_be_compared():
    with pytest.raises(TypeError, match="not both numbers"):
        CompareSpec(field="x", op="<", other="y").build().failures(batch(x=[1.0], y=["a"]))


def test_a_comparison_is_named_after_what_it_compares():
    assert CompareSpec(field="paid_at", op=">=", other="created_at").name == "paid_at >= created_at"
    assert CompareSpec(field="amount", op=">", value=0).name == "amount > 0"


@pytest.mark.parametrize(
    "wrong",
    [
        {"op": "<"},
        {"op": "<", "other": "y", "value": 1},
        {"op": "==", "other": "y"},
        {"op": "<", "value": float("nan")},
        {"op": "<", "value": float("inf")},
        {"op": "<", "value": 10**400},
        {"other": "y"},
    ],
)
def test_a_wrong_comparison_is_refused(wrong):
    with pytest.raises(ValidationError):
        ADAPTER.validate_python({"kind": "compare", "field": "x", **wrong})


FIELDS = {"n": "number", "i": "integer", "b": "boolean", "c": "category", "t": "text"}


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"field": "n", "op": "<", "other": "i"}, None),
        ({"field": "c", "op": "<", "other": "t"}, None),
        ({"field": "b", "op": "=", "value": True}, None),
        ({"field": "n", "op": "<", "value": 1}, None),
        ({"field": "t", "op": "<", "value": "1"}, None),
        ({"field": "b", "op": "<", "other": "b"}, "op"),
        ({"field": "n", "op": "<", "other": "t"}, "other"),
        ({"field": "n", "op": "<", "other": "N"}, "other"),
        ({"field": "m", "op": "<", "other": "n"}, "field"),
        ({"field": "n", "op": "<", "value": True}, "value"),
        ({"field": "n", "op": "<", "value": "1"}, "value"),
        ({"field": "t", "op": "<", "value": 1}, "value"),
        ({"field": "b", "op": "=", "value": "true"}, "value"),
    ],
)
def test_both_sides_have_to_be_of_one_sort(settings, wrong):
    found = list(misfits(CompareSpec(**settings), FIELDS))
    assert [misfit.setting for misfit in found] == ([wrong] if wrong else [])
