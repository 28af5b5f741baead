"""A series over time that never grows beyond its limit: neighbours are merged, and the worst of them stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

from monitor.types import Level
from monitor.web.console_model import urgency

LIMIT = 300
"""So many points are kept of a series: more than a chart has room for."""


@dataclass(frozen=True)
class Point:
    """One window, or several as one: the largest of each number; None where there was none."""

    start_ms: int
    end_ms: int
    score: float | None
    lower_bound: float | None = None
    noise_floor: float | None = None
    level: Level = Level.OK

    def joined(self, other: Point) -> Point:
        """Return this point and a later one as one."""
        return Point(
            self.start_ms,
            other.end_ms,
            _largest((self.score, other.score)),
            _largest((self.lower_bound, other.lower_bound)),
            _largest((self.noise_floor, other.noise_floor)),
            max(self.level, other.level, key=urgency),
        )


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


class Joinable(Protocol):
    """A point that can be made one with the next."""

    def joined(self, other: Self) -> Self:
        """Return this point and a later one as one."""
        ...


P = TypeVar("P", bound=Joinable)


class Trace(Generic[P]):
    """At most `limit` points in the order of time, each of equally many windows but the last."""

    def __init__(self, limit: int = LIMIT) -> None:
        """Start empty; each point is one window until there are too many."""
        self._limit = limit
        self._each = 1
        self._filled = 0
        self.points: list[P] = []

    @property
    def windows_per_point(self) -> int:
        """How many windows a point stands for."""
        return self._each

    def add(self, point: P) -> None:
        """Take the next window."""
        if self.points and 0 < self._filled < self._each:
            self.points[-1] = self.points[-1].joined(point)
            self._filled += 1
            return
        if len(self.points) >= self._limit:
            pairs = zip(self.points[::2], self.points[1::2], strict=False)
            rest = self.points[len(self.points) // 2 * 2 :]
            self.points = [one.joined(other) for one, other in pairs] + rest
            self._each *= 2
        self.points.append(point)
        self._filled = 1
