"""What the daemon measures about itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import ManualClock
from monitor.meters import DELAY_BOUNDS_S, Histogram, Meters
from monitor.partition import PartitionState
from tests.support.monitors import FIRST_MS, batch_of, record, tp


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def meters(clock):
    return Meters(clock.monotonic_s)


# --- histograms


@given(st.lists(st.integers(-5_000, 10**8), max_size=60))
def test_buckets_are_those_of_numpy_with_upper_bounds_inside(delays_ms):
    histogram = Histogram(DELAY_BOUNDS_S)
    histogram.add_all(np.array(delays_ms[:20], np.int64))
    histogram.add_all(np.array(delays_ms[20:], np.int64))
    values = np.maximum(np.array(delays_ms, np.int64), 0) / 1000
    cells = np.digitize(values, DELAY_BOUNDS_S, right=True)
    assert histogram.counts == np.bincount(cells, minlength=len(DELAY_BOUNDS_S) + 1).tolist()
    assert histogram.sum_s == pytest.approx(values.sum())


@given(st.lists(st.sampled_from([0, 50, 51, 100, 60_000, 10**9]), max_size=20))
def test_one_by_one_is_the_same_as_all_at_once(delays_ms):
    one, other = Histogram(DELAY_BOUNDS_S), Histogram(DELAY_BOUNDS_S)
    for delay_ms in delays_ms:
        one.add(delay_ms / 1000)
    other.add_all(np.array(delays_ms, np.int64))
    assert one.counts == other.counts


def test_a_view_does_not_change_any_more():
    histogram = Histogram((1.0,))
    histogram.add(0.5)
    view = histogram.view()
    histogram.add(2.0)
    assert (view.counts, view.sum_s) == ((1, 0), 0.5)


# --- delays


def test_delays_are_from_event_and_from_append_to_now(meters):
    batch = batch_of([record(FIRST_MS), record(FIRST_MS + 9_000)])
    batch.timestamps_ms[:] = [FIRST_MS + 9_500, -1]
    meters.batches([batch], FIRST_MS + 10_000)
    assert meters.record_delay["t"].sum_s == pytest.approx(11.0)
    assert meters.append_delay["t"].sum_s == pytest.approx(0.5)
    assert meters.last_read_ms == {tp(): FIRST_MS + 9_500}


def test_an_empty_batch_has_no_delay(meters):
    meters.batches([batch_of([])], FIRST_MS)
    assert meters.record_delay == {}


def test_the_first_stage_begins_when_it_is_told_to(meters, clock):
    clock.advance(5_000)
    meters.begin()
    clock.advance(20)
    meters.stage("publish")
    assert meters.stage_s == pytest.approx({"publish": 0.02})


def test_stages_share_the_time_among_them(meters, clock):
    for stage, ms in [("poll", 100), ("fold", 50), ("poll", 30)]:
        clock.advance(ms)
        meters.stage(stage)
    assert meters.stage_s == pytest.approx({"poll": 0.13, "fold": 0.05})


# --- rates


def state(number=0, records=0, topic="t", **more):
    return PartitionState(tp(number, topic), 0, records, records=records, record_bytes=10 * records, **more)


def test_rates_are_by_topic_over_the_last_seconds(meters, clock):
    for second in range(40):
        clock.set(1_000 * second)
        meters.observe([state(0, 100 * second), state(1, 10 * second), state(0, 7 * second, "u")], frozenset())
    assert meters.rates() == ({"t": 110.0, "u": 7.0}, {"t": 1_100.0, "u": 70.0})
    for second in range(40, 60):
        clock.set(1_000 * second)
        meters.observe([state(0, 3_900), state(1, 390), state(0, 273, "u")], frozenset())
    assert meters.rates()[0] == {"t": 0.0, "u": 0.0}


def test_there_is_no_rate_before_two_looks(meters, clock):
    assert meters.rates() == ({}, {})
    meters.observe([state(0, 5)], frozenset())
    assert meters.rates() == ({}, {})


def test_what_is_restored_with_a_partition_was_not_read_now(meters, clock):
    meters.observe([state(0, 100)], frozenset())
    clock.advance(1_000)
    meters.observe([state(0, 150), state(1, 1_000_000)], frozenset())
    assert meters.rates()[0] == {"t": 50.0}
    clock.advance(1_000)
    meters.observe([state(0, 200)], frozenset())
    assert meters.rates()[0] == {"t": 50.0}


# --- stalled


def behind(next_offset):
    return state(0, next_offset, end_offset=100)


def look(meters, clock, states, *, after_s=0.0, paused=frozenset()):
    clock.advance(round(after_s * 1_000))
    meters.observe(states, paused)
    return sorted(tp_.partition for tp_ in meters.stalled)


def test_a_partition_that_does_not_move_though_there_is_work_is_stalled(meters, clock):
    assert look(meters, clock, [behind(5)]) == []
    assert look(meters, clock, [behind(5)], after_s=60) == []
    assert look(meters, clock, [behind(5)], after_s=1) == [0]
    assert look(meters, clock, [behind(6)], after_s=1) == []


def test_one_at_its_end_or_paused_on_purpose_is_not(meters, clock):
    at_end = state(0, 100, end_offset=100)
    look(meters, clock, [at_end])
    assert look(meters, clock, [at_end], after_s=100) == []
    assert look(meters, clock, [behind(5)], after_s=100, paused={tp()}) == []
    assert look(meters, clock, [behind(5)], after_s=50) == []


def test_one_that_was_away_is_not_stalled_when_it_returns(meters, clock):
    look(meters, clock, [behind(5)])
    look(meters, clock, [], after_s=500)
    assert look(meters, clock, [behind(5)], after_s=1) == []
