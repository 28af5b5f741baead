"""Seasons: hours on somebody's clocks, and what a window is compared with."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.accumulators import CategoriesSpec, HistogramSpec, MomentsSpec, PresenceSpec
from monitor.baseline import Baseline, BaselineBuilder, Season, SeasonalKeeper
from monitor.errors import StoreError
from tests.support.monitors import FIELDS, batch_of, record

HOUR_MS = 3_600_000
MONDAY_MS = 1_735_516_800_000
"""2024-12-30T00:00:00Z."""
DAY, WEEK = Season("hour_of_day"), Season("hour_of_week")
AMOUNT, COUNTRY = HistogramSpec(field="amount"), CategoriesSpec(field="country")
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"])
times = st.integers(0, 2_000_000_000_000)


def by_hand(time_ms: int, season: Season) -> int:
    """Return the slot that a clock on the wall shows."""
    local = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(ZoneInfo(season.time_zone))
    return local.hour + (24 * local.weekday() if season.slots == 168 else 0)


@given(times, zones, st.sampled_from(["hour_of_day", "hour_of_week"]))
def test_a_time_is_in_the_hour_that_the_clocks_there_show(time_ms, zone, kind):
    season = Season(kind, zone)
    assert season.slots_of(np.array([time_ms])).tolist() == [by_hand(time_ms, season)]


@given(times, st.integers(0, 200 * HOUR_MS), zones)
def test_overlaps_add_up_and_lie_in_the_hours_touched(start_ms, length_ms, zone):
    season = Season("hour_of_week", zone)
    spent = season.overlaps(start_ms, start_ms + length_ms)
    assert spent.sum() == length_ms
    if length_ms:
        assert spent[by_hand(start_ms, season)] > 0
        assert spent[by_hand(start_ms + length_ms - 1, season)] > 0


def test_hours_have_names():
    assert (DAY.name(9), WEEK.name(24 * 6 + 23)) == ("09:00", "Sun 23:00")


def cyclic(days: int = 7, per_hour: int = 60, hours: range = range(24)) -> list[bytes]:
    """Return records whose amounts follow the hour of the day, a hundred apart, so that hours never overlap."""
    rng = np.random.default_rng(5)
    return [
        record(
            MONDAY_MS + (24 * day + hour) * HOUR_MS + n * HOUR_MS // per_hour,
            100.0 * hour + float(rng.integers(0, 50)),
            "DE" if hour < 12 else "FR",
        )
        for day in range(days)
        for hour in hours
        for n in range(per_hour)
    ]


def built(records: list[bytes], season: Season = DAY, segments=()) -> Baseline:
    """Return a baseline with slots."""
    builder = BaselineBuilder(FIELDS, segments, max_categories=100, max_rows=1_000_000, season=season)
    for start in range(0, len(records), 1_000):
        builder.add(batch_of(records[start : start + 1_000], at=start))
    return builder.build()


BASELINE = built(cyclic())


def reference(start_hour: float, hours: float, shrinkage: float = 0.0, baseline: Baseline = BASELINE):
    """Return what a window is compared with."""
    start_ms = MONDAY_MS + round(start_hour * HOUR_MS)
    return SeasonalKeeper(baseline, shrinkage).view(start_ms, start_ms + round(hours * HOUR_MS)).accumulators


def test_without_shrinkage_it_is_the_same_hour_alone():
    slot = BASELINE.slots.profiles[9].accumulators
    for spec, found in reference(24 * 30 + 9.25, 0.5).items():
        for name, value in slot[spec].state().items():
            np.testing.assert_array_equal(found.state()[name], value, err_msg=f"{spec} {name}")


def test_a_window_across_hours_has_each_by_its_share():
    counts = reference(9.5, 2)[AMOUNT].counts[0]
    slots = [BASELINE.slots.profiles[h].accumulators[AMOUNT].counts[0] for h in (9, 10, 11)]
    np.testing.assert_array_equal(counts, np.rint(slots[0] / 2) + slots[1] + np.rint(slots[2] / 2))


def test_shares_are_shrunk_towards_the_whole():
    whole = BASELINE.profile.accumulators[AMOUNT].counts[0]
    slot = BASELINE.slots.profiles[9].accumulators[AMOUNT].counts[0]
    kappa = 10 * 10
    expected = (slot + kappa * whole / whole.sum()) / (slot.sum() + kappa)
    found = reference(9, 1, shrinkage=10)[AMOUNT].counts[0]
    np.testing.assert_allclose(found / found.sum(), expected, atol=0.002)


def test_never_more_is_lent_than_there_is():
    found = reference(9, 1, shrinkage=1e6)
    whole, slot = BASELINE.profile.accumulators, BASELINE.slots.profiles[9].accumulators
    for spec in (AMOUNT, COUNTRY, PresenceSpec(field="amount")):
        np.testing.assert_array_equal(found[spec].counts, whole[spec].counts + slot[spec].counts)
    assert found[MomentsSpec(field="amount")].n[0] == BASELINE.rows + BASELINE.slots.rows[9]


def test_an_hour_that_was_never_covered_is_as_all_together():
    baseline = built(cyclic(days=1, hours=range(8, 18)))
    found = reference(3, 1, shrinkage=10, baseline=baseline)[COUNTRY].counts[0]
    whole = baseline.profile.accumulators[COUNTRY].counts[0]
    assert found.sum() > 0
    np.testing.assert_allclose(found / found.sum(), whole / whole.sum(), atol=0.03)
    assert reference(3, 1, baseline=baseline)[COUNTRY].counts.sum() == 0


def test_every_segment_is_shrunk_by_itself():
    baseline = built(cyclic(), segments=[("country", 2, None)])
    found = reference(9, 1, shrinkage=2, baseline=baseline)[AMOUNT].counts.sum(axis=1)
    kappa = 2 * 10
    # at nine o'clock there is DE only, and FR has what is lent to it
    assert found[0] == pytest.approx(420 + kappa, abs=30)
    assert found[1:].tolist() == pytest.approx([420 + kappa, kappa, 0], abs=30)


def test_the_slots_hold_every_row_however_they_came_and_survive_the_file():
    records = cyclic(days=8)
    one, other = built(records, WEEK), BaselineBuilder(FIELDS, (), max_categories=100, max_rows=10**6, season=WEEK)
    for start in range(0, len(records), 77):
        other.add(batch_of(records[start : start + 77], at=start))
    assert one.version == other.build().version
    assert one.slots.rows.sum() == one.rows == len(records)
    assert one.slots.rows[:24].sum() == 2 * one.slots.rows[24:48].sum()  # two Mondays
    again = Baseline.of_content(one.content)
    assert again.version == one.version
    assert again.slots.season == WEEK


@pytest.mark.parametrize("damage", [{"season": "hour_of_year"}, {"covered_ms": [0]}, {"profiles": []}])
def test_damaged_slots_are_refused(damage):
    content = BASELINE.content | {"slots": BASELINE.content["slots"] | damage}
    with pytest.raises(StoreError, match="seasons are damaged"):
        Baseline.of_content(content)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=1), st.sampled_from(sorted(map(str, range(24)))))
def test_scaling_leaves_means_and_ranges_and_rounds_counts(weights, hour):
    weights = np.array(weights)
    for acc in BASELINE.slots.profiles[int(hour)].accumulators.values():
        scaled = acc.scaled(weights)
        if hasattr(acc, "mean"):
            assert scaled.n[0] == round(acc.n[0] * weights[0])
            if scaled.n[0]:
                assert (scaled.mean[0], scaled.min[0], scaled.max[0]) == (acc.mean[0], acc.min[0], acc.max[0])
            else:
                assert np.isnan(scaled.mean[0])
                assert np.isnan(scaled.min[0])
        else:
            np.testing.assert_array_equal(scaled.counts, np.rint(acc.counts * weights[0]))
        if hasattr(acc, "sums"):
            filled = scaled.counts > 0
            np.testing.assert_allclose((scaled.sums / np.maximum(scaled.counts, 1))[filled],
                                       (acc.sums / np.maximum(acc.counts, 1))[filled])  # fmt: skip
