"""Which streams move together: those of one field with a common onset, and fields that are correlated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

CORRELATED = 0.8
"""Fields whose correlation is at least so strong, either way, are of one incident."""
TOLERANCE = 2
"""Onsets that are at most so many windows apart may be the same."""


@dataclass(frozen=True)
class Moving:
    """A stream at warning or worse: how far beyond its threshold (`strength`), and since when (`onset`, in windows).

    `number` is the caller's. `dimension` and `value` are empty for all rows.
    """

    number: int
    field: str
    dimension: str
    value: str
    onset: int
    strength: float


@dataclass(frozen=True)
class Fault:
    """What moves in one field: the strongest stream first, and those that follow from it or go with it."""

    streams: tuple[Moving, ...]

    @property
    def anchor(self) -> Moving:
        """The strongest stream."""
        return self.streams[0]


def faults(moving: Sequence[Moving]) -> list[Fault]:
    """Return the streams grouped by field and onset, the strongest group first.

    A stream goes with the strongest one of its field unless it began more than 2 windows before it: weak streams
    notice later. But another value of the anchor's own dimension, which cannot follow from it, must also not have
    begun more than 2 windows after it.
    """
    left = sorted(moving, key=lambda m: (-m.strength, m.onset, m.field, m.dimension, m.value, m.number))
    found = []
    while left:
        anchor = left[0]
        together = [m for m in left if m.field == anchor.field and _goes_with(m, anchor)]
        found.append(Fault(tuple(together)))
        left = [m for m in left if m not in together]
    return found


def _goes_with(stream: Moving, anchor: Moving) -> bool:
    if stream.onset < anchor.onset - TOLERANCE:
        return False
    rival = stream.dimension == anchor.dimension and stream.value != anchor.value
    return not rival or stream.onset <= anchor.onset + TOLERANCE


def together(count: int, linked: Callable[[int, int], bool]) -> list[list[int]]:
    """Return the numbers 0 … count-1 in groups: linked ones, and those linked through others; each in order."""
    group = list(range(count))
    for i in range(count):
        for j in range(i):
            if group[i] != group[j] and linked(j, i):
                old, new = max(group[i], group[j]), min(group[i], group[j])
                group = [new if g == old else g for g in group]
    found: dict[int, list[int]] = {}
    for i, g in enumerate(group):
        found.setdefault(g, []).append(i)
    return [found[g] for g in sorted(found)]
