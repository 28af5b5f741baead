"""The kinds of baseline in a configuration."""

from __future__ import annotations

import pytest

from monitor.config.estimate import estimate
from tests.support.configurations import changed, configured, problems

FILE = "baseline: {kind: file, path: baselines/payments}"


def with_baseline(settings: str) -> str:
    """Return the interface's configuration with another baseline."""
    return changed((FILE, f"baseline: {{{settings}}}"))


def test_without_a_kind_it_is_a_file():
    assert configured(with_baseline("path: x")).baseline.kind == "file"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("kind: trailing, path: x, windows: 5, min_windows: 6", "min_windows = 6 is above windows = 5"),
        ("kind: trailing, path: x, accept_after: 2", "accept_after = 2 is below min_windows = 3"),
        ("kind: trailing, path: x, quarantine: 0", "greater than or equal to 1"),
        ("kind: previous, path: x, learn_rows: 10", "min_learn_rows = 1000 is above learn_rows = 10"),
        ("kind: seasonal, path: x, time_zone: Mars/Olympus", "no time zone Mars/Olympus"),
        ("kind: seasonal, path: x, season: hour_of_year", "hour_of_day"),
        ("kind: file, path: x, windows: 3", "unknown key"),
        ("kind: trailing", "is required and missing"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(settings, says):
    assert any(says in str(problem) for problem in problems(with_baseline(settings)))


def test_windows_and_hours_are_estimated_and_capped():
    plain = estimate(configured(), 1)
    week = estimate(configured(with_baseline("kind: seasonal, path: x, season: hour_of_week")), 1)
    day = estimate(configured(with_baseline("kind: seasonal, path: x")), 1)
    assert plain.baseline_bytes == 0
    assert week.baseline_bytes == 7 * day.baseline_bytes > 0
    assert day.state_bytes == plain.state_bytes + day.baseline_bytes
    many = changed(
        (FILE, "baseline: {kind: trailing, path: x, windows: 1000}"), ("max_categories: 1000", "max_categories: 100000")
    )
    [problem] = problems(many)
    assert problem.path == "baseline"
    assert "more than limits.max_state_bytes" in str(problem)
