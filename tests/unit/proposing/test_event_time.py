"""Which field is taken for the event time, and how fast rows come by it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from monitor.errors import SurroundingsError
from monitor.proposing.event_time import event_time_of
from monitor.proposing.pace import pace_of
from monitor.proposing.shape import leaves
from monitor.proposing.table import Table, survey, tabled
from tests.support.proposals import START_MS, gathered

N = 200


def table_of(records: list[dict[str, object]], timestamps_ms: list[int] | None = None) -> Table:
    held = gathered(*records, timestamps_ms=timestamps_ms)
    return tabled(held, leaves(survey(held).shape)[0])


@pytest.mark.parametrize(
    ("unit", "spelled"),
    [
        ("s", lambda ms: ms // 1000),
        ("ms", lambda ms: ms),
        ("us", lambda ms: ms * 1000),
        ("ns", lambda ms: ms * 1_000_000),
        ("iso8601", lambda ms: datetime.fromtimestamp(ms / 1000, UTC).isoformat()),
    ],
)
def test_the_unit_follows_from_the_values(unit, spelled):
    time = event_time_of(table_of([{"ts": spelled(START_MS + 1000 * i), "n": i} for i in range(N)]))
    assert (time.field, time.unit) == ("ts", unit)
    assert time.times_ms.tolist() == [START_MS + 1000 * i for i in range(N)]


def test_the_likeliest_name_is_taken_and_the_others_are_mentioned():
    records = [{"created_at": START_MS + i, "meta": {"event_time": START_MS + i}, "phone": START_MS} for i in range(N)]
    time = event_time_of(table_of(records))
    assert (time.field, time.others) == ("meta.event_time", ("created_at (ms)",))


def test_a_number_whose_name_says_nothing_is_no_time():
    table = table_of(
        [{"phone": START_MS // 1000 + i} for i in range(N)], timestamps_ms=[START_MS + i for i in range(N)]
    )
    time = event_time_of(table)
    assert time.field is None
    assert "Kafka timestamps" in time.why


def test_a_field_that_is_often_missing_is_no_time():
    with pytest.raises(SurroundingsError, match="--time-field"):
        event_time_of(table_of([{"event_time": START_MS if i % 2 else None, "n": i} for i in range(N)]))


def test_a_field_that_is_asked_for_must_hold_times():
    table = table_of([{"when": START_MS + i, "n": i} for i in range(N)])
    assert event_time_of(table, "when").field == "when"
    with pytest.raises(SurroundingsError, match="n holds no plausible times"):
        event_time_of(table, "n")


def test_lateness_covers_the_disorder_seen():
    times = START_MS + 1000 * np.arange(N)
    times[50] -= 40_000
    table = table_of([{"event_time": int(ms)} for ms in times])
    pace = pace_of(table, event_time_of(table))
    assert (pace.disorder_ms, pace.lateness_ms, pace.late) == (39_000, 300_000, 0)


@pytest.mark.parametrize(("step_ms", "size_ms"), [(100, 60_000), (1000, 300_000), (10_000, 3_600_000)])
def test_a_window_is_long_enough_for_its_rows(step_ms, size_ms):
    table = table_of([{"event_time": START_MS + step_ms * i} for i in range(5000)])
    pace = pace_of(table, event_time_of(table))
    assert pace.size_ms == size_ms
    assert set(pace.counts) == {size_ms // step_ms}


def test_a_long_gap_does_not_count_as_empty_windows():
    times = [START_MS + 100 * i + (10**9 if i > 3000 else 0) for i in range(5000)]
    table = table_of([{"event_time": ms} for ms in times])
    pace = pace_of(table, event_time_of(table))
    assert (pace.size_ms, set(pace.counts)) == (60_000, {600})


def test_one_clock_that_is_wrong_does_not_decide_the_windows():
    times = [START_MS + 100 * i for i in range(5000)]
    times[2500] = 2_500_000_000_000
    table = table_of([{"event_time": ms} for ms in times])
    pace = pace_of(table, event_time_of(table))
    assert (pace.size_ms, pace.typical) == (60_000, 600)
