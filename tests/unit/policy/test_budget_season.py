"""The season of a budget's streams: means of earlier cycles that one strange slot does not carry away."""

from __future__ import annotations

import numpy as np

from monitor.policy.budget.rules import Rules
from monitor.policy.budget.season import Season

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
RULES = Rules(run_slots=1000, slot_ms=HOUR_MS, cycle_ms=DAY_MS)


def after(days, streams=1):
    """Return the season after days whose hours have these scores, and the residuals of the first hour of each day."""
    season, found = Season(streams, RULES), []
    for day, scores in enumerate(days):
        for hour in range(24):
            start_ms = day * DAY_MS + hour * HOUR_MS
            values = np.array([scores[hour]], float)
            residual = season.residuals(start_ms, values)
            season.learn(start_ms, values, np.ones(1, np.bool_))
            if hour == 0:
                found.append(float(residual[0]))
    return season, np.array(found)


def days(n, seed=0):
    return np.random.default_rng(seed).normal(0, 1, (n, 24)) + np.arange(24)


def test_one_strange_slot_does_not_make_the_same_hour_of_the_next_days_strange():
    strange = days(20)
    strange[10, 0] += 1000
    calm, disturbed = after(days(20))[1], after(strange)[1]
    assert disturbed[10] > 900
    assert np.abs(disturbed - calm)[11:].max() < 1


def test_a_level_that_changes_for_good_becomes_usual_in_the_end():
    moved = days(60)
    moved[20:] += 10
    residuals = after(moved)[1]
    assert residuals[20] > 7
    assert np.abs(residuals[50:].mean()) < 1


def test_what_never_deviated_may_go_anywhere():
    still = np.zeros((30, 24))
    still[15:] = 5.0
    residuals = after(still)[1]
    assert residuals[15] == 5
    assert residuals[29] < 2


def test_the_usual_size_of_deviations_is_in_the_state():
    season, _ = after(days(20))
    again = Season(1, RULES)
    again.load({name: np.array(value) for name, value in season.state().items()})
    strange = np.array([500.0])
    for each in (season, again):
        each.learn(20 * DAY_MS, strange, np.ones(1, np.bool_))
    after_ms = 21 * DAY_MS
    assert season.residuals(after_ms, strange) == again.residuals(after_ms, strange)
    assert season.residuals(after_ms, strange)[0] > 490
