"""The promise of the policy `budget`, measured; and that without each of its safeguards it breaks.

Small versions of `python -m tests.bench.budget`: about 20,000 slots a process, at A = 200 slots, all seeds fixed.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.budget_streams import false_pages, faults

SIZE = {"run_slots": 200, "slots": 1100, "monitors": 20, "streams": 10}
MEDIUM = {"run_slots": 1000, "before": 120, "monitors": 200, "streams": 10}


@pytest.mark.parametrize(
    "kind", ["independent", "cross-correlated", "strange slots", "independent ar 0.6", "daily", "mostly zero"]
)
def test_false_pages_stay_within_the_promise(kind):
    found = false_pages(kind, **SIZE)
    assert found.slots >= 19_000
    assert found.alarms > 0, "a detector that never alarms would keep any promise"
    assert found.high <= 1.5


def test_without_tempering_neighbours_that_resemble_each_other_break_the_promise():
    assert false_pages("independent ar 0.6", **SIZE, tempered=False).low > 5


def test_with_a_season_fitted_to_its_own_cycle_the_promise_breaks():
    assert false_pages("daily", **SIZE, left_out=False).low > 3


def test_a_stream_that_freezes_at_the_first_suspicion_breaks_the_promise():
    """Calm scores that are strange by chance must enter, or the calibration stays too small as it is."""
    assert false_pages("independent", **SIZE, suspect_ratio=0.01, suspect_least=1e-9).low > 1


def test_medium_faults_are_paged_soon():
    found = faults(10.0, after=60, **MEDIUM).delays
    assert np.mean(found <= 50) >= 0.95
    assert np.median(found) <= 10


def test_without_quarantine_medium_faults_are_paged_too_late():
    """They are what later ones are compared with."""
    assert np.median(faults(10.0, after=60, **MEDIUM, quarantined=False).delays) > 10


def test_a_fault_that_lasts_is_held():
    assert faults(10.0, after=400, **MEDIUM).held.mean() >= 0.95
