"""The geometry of a series over time with its thresholds and noise floor; the template draws it as SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

from monitor.report.trace import Point
from monitor.types import Level
from monitor.web.chart import Tick, nice_step
from monitor.web.text import clock, finite, number, percent

P = TypeVar("P")

WIDTH = 720
HEIGHT = 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 8, 12, 26
_HEADROOM = 1.15
_MAX_DOTS = 120
_HIGHEST = 1e15
"""Scores are drawn no higher; a scale beyond says nothing to anybody."""


@dataclass(frozen=True)
class Limit:
    """A threshold: its height, name and colour class."""

    y: float
    label: str
    word: str


@dataclass(frozen=True)
class Dot:
    """A point at warning or above, or the only one of its kind."""

    x: float
    y: float
    word: str
    title: str


@dataclass(frozen=True)
class Timeline:
    """Everything the template needs to draw; paths are SVG path data."""

    width: int
    height: int
    left: int
    right: int
    floor: int
    ticks: tuple[Tick, ...]
    limits: tuple[Limit, ...]
    score: str
    bound: str
    noise: str
    dots: tuple[Dot, ...]
    gaps: tuple[tuple[float, float], ...]
    start: str
    end: str
    summary: str


def timeline(
    points: Sequence[Point], *, warning: float | None = None, critical: float | None = None, share: bool = False
) -> Timeline:
    """Return the chart of a series, at least one point; `share`: numbers are ratios and are shown as percentages."""
    show = percent if share else number
    limits = {"warning": finite(warning), "critical": finite(critical)}
    highest = max((finite(p.score) or 0.0 for p in points), default=0.0)
    top = min(max(highest, *(limit or 0.0 for limit in limits.values())), _HIGHEST) * _HEADROOM
    step = nice_step(top)
    steps = max(1, round(top / step + 0.499))
    floor = HEIGHT - _BOTTOM
    scale = (floor - _TOP) / (steps * step)
    start, end = points[0].start_ms, points[-1].end_ms
    width = WIDTH - _LEFT - _RIGHT

    def x(p: Point) -> float:
        return round(_LEFT + width * ((p.start_ms + p.end_ms) / 2 - start) / max(1, end - start), 1)

    def y(value: float) -> float:
        return round(floor - min(max(0.0, value), _HIGHEST) * scale, 1)

    return Timeline(
        WIDTH,
        HEIGHT,
        _LEFT,
        WIDTH - _RIGHT,
        floor,
        tuple(Tick(y(k * step), f"{k * step * 100:g} %" if share else number(k * step)) for k in range(steps + 1)),
        tuple(
            Limit(y(at), f"{word} above {show(at)}", word) for word, at in limits.items() if at is not None and at > 0
        ),
        broken_line(points, x, y, lambda p: p.score),
        broken_line(points, x, y, lambda p: p.lower_bound),
        broken_line(points, x, y, lambda p: p.noise_floor),
        tuple(_dots(points, x, y, show)),
        tuple(_unknown(points, start, end)),
        clock(start),
        clock(end),
        f"{len(points)} points from {clock(start)} to {clock(end)}, at most {show(highest)}",
    )


def broken_line(
    points: Sequence[P], x: Callable[[P], float], y: Callable[[float], float], value: Callable[[P], float | None]
) -> str:
    """Return a line through the points that have the value; where some lack it, the line is broken."""
    parts = []
    for known, run in groupby(points, key=lambda p: finite(value(p)) is not None):
        if known:
            parts.append("M" + "L".join(f"{x(p)} {y(value(p) or 0.0)}" for p in run))
    return "".join(parts)


def _dots(
    points: Sequence[Point], x: Callable[[Point], float], y: Callable[[float], float], show: Callable[[float], str]
) -> Iterator[Dot]:
    """Yield a dot for the worst of the points, and for the only one of a series."""
    scored = [(p, score) for p in points if (score := finite(p.score)) is not None]
    bad = [(p, score) for p, score in scored if p.level >= Level.WARNING or len(scored) == 1]
    for p, score in sorted(bad, key=lambda item: (-item[0].level, -item[1]))[:_MAX_DOTS]:
        title = f"{clock(p.start_ms)}: {show(score)}"
        if p.lower_bound is not None:
            title += f", at least {show(p.lower_bound)}"
        yield Dot(x(p), y(score), p.level.name.lower(), title)


def _unknown(points: Sequence[Point], start: int, end: int) -> Iterator[tuple[float, float]]:
    """Yield x and width of the stretches in which nothing is known."""
    width = WIDTH - _LEFT - _RIGHT
    for unknown, run in groupby(points, key=lambda p: p.level is Level.UNKNOWN):
        if unknown:
            listed = list(run)
            left, right = ((at - start) / max(1, end - start) for at in (listed[0].start_ms, listed[-1].end_ms))
            yield round(_LEFT + width * left, 1), round(width * (right - left), 1)
