"""Event times in every unit, and what makes one implausible."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monitor.decoders import EventTimePlan
from tests.support.decoding import NOW_MS, decode, reasons

NEVER_AHEAD_MS = 10**15


def times_of(tokens, unit, **fetch):
    """Return the event times of rows and the reasons of rejects."""
    records = [f'{{"m":{{"t":{token}}}}}'.encode() for token in tokens]
    decoded = decode(records, {}, EventTimePlan("m.t", unit, NEVER_AHEAD_MS), **fetch)
    return decoded.batch.event_times_ms.tolist(), reasons(decoded)


@pytest.mark.parametrize(
    ("unit", "token", "expected"),
    [
        ("ms", "1763700000123", 1763700000123),
        ("ms", "1763700000123.999", 1763700000123),
        ("ms", "1.7637e12", 1763700000000),
        ("s", "1763700000", 1763700000000),
        ("s", "1763700000.123", 1763700000123),
        ("s", "1763700000.001", 1763700000001),
        ("s", "1763700000.9999", 1763700000999),
        ("us", "1763700000123000", 1763700000123),
        ("us", "1763700000123999", 1763700000123),
        ("us", "1763700000124000", 1763700000124),
        ("ns", "1763700000123000000", 1763700000123),
        ("ns", "1763700000123999000", 1763700000123),
        ("ns", "1763700000001000000", 1763700000001),
    ],
)
def test_units_become_whole_milliseconds_rounded_down(unit, token, expected):
    assert times_of([token], unit) == ([expected], {})


@pytest.mark.parametrize(("unit", "per_ms"), [("s", 0.001), ("us", 1_000), ("ns", 1_000_000)])
def test_every_millisecond_of_a_second_survives_its_unit(unit, per_ms):
    expected = list(range(NOW_MS, NOW_MS + 1_000))
    tokens = [f"{ms / 1000:.3f}" if unit == "s" else str(ms * per_ms) for ms in expected]
    assert times_of(tokens, unit) == (expected, {})


def ms(*args: int) -> int:
    return int(datetime(*args, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", ms(2026, 1, 31, 12)),
        ("2026-01-31T12:00:00", ms(2026, 1, 31, 12)),
        ("2026-01-31 12:00:00", ms(2026, 1, 31, 12)),
        ("2026-01-31T12:00:00+02:00", ms(2026, 1, 31, 10)),
        ("2026-01-31T12:00:00-05:30", ms(2026, 1, 31, 17, 30)),
        ("2026-01-31T12:00:00.123Z", ms(2026, 1, 31, 12) + 123),
        ("2026-01-31T12:00:00.123999+00:00", ms(2026, 1, 31, 12) + 123),
        ("2026-01-31", ms(2026, 1, 31)),
        ("2024-02-29T23:59:59.999Z", ms(2024, 2, 29, 23, 59, 59) + 999),
    ],
)
def test_iso_8601_is_utc_unless_it_says_otherwise(text, expected):
    assert times_of([f'"{text}"'], "iso8601") == ([expected], {})


@pytest.mark.parametrize(
    "token",
    [
        '""',
        '"x"',
        '"now"',
        '"today"',
        '"infinity"',
        '"-infinity"',
        '"epoch"',
        '"12:00:00"',
        '"2026-13-01T00:00:00Z"',
        '"2025-02-29T00:00:00Z"',
        '"2026-01-31T25:00:00Z"',
        '"1969-12-31T23:59:59Z"',
        '"1970-01-01T00:00:00Z"',
        '"10000-01-01T00:00:00Z"',
        '"290000-01-01T00:00:00Z"',
        '"999999999-01-01T00:00:00Z"',
        '"1763700000000"',
        '"2026-01-31T12:00:00Z\\u0000"',
        "1763700000000",
        "true",
        "{}",
        '["2026-01-31T12:00:00Z"]',
    ],
)
def test_what_is_no_iso_8601_time_of_our_era_is_invalid(token):
    assert times_of([token, '"2026-01-31T12:00:00Z"'], "iso8601") == (
        [ms(2026, 1, 31, 12)],
        {0: "event_time_invalid"},
    )


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "iso8601"])
def test_no_time_is_missing_in_every_unit(unit):
    records = [b"{}", b'{"t":null}', b'{"m":1}']
    decoded = decode(records, {}, EventTimePlan("t", unit))
    assert reasons(decoded) == dict.fromkeys(range(3), "event_time_missing")


def test_ahead_is_measured_against_each_records_own_timestamp():
    records = [b'{"t":%d}' % NOW_MS] * 5
    timestamps = [NOW_MS, NOW_MS - 60_000, NOW_MS - 60_001, -1, 0]
    decoded = decode(records, {}, EventTimePlan("t", "ms", 60_000), timestamps_ms=timestamps)
    assert reasons(decoded) == {2: "event_time_ahead"}
    assert decoded.batch.timestamps_ms.tolist() == [NOW_MS, NOW_MS - 60_000, -1, 0]


def test_without_a_path_the_records_timestamp_is_the_event_time():
    decoded = decode([b"{}"] * 4, {}, timestamps_ms=[NOW_MS, -1, 0, 5])
    assert decoded.batch.event_times_ms.tolist() == [NOW_MS, 5]
    assert reasons(decoded) == {1: "event_time_missing", 2: "event_time_missing"}


def test_late_events_are_no_rejects_however_old_they_are():
    assert times_of(["31536000000", "86400000000"], "ms") == ([31_536_000_000, 86_400_000_000], {})


@pytest.mark.parametrize(
    ("token", "unit"), [("1763700000", "ms"), ("1763700000000", "us"), ("1763700000000", "ns"), ("1", "ms")]
)
def test_a_time_in_a_smaller_unit_than_configured_is_no_time_in_1970(token, unit):
    assert times_of([token], unit) == ([], {0: "event_time_invalid"})
