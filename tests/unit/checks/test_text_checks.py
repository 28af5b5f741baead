"""Checks of texts and of missing values: what each takes for a failure, and which rows it looks at."""

from __future__ import annotations

import sys

import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.checks import (
    CheckSpec,
    EmptySpec,
    FormatSpec,
    LengthSpec,
    MissingSpec,
    NumericTextSpec,
    PlaceholderSpec,
    RegexSpec,
)
from monitor.types import Presence
from tests.support.checks import batch, failing

P = Presence
ALL = list(Presence)
ADAPTER = TypeAdapter(CheckSpec)
TEXT_CHECKS = [
    EmptySpec(field="x"),
    RegexSpec(field="x", pattern="a"),
    LengthSpec(field="x", min=9),
    NumericTextSpec(field="x"),
    FormatSpec(field="x", format="uuid"),
]


def fails(spec, texts):
    """Return which of the texts fail, all being usable."""
    failed, evaluated = failing(spec, batch(x=pa.array(texts, pa.string())))
    assert all(evaluated)
    return [text for text, bad in zip(texts, failed, strict=True) if bad]


def test_missing_fails_absent_and_null_rows_and_evaluates_all():
    failed, evaluated = failing(MissingSpec(field="x"), batch(x=([1.0] * 7, ALL)))
    assert failed == [p in (P.ABSENT, P.NULL) for p in ALL]
    assert evaluated == [True] * 7


@pytest.mark.parametrize("spec", TEXT_CHECKS, ids=lambda spec: spec.kind)
def test_a_check_of_texts_evaluates_usable_ones_only(spec):
    bad = {"empty": " ", "numeric_text": "12"}.get(spec.kind, "b")
    failed, evaluated = failing(spec, batch(x=([bad] * 7, ALL)))
    assert failed == evaluated == [p == P.OK for p in ALL]


@pytest.mark.parametrize("spec", TEXT_CHECKS, ids=lambda spec: spec.kind)
def test_a_check_of_texts_refuses_numbers(spec):
    with pytest.raises(TypeError, match="number field"):
        spec.build().failures(batch(x=[1.0]))


@pytest.mark.parametrize(
    "spec", [*TEXT_CHECKS, MissingSpec(field="x"), PlaceholderSpec(field="x")], ids=lambda s: s.kind
)
def test_a_column_that_is_not_there_is_a_key_error(spec):
    with pytest.raises(KeyError):
        spec.build().failures(batch(y=["a"]))


def test_empty_fails_texts_of_nothing_but_whitespace():
    assert fails(EmptySpec(field="x"), ["", " ", "\t\r\n", "\u00a0\u3000", "a", " a ", "\u200b", "0"]) == [
        "",
        " ",
        "\t\r\n",
        "\u00a0\u3000",
    ]


def test_empty_knows_the_whitespace_that_python_knows():
    # U+001C to U+001F are separators to Python, and whitespace to Unicode's table of old; Arrow agrees with Python.
    letters = [chr(point) for point in range(1, sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]
    assert fails(EmptySpec(field="x"), letters) == [letter for letter in letters if letter.isspace()]


def test_length_counts_characters_and_not_bytes():
    assert fails(LengthSpec(field="x", min=2, max=3), ["", "é", "é𝒳", "日本語", "日本語文"]) == ["", "é", "日本語文"]
    assert fails(LengthSpec(field="x", min=1), ["", "a"]) == [""]
    assert fails(LengthSpec(field="x", max=0), ["", "a"]) == ["a"]


def test_regex_matches_the_whole_text():
    assert fails(RegexSpec(field="x", pattern="a|ab"), ["a", "ab", "abc", "ba", "", "a\n"]) == ["abc", "ba", "", "a\n"]


def test_regex_has_the_syntax_of_re2():
    assert fails(RegexSpec(field="x", pattern="(?i)straße"), ["STRAßE", "strasse"]) == ["strasse"]
    assert fails(RegexSpec(field="x", pattern="de", ignore_case=True), ["DE", "fr"]) == ["fr"]
    assert fails(RegexSpec(field="x", pattern=r"\d+"), ["12", "١٢"]) == ["١٢"]
    assert fails(RegexSpec(field="x", pattern="a.b"), ["a𝒳b", "a\nb"]) == ["a\nb"]
    assert fails(RegexSpec(field="x", pattern="(?s)a.b"), ["a\nb"]) == []
    assert fails(RegexSpec(field="x", pattern="^a$"), ["a", "a\n"]) == ["a\n"]


@pytest.mark.parametrize(
    "pattern", ["", "(", "a)(b", "[", r"(?=a)", r"(a)\1", "a" * 10_001, "(a{1000}){1000}", r"\Qa", "\\"]
)
def test_a_pattern_that_is_not_one_is_refused(pattern):
    with pytest.raises(ValidationError):
        RegexSpec(field="x", pattern=pattern)


def test_numbers_in_disguise_are_found():
    numbers = ["0", "12", "-3", "+4.50", "1.", ".5", "1e6", "1E-3", " 7 ", "0.0", "7\n"]
    others = [
        "",
        " ",
        "007",
        "00501",
        "1,000",
        "1 000",
        "0x1f",
        "nan",
        "inf",
        "1e",
        "e5",
        ".",
        "-",
        "1.2.3",
        "٣",
        "12a",
    ]
    assert fails(NumericTextSpec(field="x"), numbers + others) == numbers


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "missing"},
        {"kind": "missing", "field": "x", "max_failure_ratio": -0.1},
        {"kind": "empty", "field": "x", "trim": True},
        {"kind": "length", "field": "x"},
        {"kind": "length", "field": "x", "min": 2, "max": 1},
        {"kind": "length", "field": "x", "min": -1},
        {"kind": "regex", "field": "x"},
        {"kind": "format", "field": "x", "format": "phone"},
        {"kind": "format", "field": "x"},
        {"kind": "placeholder", "field": "x", "numbers": [float("nan")]},
        {"kind": "placeholder", "field": "x", "dates": ["1970"]},
        {"kind": "placeholder", "field": "x", "dates": [], "texts": [], "numbers": []},
    ],
)
def test_a_wrong_setting_is_refused(wrong):
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(wrong)
