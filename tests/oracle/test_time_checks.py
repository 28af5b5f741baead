"""Checks of times against the datetimes of plain Python, on generated rows."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from monitor.checks import FreshnessSpec, TimeUnitSpec, TimeZoneSpec
from monitor.types import Batch, Presence
from tests.support.checks import batch, failing

ROWS = 3_000
NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
FIELDS = dict.fromkeys(PER_SECOND, "number") | {"iso8601": "text"}


def written(moment: datetime, unit: str) -> Any:
    """Return a moment as the unit's number."""
    return round((moment - EPOCH) / timedelta(microseconds=1)) * PER_SECOND[unit] / 10**6


@cache
def rows() -> tuple[Batch, list[Any]]:
    """Return rows with a column for each unit, and of each row timestamp (or None), event time and the field's time."""
    random_ = random.Random(31)
    offsets = [0, 0, 0, 15, 30, -30, 60, 120, -330, 345, 840, 855, -840, -900, 24 * 60, -(10**6), -(2 * 10**7), 10**7]
    drawn = []
    for number in range(ROWS):
        event = NOW + timedelta(seconds=number, milliseconds=random_.randrange(1000))
        stamp = None if random_.random() < 0.2 else event + timedelta(seconds=random_.choice([0, 1, 59, 60, 61, 900]))
        blur = timedelta(seconds=random_.choice([0, 1, 60, 119, 120, 121, 300, 449, -1, -120, -121, -300]))
        drawn.append((stamp, event, (stamp or event) + timedelta(minutes=random_.choice(offsets)) + blur))
    presence = np.array([random_.choice([Presence.OK] * 9 + list(Presence)) for _ in drawn], np.uint8)
    numbers = {unit: (np.array([written(moment, unit) for *_, moment in drawn]), presence) for unit in PER_SECOND}
    zones = [UTC, timezone(timedelta(hours=2)), timezone(timedelta(minutes=-210))]
    texts = [moment.astimezone(random_.choice(zones)).isoformat() for *_, moment in drawn]
    texts = [random_.choice([text, text, text, "yesterday", ""]) for text in texts]
    built = batch(iso8601=(pa.array(texts, pa.string()), presence), **numbers)
    stamps = [-1 if stamp is None else round(written(stamp, "ms")) for stamp, *_ in drawn]
    events = [round(written(event, "ms")) for _, event, _ in drawn]
    return replace(built, timestamps_ms=np.array(stamps), event_times_ms=np.array(events)), [
        (stamp, event, moment, p == Presence.OK, text not in ("yesterday", ""))
        for (stamp, event, moment), p, text in zip(drawn, presence.tolist(), texts, strict=True)
    ]


def judged(spec: Any, evaluated: list[bool], failed: list[bool]) -> None:
    """Compare with what the check says; some rows must fail, and some not."""
    got = failing(spec, rows()[0], FIELDS)
    assert got[1] == evaluated
    assert got[0] == [a and b for a, b in zip(failed, evaluated, strict=True)]
    assert 0 < sum(got[0]) < sum(got[1])


def test_delays_are_the_difference_of_the_two_times():
    spec = FreshnessSpec(max_delay="1m")
    late = [bool(stamp) and stamp - event > timedelta(minutes=1) for stamp, event, *_ in rows()[1]]
    judged(spec, [stamp is not None for stamp, *_ in rows()[1]], late)


@pytest.mark.parametrize("unit", PER_SECOND)
def test_plausible_times_are_between_two_ends(unit):
    spec = TimeUnitSpec(field=unit, unit=unit, earliest="2023-01-02", max_ahead="90m")
    first, ahead = datetime(2023, 1, 2, tzinfo=UTC), timedelta(minutes=90)
    out = [not first <= moment <= (stamp or event) + ahead for stamp, event, moment, *_ in rows()[1]]
    judged(spec, [ok for *_, ok, _ in rows()[1]], out)


@pytest.mark.parametrize("unit", FIELDS)
def test_a_time_zone_is_a_multiple_of_a_quarter_of_an_hour(unit):
    spec = TimeZoneSpec(field=unit, unit=unit)
    offsets = [timedelta(minutes=minutes) for minutes in range(-840, 841, 15) if abs(minutes) >= 30]

    def off(stamp: datetime | None, moment: datetime) -> bool:
        return stamp is not None and any(abs(moment - stamp - each) <= timedelta(minutes=2) for each in offsets)

    readable = [stamp is not None and ok and (text or unit != "iso8601") for stamp, _, _, ok, text in rows()[1]]
    judged(spec, readable, [off(stamp, moment) for stamp, _, moment, *_ in rows()[1]])
