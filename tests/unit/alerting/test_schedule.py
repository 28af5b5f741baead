"""Schedules of maintenance windows, also in the nights in which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.schedule import Once, Weekly

BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = tuple(range(7))
HOUR_MS = 3_600_000


def ms(text: str, zone: ZoneInfo | None = None) -> int:
    moment = datetime.fromisoformat(text)
    return round(moment.replace(tzinfo=zone or UTC).timestamp() * 1000)


def nightly(start: str = "02:30", hours: float = 2, days: tuple[int, ...] = EVERY_DAY) -> Weekly:
    return Weekly(days, time.fromisoformat(start), round(hours * HOUR_MS), BERLIN)


def span(window: Weekly, day: str) -> tuple[str, str]:
    """Return when the window that begins on a day is on, in UTC, by trying every ten minutes of four days."""
    first_ms = ms(f"{day}T00:00", BERLIN)
    on = [at for at in range(first_ms, first_ms + 96 * HOUR_MS, 600_000) if window.until_ms(at) is not None]
    end_ms = window.until_ms(on[0])
    assert end_ms is not None
    assert on == list(range(on[0], end_ms, 600_000)), "on from its start to its end, and not else"
    return tuple(datetime.fromtimestamp(each / 1000, UTC).isoformat()[:16] for each in (on[0], end_ms))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("weekday", "day", "expected"),
    [
        # winter, UTC+1; summer, UTC+2
        (2, "2026-01-14", ("2026-01-14T01:30", "2026-01-14T03:30")),
        (2, "2026-07-15", ("2026-07-15T00:30", "2026-07-15T02:30")),
        # clocks jump from 02:00 to 03:00: 02:30 is skipped, the window is on from 03:30 for two hours
        (6, "2026-03-29", ("2026-03-29T01:30", "2026-03-29T03:30")),
        # clocks go from 03:00 back to 02:00: the first 02:30 counts, and two hours are two hours
        (6, "2026-10-25", ("2026-10-25T00:30", "2026-10-25T02:30")),
    ],
)
def test_the_start_is_what_clocks_show_and_the_duration_is_what_passes(weekday, day, expected):
    assert span(nightly(days=(weekday,)), day) == expected


def test_a_window_reaches_over_midnight_and_over_days():
    weekend = nightly("22:00", 50, days=(4,))
    assert span(weekend, "2026-06-05") == ("2026-06-05T20:00", "2026-06-07T22:00")
    assert weekend.until_ms(ms("2026-06-09T12:00")) is None


def test_only_the_days_it_names_have_a_window():
    mondays = nightly("02:30", 1, days=(0,))
    assert mondays.until_ms(ms("2026-06-08T02:45", BERLIN)) is not None
    assert mondays.until_ms(ms("2026-06-09T02:45", BERLIN)) is None


def test_once_is_on_from_its_start_and_no_longer_at_its_end():
    once = Once(1_000, 2_000)
    assert [once.until_ms(at) for at in (999, 1_000, 1_999, 2_000)] == [None, 2_000, 2_000, None]


@given(
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]),
    st.integers(0, 1439),
    st.integers(1, 23),
    st.integers(ms("2025-01-01T00:00"), ms("2027-12-31T00:00")),
)
def test_a_window_lasts_as_long_as_it_says_wherever_clocks_change(zone, minute, hours, at_ms):
    window = Weekly(EVERY_DAY, time(minute // 60, minute % 60), hours * HOUR_MS, ZoneInfo(zone))
    until_ms = window.until_ms(at_ms)
    if until_ms is None:
        return
    assert at_ms < until_ms <= at_ms + hours * HOUR_MS
    start_ms = until_ms - hours * HOUR_MS
    assert window.until_ms(start_ms) is not None
    assert window.until_ms(until_ms - 1) == until_ms
