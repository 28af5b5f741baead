"""The chart's geometry stays inside the picture and tells the truth."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.web.chart import HEIGHT, WIDTH, draw, movers, nice_step

shares = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=80)


@given(shares)
@example([(0.0, 2.2250738585072014e-308)])
@example([(0.0, 1e-9)])
def test_every_bar_lies_inside_the_picture(pairs):
    baseline, current = [b for b, _ in pairs], [c for _, c in pairs]
    chart = draw([str(n) for n in range(len(pairs))], baseline, current)
    assert len(chart.bars) == len(pairs)
    for bar in chart.bars:
        assert chart.left <= bar.x <= bar.current_x
        assert bar.x + bar.width <= WIDTH
        assert 0 <= bar.baseline_y <= chart.floor <= HEIGHT
        assert 0 <= bar.current_y <= chart.floor
        assert bar.current_y + bar.current_height == pytest.approx(chart.floor, abs=0.02)


def test_heights_are_proportional_to_shares():
    chart = draw(["a", "b"], [0.2, 0.4], [0.1, 0.3])
    a, b = chart.bars
    assert b.baseline_height == pytest.approx(2 * a.baseline_height, abs=0.02)
    assert b.current_height == pytest.approx(3 * a.current_height, abs=0.02)
    assert a.baseline_height == pytest.approx(2 * a.current_height, abs=0.02)


def test_shares_that_are_no_numbers_are_drawn_as_nothing():
    chart = draw(["a", "b", "c"], [math.nan, math.inf, -1.0], [0.5, 0.5, 0.5])
    assert [bar.baseline_height for bar in chart.bars] == [0, 0, 0]


def test_an_empty_or_zero_profile_has_an_empty_chart():
    assert draw([], [], []).bars == ()
    assert [bar.current_height for bar in draw(["a"], [0.0], [0.0]).bars] == [0]


@pytest.mark.parametrize(
    ("top", "step"), [(0, 0.25), (0.312, 0.1), (1.0, 0.25), (0.4, 0.1), (0.041, 0.02), (0.08, 0.02)]
)
def test_the_axis_has_round_steps(top, step):
    assert nice_step(top) == pytest.approx(step)


def test_the_movers_are_the_cells_that_changed_most():
    assert movers([0.1] * 4, [0.1, 0.3, 0.1, 0.095]) == {1}
    assert movers([0.5, 0.5], [0.4, 0.6]) == {0, 1}
    assert movers([0.5, 0.5], [0.505, 0.495]) == frozenset()
    assert movers([], []) == frozenset()
    assert len(movers([0.0] * 9, [0.1] * 9)) == 3
