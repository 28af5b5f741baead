"""Placeholders: what stands for a missing value, as text, number and date."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.checks import PlaceholderSpec
from monitor.types import Presence
from tests.support.checks import batch, failing


def fails(values, **settings):
    """Return which of the values are placeholders."""
    failed, _ = failing(PlaceholderSpec(field="x", **settings), batch(x=values))
    return [value for value, bad in zip(values, failed, strict=True) if bad]


def test_the_usual_texts_are_placeholders_in_any_letter_case():
    usual = ["N/A", "n/a", "NA", "null", "NULL", "None", " none ", "-", "--", "Unknown", "?", "nan", "undefined", "TBD"]
    assert fails([*usual, "Nadia", "nullable", "un known", "", "n", "O'Null"]) == usual


def test_the_usual_numbers_are_placeholders():
    usual = [-999.0, -9999.0, 9999.0, 99999.0, -99999.0, 2147483647.0, -2147483648.0, 2.0**63]
    assert fails([*usual, 0.0, -1.0, 999.0, 9998.0, -999.5]) == usual


def test_numbers_are_found_where_a_text_field_has_them():
    assert fails(["-999", "-9999.0", "9999", "999", "-999.00"]) == ["-999", "-9999.0", "9999"]


def test_the_usual_dates_are_placeholders_with_and_without_midnight():
    usual = [
        "1970-01-01",
        "1900-01-01",
        "0001-01-01",
        "1970-01-01T00:00:00Z",
        "1970-01-01 00:00:00",
        "1900-01-01T00:00",
        "0001-01-01T00:00:00.000000+00:00",
        " 1970-01-01 ",
        "0000-00-00",
    ]
    others = ["1970-01-02", "1970-01-01T00:00:01Z", "1970-01-01T01:00:00Z", "1970-01-01T00:00:00+01:00", "x1970-01-01"]
    assert fails([*usual, *others]) == usual


def test_each_list_can_be_replaced_or_emptied():
    assert fails(["void", "N/A", "-1", "2000-01-01", "1970-01-01"], texts=["VOID"], numbers=[-1], dates=[]) == [
        "void",
        "-1",
    ]
    assert fails([0.0, -999.0], numbers=[0]) == [0.0]
    assert fails(["n/a", "2000-01-01"], texts=[], dates=["2000-01-01"]) == ["2000-01-01"]


def test_letters_that_python_and_arrow_lower_differently_still_match():
    assert fails(["İLYAS", "ılyas", "STRASSE", "straße"], texts=["İlyas", "STRAẞE"]) == ["İLYAS", "straße"]


@pytest.mark.parametrize("values", [["-999"] * 7, [-999.0] * 7], ids=["texts", "numbers"])
def test_unusable_values_are_not_looked_at(values):
    failed, evaluated = failing(PlaceholderSpec(field="x"), batch(x=(values, list(Presence))))
    assert failed == evaluated == [p == Presence.OK for p in Presence]


def test_a_number_that_is_no_number_is_not_looked_at():
    failed, _ = failing(PlaceholderSpec(field="x"), batch(x=(np.array([np.nan, -999.0]), [Presence.NAN, Presence.OK])))
    assert failed == [False, True]
