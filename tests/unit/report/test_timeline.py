"""The chart of a series stays inside its frame whatever the numbers, and breaks where there are none."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.report.timeline import HEIGHT, WIDTH, timeline
from monitor.report.trace import Point
from monitor.types import Level

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?")
SCORES = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.floats(0, 1))


def points(*scores, level=Level.OK):
    return [Point(n * 10, n * 10 + 10, score, level=level) for n, score in enumerate(scores)]


@given(st.lists(SCORES, min_size=1, max_size=20), st.one_of(st.none(), st.floats(0, 1e6)))
def test_every_coordinate_lies_inside_the_frame(scores, critical):
    chart = timeline(points(*scores), warning=critical, critical=critical)
    for x, y in re.findall(r"(\S+) (\S+?)(?=[ML]|$)", chart.score.replace("M", " M").replace("L", " L")):
        assert 0 <= float(x.strip("ML")) <= WIDTH
        assert 0 <= float(y) <= HEIGHT
    for tick in chart.ticks:
        assert 0 <= tick.y <= HEIGHT
    assert all(0 <= limit.y <= HEIGHT for limit in chart.limits)
    assert "nan" not in chart.score
    assert "inf" not in chart.score


def test_a_line_is_broken_where_a_number_is_missing():
    chart = timeline(points(0.1, 0.2, None, 0.3))
    assert chart.score.count("M") == 2
    assert timeline(points(None, math.nan)).score == ""


def test_windows_of_which_nothing_is_known_are_shaded_once_a_stretch():
    known, unknown = points(0.1, 0.1), points(None, None, None, level=Level.UNKNOWN)
    chart = timeline([*known, *[Point(p.start_ms + 20, p.end_ms + 20, None, level=p.level) for p in unknown]])
    ((x, width),) = chart.gaps
    assert x + width == pytest.approx(chart.right, abs=0.2)
    assert width == pytest.approx((chart.right - chart.left) * 3 / 5, abs=0.2)


def test_what_was_bad_has_a_dot_that_says_when_and_how_much():
    worst = Point(0, 10, 0.4, 0.3, 0.01, Level.CRITICAL)
    chart = timeline([worst, *points(0.1, 0.1)])
    (dot,) = chart.dots
    assert dot.word == "critical"
    assert dot.title == "1970-01-01 00:00:00 UTC: 0.4, at least 0.3"


def test_thresholds_are_within_the_scale_even_where_every_score_is_small():
    chart = timeline(points(0.001, 0.002), warning=0.1, critical=0.25)
    assert [limit.label for limit in chart.limits] == ["warning above 0.1", "critical above 0.25"]
    assert chart.limits[1].y >= 0
    assert timeline(points(0.5), share=True).ticks[-1].label.endswith("%")
