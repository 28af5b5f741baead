"""Checks of times: wrong units, local time for UTC, late rows; and when they cannot say anything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from monitor.checks import CheckSpec, FreshnessSpec, TimeUnitSpec, TimeZoneSpec, misfits
from tests.support.checks import batch, failing
from tests.support.configurations import changed, configured, problems

ADAPTER = TypeAdapter(CheckSpec)
NOW_MS = 1_714_979_289_000
MINUTE_MS = 60_000


def rows(values, *, timestamps=None, events=None):
    """Return rows of the field `x`, each written at NOW_MS unless said otherwise."""
    n = len(values)
    given = batch(x=pa.array(values) if values and isinstance(values[0], str) else np.array(values, np.float64))
    stamps = np.full(n, NOW_MS, np.int64) if timestamps is None else np.array(timestamps, np.int64)
    return replace(given, timestamps_ms=stamps, event_times_ms=stamps if events is None else np.array(events, np.int64))


def test_seconds_in_a_field_of_milliseconds_are_found_and_the_other_way_round():
    seconds = NOW_MS / 1000
    assert failing(TimeUnitSpec(field="x"), rows([NOW_MS, seconds, NOW_MS * 1e3, 0, -1]))[0] == [False] + [True] * 4
    assert failing(TimeUnitSpec(field="x", unit="s"), rows([seconds, NOW_MS, seconds / 60]))[0] == [False, True, True]


def test_both_ends_of_the_plausible_times_are_plausible():
    spec = TimeUnitSpec(field="x", earliest="2024-01-01", max_ahead="1m")
    first = 1_704_067_200_000
    given = [first - 1, first, NOW_MS + MINUTE_MS, NOW_MS + MINUTE_MS + 1]
    assert failing(spec, rows(given))[0] == [True, False, False, True]


def test_without_a_kafka_timestamp_the_unit_is_held_against_the_event_time():
    spec = TimeUnitSpec(field="x", max_ahead="1m")
    given = rows([NOW_MS, NOW_MS], timestamps=[-1, -1], events=[NOW_MS, NOW_MS - 2 * MINUTE_MS])
    assert failing(spec, given) == ([False, True], [True, True])


@pytest.mark.parametrize(
    ("minutes", "fails"),
    [(0, False), (15, False), (30, True), (-60, True), (330, True), (-840, True), (855, False)],
)
def test_local_time_is_off_by_a_time_zone(minutes, fails):
    for blur in (0, 119_000, -119_000):
        given = rows([NOW_MS + minutes * MINUTE_MS + blur])
        assert failing(TimeZoneSpec(field="x"), given) == ([fails], [True])


def test_a_time_far_from_every_whole_offset_is_an_ordinary_delay():
    given = rows([NOW_MS - 127 * MINUTE_MS, NOW_MS - 52 * MINUTE_MS, NOW_MS - 10**12])
    assert failing(TimeZoneSpec(field="x"), given)[0] == [False] * 3


def test_a_text_without_an_offset_is_taken_for_utc():
    texts = ["2024-05-06T07:08:09", "2024-05-06T09:08:09", "2024-05-06T09:08:09+02:00", "2024-05-06 09:08:09Z", "soon"]
    failed, evaluated = failing(TimeZoneSpec(field="x", unit="iso8601"), rows(texts))
    assert failed == [False, True, False, True, False]
    assert evaluated == [True] * 4 + [False]


def test_without_a_kafka_timestamp_a_time_zone_cannot_be_seen():
    assert failing(TimeZoneSpec(field="x"), rows([NOW_MS], timestamps=[-1])) == ([False], [False])


def test_half_of_the_rows_may_be_off_by_a_time_zone_unless_told_otherwise():
    assert TimeZoneSpec(field="x").max_failure_ratio == 0.5


def test_a_tolerance_that_covers_every_time_is_refused():
    with pytest.raises(ValidationError, match="450000"):
        TimeZoneSpec(field="x", tolerance="450s")


@pytest.mark.parametrize(
    ("unit", "kind", "fits"), [("ms", "integer", True), ("ms", "text", False), ("iso8601", "text", True)]
)
def test_the_fields_type_must_be_the_units(unit, kind, fits):
    found = list(misfits(TimeZoneSpec(field="x", unit=unit), {"x": kind}))
    assert (found == []) is fits
    assert fits or "integer or number" in found[0].message


def test_a_unit_of_numbers_needs_numbers():
    assert list(misfits(TimeUnitSpec(field="x"), {"x": "text"}))


def test_freshness_counts_late_rows_of_any_record_with_a_timestamp():
    events = [NOW_MS, NOW_MS - 5 * MINUTE_MS, NOW_MS - 5 * MINUTE_MS - 1, NOW_MS + 10**9, NOW_MS - 10**9]
    given = rows([1.0] * 5, timestamps=[NOW_MS] * 4 + [-1], events=events)
    spec = ADAPTER.validate_python({"kind": "freshness", "max_delay": "5m"})
    assert failing(spec, given) == ([False, False, True, False, False], [True] * 4 + [False])
    assert (spec.name, spec.field, spec.max_failure_ratio) == ("freshness", "", 0.05)


def test_freshness_is_as_promised_in_the_configuration():
    text = changed(("  - {kind: volume, min", "  - {kind: freshness, max_delay: 5m}\n  - {kind: volume, min"))
    assert configured(text).checks[0] == FreshnessSpec(max_delay=300_000)


def test_freshness_without_an_event_time_of_its_own_is_refused():
    text = changed(
        ("  - {kind: volume, min", "  - {kind: freshness, max_delay: 5m}\n  - {kind: volume, min"),
        ("time: {field: event_time, unit: ms, ", "time: {"),
    )
    (problem,) = problems(text)
    assert (problem.path, problem.remedy) == ("checks[0]", "set time.field, or remove the check")
