"""Panes, windows and lateness are arithmetic on event times."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.windows import NEVER_MS, PaneGrid, by_pane, late_rows

GRID = PaneGrid(3_000, 1_000)


@pytest.mark.parametrize(("time_ms", "start_ms"), [(0, 0), (999, 0), (1_000, 1_000), (-1, -1_000)])
def test_a_pane_holds_its_start_and_not_its_end(time_ms, start_ms):
    assert GRID.start(time_ms) == start_ms
    assert GRID.starts(np.array([time_ms])).tolist() == [start_ms]


def test_a_window_is_its_successive_panes():
    assert list(GRID.panes(7_000)) == [4_000, 5_000, 6_000]


def late(times_ms, *, before_ms=NEVER_MS, lateness_ms=500):
    times = np.array(times_ms, np.int64)
    return late_rows(GRID, times, GRID.starts(times), before_ms, lateness_ms).tolist()


def test_a_row_is_late_once_its_pane_has_ended_at_the_watermark_before_it():
    assert late([1_000, 2_499, 1_999]) == [False, False, False]
    assert late([1_000, 2_500, 1_999]) == [False, False, True]


def test_a_row_does_not_make_itself_or_those_before_it_late():
    assert late([9_000, 1_000, 50_000]) == [False, True, False]


def test_the_running_maximum_goes_on_from_the_fetch_before():
    assert late([1_999], before_ms=2_499) == [False]
    assert late([1_999], before_ms=2_500) == [True]


def test_cutting_a_fetch_anywhere_changes_no_answer():
    times = np.random.default_rng(3).integers(0, 20_000, 200)
    whole = late(times)
    for cut in (1, 57, 199):
        assert late(times[:cut]) + late(times[cut:], before_ms=int(times[:cut].max())) == whole


def test_no_rows_are_not_late_and_make_no_pane():
    assert late([]) == []
    assert list(by_pane(np.zeros(0, np.int64))) == []


def test_rows_of_one_pane_are_not_picked_out():
    assert list(by_pane(np.array([5_000, 5_000]))) == [(5_000, None)]


def test_rows_go_to_their_panes_in_their_order():
    found = {start: rows.tolist() for start, rows in by_pane(np.array([2_000, 1_000, 2_000, 1_000]))}
    assert found == {1_000: [1, 3], 2_000: [0, 2]}
