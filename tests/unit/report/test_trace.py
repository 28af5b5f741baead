"""A trace is bounded, covers every window once, and never loses the worst."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.report.trace import Point, Trace
from monitor.types import Level
from monitor.web.console_model import urgency, worst

SCORES = st.one_of(st.none(), st.floats(0, 10))


@given(st.lists(st.tuples(SCORES, st.sampled_from(Level)), max_size=300), st.integers(2, 12))
def test_whatever_its_length_a_trace_is_bounded_and_keeps_the_worst(windows, limit):
    trace = Trace(limit)
    for n, (score, level) in enumerate(windows):
        trace.add(Point(n, n + 1, score, level=level))
    assert len(trace.points) <= limit
    known = [score for score, _ in windows if score is not None]
    assert max((p.score for p in trace.points if p.score is not None), default=None) == max(known, default=None)
    worst = max((urgency(level) for _, level in windows), default=-1)
    assert max((urgency(p.level) for p in trace.points), default=-1) == worst
    edges = [(p.start_ms, p.end_ms) for p in trace.points]
    assert edges == sorted(edges)
    if windows:
        assert edges[0][0] == 0
        assert edges[-1][1] == len(windows)
        assert all(one[1] == other[0] for one, other in pairwise(edges))


@pytest.mark.parametrize(("n", "each"), [(4, 1), (5, 2), (9, 4), (17, 8)])
def test_points_stand_for_a_power_of_two_of_windows(n, each):
    trace = Trace(4)
    for at in range(n):
        trace.add(Point(at, at + 1, 0.0))
    assert trace.windows_per_point == each
    assert {p.end_ms - p.start_ms for p in trace.points[:-1]} <= {each}


def test_unknown_is_more_urgent_than_ok_and_less_than_a_warning():
    assert worst((Level.OK, Level.UNKNOWN)) is Level.UNKNOWN
    assert worst((Level.UNKNOWN, Level.WARNING)) is Level.WARNING
    assert urgency(None) < urgency(Level.OK)
