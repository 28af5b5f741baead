"""The number of rows in a window; none at all is a failure, never unknown."""

from __future__ import annotations

import pytest

from monitor.checks import VolumeSpec
from monitor.types import Level


def test_zero_rows_are_flagged_by_default():
    assert VolumeSpec().build().judge(0) == (Level.CRITICAL, "no rows")
    assert VolumeSpec().build().judge(1) == (Level.OK, "ok")


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
    assert spec.build().judge(rows) == (level, reason)


def test_zero_rows_are_flagged_when_only_the_most_is_given():
    assert VolumeSpec(max_per_window=5).build().judge(0) == (Level.CRITICAL, "no rows")
