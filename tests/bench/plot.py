"""Draws a table's columns as lines: a small SVG that reads on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from monitor.web.chart import nice_step

_WIDTH, _HEIGHT = 480, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 26, 34
_LINE, _GRID = "#2878b5", "#8884"
_TEXT = 'font-family="sans-serif" font-size="11" fill="#777"'


def svg(title: str, x_label: str, y_label: str, points: Sequence[tuple[float, float]]) -> str:
    """Return the picture of a line through the points; both axes begin at zero."""
    x_step, y_step = (nice_step(max(point[axis] for point in points)) for axis in (0, 1))
    x_top, y_top = (
        step * max(1, math.ceil(max(point[axis] for point in points) / step))
        for axis, step in ((0, x_step), (1, y_step))
    )
    floor = _HEIGHT - _BOTTOM

    def at(x: float, y: float) -> tuple[str, str]:
        left = _LEFT + (_WIDTH - _LEFT - _RIGHT) * x / x_top
        return f"{left:.1f}", f"{floor - (floor - _TOP) * y / y_top:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" {_TEXT}>',
        f"<title>{escape(title)}</title>",
        f'<text x="{_LEFT}" y="14">{escape(y_label)}</text>',
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 4}" text-anchor="end">{escape(x_label)}</text>',
    ]
    for number in range(round(y_top / y_step) + 1):
        _, y = at(0, number * y_step)
        parts.append(f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}" stroke="{_GRID}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y}" dy="4" text-anchor="end">{number * y_step:g}</text>')
    for number in range(round(x_top / x_step) + 1):
        x, _ = at(number * x_step, 0)
        parts.append(f'<text x="{x}" y="{floor + 15}" text-anchor="middle">{number * x_step:g}</text>')
    places = [at(*point) for point in points]
    path = "L".join(f"{x} {y}" for x, y in places)
    parts.append(f'<path d="M{path}" fill="none" stroke="{_LINE}" stroke-width="2"/>')
    parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{_LINE}"/>' for x, y in places]
    return "\n".join([*parts, "</svg>\n"])
