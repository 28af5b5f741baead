"""The number of rows in a window; none at all is a failure, never unknown."""

from __future__ import annotations

import pytest

from monitor.checks import Finding, VolumeSpec, WindowView
from monitor.types import Level


def judged(spec: VolumeSpec, rows: int, expected: float | None = None) -> tuple[Level, str]:
    (found,) = spec.build().judge(WindowView(0, 1_000, rows, expected_rows=expected))
    assert found == Finding(found.level, found.reason, float(rows), rows)
    return found.level, found.reason


def test_zero_rows_are_flagged_by_default():
    assert judged(VolumeSpec(), 0) == (Level.CRITICAL, "no rows")
    assert judged(VolumeSpec(), 1) == (Level.OK, "ok")


@pytest.mark.parametrize(
    ("rows", "level", "reason"),
    [
        (0, Level.WARNING, "no rows"),
        (9, Level.WARNING, "too few rows"),
        (10, Level.OK, "ok"),
        (20, Level.OK, "ok"),
        (21, Level.WARNING, "too many rows"),
    ],
)
def test_both_ends_are_inside(rows, level, reason):
    spec = VolumeSpec(min_per_window=10, max_per_window=20, severity="warning")
    assert judged(spec, rows) == (level, reason)


def test_zero_rows_are_flagged_when_only_the_most_is_given():
    assert judged(VolumeSpec(max_per_window=5), 0) == (Level.CRITICAL, "no rows")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (49, "too few rows: the baseline's same hours bring about 100"),
        (50, "ok"),
        (300, "ok"),
        (301, "too many rows: the baseline's same hours bring about 100"),
    ],
)
def test_the_baselines_same_hours_bound_the_rows(rows, reason):
    spec = VolumeSpec(min_baseline_ratio=0.5, max_baseline_ratio=3.0)
    assert judged(spec, rows, 100.0)[1] == reason


def test_where_the_baseline_covers_nothing_only_the_numbers_count():
    assert judged(VolumeSpec(min_baseline_ratio=0.5), 1) == (Level.OK, "ok")
