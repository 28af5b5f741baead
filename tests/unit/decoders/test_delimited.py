"""What is particular to delimited lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.decoders import DecodePlan, DelimitedSpec
from monitor.types import Presence
from tests.support.formats import balanced, fetch_of, told, usable

TEXTS = DecodePlan({"a": "text", "b": "text"})
NUMBERS = DelimitedSpec(columns=("a", "b")).build(DecodePlan({"b": "number"}))
ANY_TEXT = DelimitedSpec(columns=("a", "b"), null_values=("never",)).build(TEXTS)


def decode(values, plan=TEXTS, columns=("a", "b"), **settings):
    fetch = fetch_of(values)
    decoded = DelimitedSpec(columns=columns, **settings).build(plan).decode(fetch)
    assert balanced(fetch, decoded)
    return decoded


def texts(decoded):
    return list(zip(*(usable(decoded.batch.columns[name]) for name in ("a", "b")), strict=True))


def test_a_line_end_inside_quotes_moves_no_other_record():
    decoded = decode([b"1,x", b'2,"y\nz,"', b"3,w"])
    assert texts(decoded) == [("1", "x"), ("2", "y\nz,"), ("3", "w")]


def test_quotes_that_do_not_match_spoil_their_own_record_only():
    decoded = decode([b'1,"x', b'2,y"', b'"3","z"', b'4,"w" ', b'5,a"b"', b"6,v"])
    assert told(decoded)["rejects"] == [(0, "malformed"), (3, "malformed")]
    assert texts(decoded) == [("2", 'y"'), ("3", "z"), ("5", 'a"b"'), ("6", "v")]


def test_two_lines_in_one_record_are_a_reject():
    decoded = decode([b"1,x\n2,y", b"1,x\r2,y", b"3,z\n", b"4,w\r\n"])
    assert told(decoded)["rejects"] == [(0, "malformed"), (1, "malformed")]
    assert texts(decoded) == [("3", "z"), ("4", "w")]


def test_another_number_of_columns_is_a_reject():
    decoded = decode([b"1", b"1,2,3", b"", b"1,2", b'"1"', b'"1","2","3"'])
    assert told(decoded)["rejects"] == [(i, "column_count") for i in (0, 1, 2, 4, 5)]


def test_a_record_that_names_the_columns_is_filtered():
    decoded = decode([b"a,b", b"1,2", b"a,b\n", b"A,b"])
    assert (decoded.filtered, texts(decoded)) == (2, [("1", "2"), ("A", "b")])


def test_tabs_may_delimit():
    decoded = decode([b"1\tx,y", b'2\t"z\t"'], delimiter="\t")
    assert texts(decoded) == [("1", "x,y"), ("2", "z\t")]


def test_null_values_can_be_chosen():
    decoded = decode([b"N/A,", b",x"], null_values=("N/A", "\\N"))
    assert told(decoded)["presence"] == {"a": [Presence.NULL, 0], "b": [0, 0]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("-1.50", -1.5),
        ("+2", 2.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1E-2", 0.01),
        ("007", 7.0),
        ("1e999", None),
        ("nan", None),
        ("-Infinity", None),
        ("1,0", "wrong"),
        (" 1", "wrong"),
        ("1_000", "wrong"),
        ("0x10", "wrong"),
        ("1 EUR", "wrong"),
        ("++1", "wrong"),
        ("1e", "wrong"),
        ("١", "wrong"),
        ("true", "wrong"),
    ],
)
def test_a_number_is_what_reads_as_one_in_full(text, value):
    column = decode([f"x;{text}".encode()], DecodePlan({"b": "number"}), delimiter=";").batch.columns["b"]
    if value is None:
        assert column.presence[0] in (Presence.NAN, Presence.POSITIVE_INFINITY, Presence.NEGATIVE_INFINITY)
    elif value == "wrong":
        assert column.presence.tolist() == [Presence.WRONG_TYPE]
    else:
        assert usable(column) == [value]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(), min_size=1, max_size=20))
def test_any_float_is_read_back_exactly(numbers):
    column = NUMBERS.decode(fetch_of([f"x,{x!r}".encode() for x in numbers])).batch.columns["b"]
    assert usable(column) == [x for x in numbers if abs(x) < float("inf")]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.from_regex(r"[-+]?[0-9.]{0,400}([eE][-+]?[0-9]{0,5})?", fullmatch=True), min_size=1, max_size=10))
def test_nothing_that_looks_like_a_number_raises(numbers):
    fetch = fetch_of([f"x,{x}".encode() for x in numbers])
    assert balanced(fetch, NUMBERS.decode(fetch))


def test_booleans_are_true_and_false_in_any_case():
    column = decode([b"1,True", b"1,FALSE", b"1,1", b"1,yes", b"1,"], DecodePlan({"b": "boolean"})).batch.columns["b"]
    assert usable(column) == ["true", "false"]
    assert column.presence.tolist() == [0, 0, Presence.WRONG_TYPE, Presence.WRONG_TYPE, Presence.NULL]


def test_columns_that_nobody_asked_for_are_said():
    assert decode([b"1,2"], DecodePlan({"a": "text"})).unknown_fields == ("b",)


def test_a_value_longer_than_pythons_limit_is_read():
    long = "x" * 200_000
    assert texts(decode([f'1,"{long}"'.encode()])) == [("1", long)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2), max_size=8))
def test_any_texts_survive_being_quoted(rows):
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row).encode() for row in rows]
    assert texts(ANY_TEXT.decode(fetch_of(lines))) == [tuple(row) for row in rows]


@pytest.mark.parametrize(
    "settings",
    [
        {"columns": ()},
        {"columns": ("a", "a")},
        {"columns": ("a",), "delimiter": '"'},
        {"columns": ("a",), "delimiter": ""},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings):
    with pytest.raises(ValidationError):
        DelimitedSpec(**settings)
