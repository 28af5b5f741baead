"""Values are shown short, finite and honest."""

from __future__ import annotations

import math

import pytest

from monitor.web.text import clock, duration, finite, iso, number, percent, points, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (math.nan, "–"), (math.inf, "–"), (0, "0"), (0.0, "0"), (42, "42"), (0.376, "0.376"), (0.1, "0.1"),
     (1234.5, "1,234"), (-1_234_567, "-1,234,567"), (39.1, "39.1"), (1e-9, "1.00e-09"), (1e300, "1.00e+300")],
)  # fmt: skip
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0, "0 %"),
        (1, "100.0 %"),
        (0.00001, "< 0.01 %"),
        (0.005, "0.50 %"),
        (0.123, "12.3 %"),
    ],
)
def test_what_is_not_zero_never_reads_zero_percent(ratio, text):
    assert percent(ratio) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (math.inf, "–"), (0, "0.0 s"), (0.84, "0.8 s"), (31, "31 s"), (60, "1 min"), (412, "6 min 52 s"),
     (3_600, "1 h"), (7_500, "2 h 5 min"), (90_000, "1 d 1 h"), (-31, "−31 s")],
)  # fmt: skip
def test_durations_have_two_units_at_most(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize("ms", [None, -1, 2**62, 253_402_300_800_000])
def test_a_time_outside_the_calendar_is_nothing(ms):
    assert iso(ms) is None
    assert clock(ms) == "–"


def test_times_are_utc():
    assert iso(0) == "1970-01-01T00:00:00.000Z"
    assert iso(1_795_219_200_123) == "2026-11-21T00:00:00.123Z"
    assert iso(253_402_300_799_999) == "9999-12-31T23:59:59.999Z"
    assert clock(1_795_219_200_123) == "2026-11-21 00:00:00 UTC"


def test_texts_are_cut_and_cleaned():
    assert shown("a\x00\u202e\ud800b") == "a\ufffd\ufffd\ufffdb"
    assert shown("x" * 100) == "x" * 79 + "…"
    assert shown("x" * 80) == "x" * 80


def test_changes_have_a_sign():
    assert points(0.212) == "+21.2"
    assert points(-0.039) == "−3.9"


def test_only_finite_numbers_pass():
    assert [finite(x) for x in (1.5, None, math.nan, math.inf, -math.inf)] == [1.5, None, None, None, None]
