"""The geometry of the chart of baseline against current shares; the template draws it as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.web.text import finite, percent

WIDTH = 720
HEIGHT = 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 8, 14, 28
_TICKS = 4
_MAX_TICK_LABELS = 12


@dataclass(frozen=True)
class Bar:
    """One cell: the wide baseline bar and the narrow current bar before it, in SVG units."""

    label: str
    x: float
    width: float
    baseline_y: float
    baseline_height: float
    current_x: float
    current_width: float
    current_y: float
    current_height: float
    title: str
    moved: bool
    number: str


@dataclass(frozen=True)
class Tick:
    """A horizontal line and what it stands for."""

    y: float
    label: str


@dataclass(frozen=True)
class Chart:
    """Everything the template needs to draw."""

    width: int
    height: int
    left: int
    right: int
    floor: int
    ticks: tuple[Tick, ...]
    bars: tuple[Bar, ...]


def share(value: float) -> float:
    """Return a share to draw: not finite or negative is 0."""
    return max(0.0, finite(value) or 0.0)


def movers(baseline: Sequence[float], current: Sequence[float], *, most: int = 3) -> frozenset[int]:
    """Return the cells whose share changed most: at most `most`, by one point in a hundred or more each.

    A cell that changed by less than a third of the greatest change is not one of them: when one cell takes
    from all others, it is the one to look at.
    """
    changes = [abs(share(c) - share(b)) for b, c in zip(baseline, current, strict=True)]
    least = max(0.01, max(changes, default=0.0) / 3)
    ranked = sorted(range(len(changes)), key=lambda n: (-changes[n], n))
    return frozenset(n for n in ranked[:most] if changes[n] >= least)


def nice_step(top: float) -> float:
    """Return a step of 1, 2, 2.5 or 5 times a power of ten that covers `top` in at most four steps."""
    # Below a share that any window could have, the scale would only run out of floating point.
    if top < 1e-9:
        return 0.25
    power = 10.0 ** math.floor(math.log10(top / _TICKS))
    return next(power * m for m in (1, 2, 2.5, 5, 10) if power * m * _TICKS >= top * (1 - 1e-9))


def draw(labels: Sequence[str], baseline: Sequence[float], current: Sequence[float]) -> Chart:
    """Return the chart of two distributions over the same cells; shares are ratios."""
    top = max((share(v) for v in (*baseline, *current)), default=0.0)
    step = nice_step(top)
    steps = max(1, math.ceil(top / step - 1e-9))
    floor = HEIGHT - _BOTTOM
    scale = (floor - _TOP) / (steps * step)
    slot = (WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    gap = min(10.0, slot * 0.18)
    moved = movers(baseline, current)
    every = math.ceil(max(1, len(labels)) / _MAX_TICK_LABELS)
    bars = []
    for n, (label, b, c) in enumerate(zip(labels, baseline, current, strict=True)):
        x, width = _LEFT + n * slot + gap / 2, slot - gap
        b_high, c_high = share(b) * scale, share(c) * scale
        bars.append(
            Bar(
                label=label,
                x=round(x, 2),
                width=round(width, 2),
                baseline_y=round(floor - b_high, 2),
                baseline_height=round(b_high, 2),
                current_x=round(x + width * 0.26, 2),
                current_width=round(width * 0.48, 2),
                current_y=round(floor - c_high, 2),
                current_height=round(c_high, 2),
                title=f"{label}: baseline {percent(b)}, now {percent(c)}",
                moved=n in moved,
                number=str(n + 1) if n % every == 0 else "",
            )
        )
    ticks = tuple(Tick(round(floor - k * step * scale, 2), f"{k * step * 100:g} %") for k in range(steps + 1))
    return Chart(WIDTH, HEIGHT, _LEFT, WIDTH - _RIGHT, floor, ticks, tuple(bars))
