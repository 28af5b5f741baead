"""Onsets: near the truth, not moved by noise that was always there, and the same after a restart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from monitor.rootcause import NEVER_MS, Onsets, best_split
from monitor.types import Level

DAY_MS = 86_400_000
CHANGED = 60


def run(p_values, scores, levels, *, clear_after=2):
    """Return the onsets after all windows (windows x streams)."""
    onsets = Onsets(p_values.shape[1], clear_after)
    for day, row in enumerate(zip(levels, p_values, scores, strict=True)):
        onsets.step(day * DAY_MS, *row, np.full(p_values.shape[1], np.nan))
    return onsets


def simulated(streams, seed, *, windows=66, shift=3.0, spread=1.0):
    """Return p-values, scores and levels of normal scores that shift at window 60; beyond 2 spreads is a warning."""
    z = np.random.default_rng(seed).normal(size=(windows, streams))
    z[CHANGED:] += shift
    levels = np.where(z > 2.2, Level.WARNING, Level.OK).astype(np.int64)
    return special.ndtr(-z * spread), z, levels


@pytest.mark.parametrize(("shift", "within_one"), [(4.0, 0.9), (3.0, 0.8)])
def test_the_onset_of_a_change_is_right_to_a_window_in_the_median(shift, within_one):
    onsets = run(*simulated(2000, 1, shift=shift))
    errors = onsets.since_ms[onsets.noticed] // DAY_MS - CHANGED
    assert onsets.noticed.mean() > 0.95
    assert abs(np.median(errors)) <= 1
    assert (np.abs(errors) <= 1).mean() > within_one
    assert (np.abs(errors) <= 2).mean() > within_one


def test_p_values_that_are_far_too_small_do_not_move_the_onset():
    """Rows of one window that hang together make every p-value tiny; ranks among the last windows do not care."""
    onsets = run(*simulated(500, 2, shift=4.0, spread=4.0))
    errors = onsets.since_ms[onsets.noticed] // DAY_MS - CHANGED
    assert abs(np.median(errors)) <= 1


def test_without_p_values_and_scores_the_level_says_when():
    levels = np.array([[0], [0], [1], [-1], [1], [2]])
    nothing = np.full(levels.shape, np.nan)
    assert run(nothing, nothing, levels).since_ms.tolist() == [2 * DAY_MS]


def test_unknown_windows_change_nothing():
    onsets = run(*simulated(50, 3, shift=4.0))
    before = onsets.state()
    onsets.step(99 * DAY_MS, np.full(50, -1), *(np.full(50, np.nan) for _ in range(3)))
    after = onsets.state()
    for name in ("sums", "since_ms", "calm", "breaches", "noticed", "raised"):
        np.testing.assert_array_equal(before[name], after[name])


def test_a_stream_is_calm_again_after_as_many_calm_windows_as_clear_an_alert():
    levels = np.array([[0], [2], [2], [0], [-1], [0]])
    nothing = np.full(levels.shape, np.nan)
    onsets = run(nothing, nothing, levels)
    assert (onsets.noticed.tolist(), onsets.since_ms.tolist()) == ([False], [NEVER_MS])
    onsets = run(nothing[:5], nothing[:5], levels[:5])
    assert (onsets.noticed.tolist(), onsets.since_ms.tolist()) == ([True], [DAY_MS])


def test_an_alert_is_raised_by_windows_on_end():
    onsets = Onsets(2, 2)
    nothing = np.full(2, np.nan)
    for level in (1, 0, 1, -1, 1):
        onsets.step(0, np.full(2, level), nothing, nothing, nothing, np.array([2, 3]))
    assert onsets.raised.tolist() == [True, False]


def test_after_a_restart_it_goes_on_the_same():
    p, z, levels = simulated(20, 4)
    whole, first = run(p, z, levels), run(p[:50], z[:50], levels[:50])
    second = Onsets(20, 2)
    second.load(first.state())
    for day in range(50, 66):
        second.step(day * DAY_MS, levels[day], p[day], z[day], np.full(20, np.nan))
    for name, value in whole.state().items():
        np.testing.assert_array_equal(second.state()[name], value)
    with pytest.raises(ValueError, match="20 streams"):
        Onsets(3, 2).load(first.state())


def test_streams_are_picked_with_their_memory():
    p, z, levels = simulated(4, 5)
    whole = run(p, z, levels)
    picked = run(p[:50], z[:50], levels[:50]).picked(np.array([2, -1, 0]))
    for day in range(50, 66):
        picked.step(day * DAY_MS, *(x[day, [2, 1, 0]] for x in (levels, p, z)), np.full(3, np.nan))
    np.testing.assert_array_equal(picked.since_ms[[0, 2]], whole.since_ms[[2, 0]])
    np.testing.assert_allclose(picked.sums[[0, 2]], whole.sums[[2, 0]])


def test_the_split_of_the_cells_finds_the_window():
    rng = np.random.default_rng(6)
    errors = []
    for _ in range(300):
        at = int(rng.integers(20, 40))
        shares = np.where(np.arange(48)[:, None] < at, [0.1] * 10, [0.05] * 5 + [0.15] * 5)
        cells = np.array([rng.multinomial(150, row) for row in shares])
        errors.append(best_split(cells, at - 16, 47) - at)
    assert np.median(np.abs(errors)) == 0
    assert np.mean(np.abs(errors) <= 1) > 0.9


def test_there_is_no_split_without_a_choice():
    cells = np.array([[5, 5], [1, 9]])
    assert best_split(cells, 1, 1) == 1
    assert best_split(cells, 2, 9) is None
    assert best_split(cells[:1], 0, 9) is None
    assert best_split(np.zeros((4, 2), np.int64), 1, 3) is None
