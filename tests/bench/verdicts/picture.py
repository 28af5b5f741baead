"""Draws numbers by name as dots on a logarithmic axis: a small SVG that reads on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

_LEFT, _WIDTH, _TOP, _ROW, _BOTTOM = 190, 640, 30, 22, 34
_LEAST, _MOST = 0.01, 10_000.0
_DOT, _GRID, _LINE = "#2878b5", "#8884", "#c0392b"
_TEXT = 'font-family="sans-serif" font-size="11" fill="#777"'


def dots(title: str, named: Sequence[tuple[str, Sequence[float]]], promised: float) -> str:
    """Return the picture; what is below 0.01 stands at the left end, `promised` is a line."""
    floor = _TOP + _ROW * len(named)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {floor + _BOTTOM}" role="img" {_TEXT}>',
        f"<title>{escape(title)}</title>",
        f'<text x="8" y="16">{escape(title)}</text>',
    ]
    for exponent in range(int(math.log10(_LEAST)), int(math.log10(_MOST)) + 1):
        x = _at(10.0**exponent)
        parts.append(f'<path d="M{x:.1f} {_TOP}V{floor}" stroke="{_GRID}"/>')
        label = f"≤ {_LEAST:g}" if 10.0**exponent == _LEAST else f"{10.0**exponent:g}"
        parts.append(f'<text x="{x:.1f}" y="{floor + 15}" text-anchor="middle">{label}</text>')
    parts.append(f'<path d="M{_at(promised):.1f} {_TOP}V{floor}" stroke="{_LINE}" stroke-width="2"/>')
    for row, (name, numbers) in enumerate(named):
        y = _TOP + _ROW * row + _ROW / 2
        parts.append(f'<text x="{_LEFT - 10}" y="{y:.1f}" dy="4" text-anchor="end">{escape(name)}</text>')
        parts += [f'<circle cx="{_at(x):.1f}" cy="{y:.1f}" r="3" fill="{_DOT}" fill-opacity="0.6"/>' for x in numbers]
    return "\n".join([*parts, "</svg>\n"])


def _at(number: float) -> float:
    span = math.log10(_MOST / _LEAST)
    place = math.log10(min(max(number, _LEAST), _MOST) / _LEAST) / span
    return _LEFT + (_WIDTH - _LEFT - 20) * place
