"""Comparing many fields by one call: the cells of all of them below each other, as if they were groups of one.

A comparison of twenty segments in ten cells costs some hundred calls of numpy, whose overhead is nearly all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.types import Correlation, FloatArray, IntArray, MaskArray

_MOST_NUMBERS = 1 << 18
"""So many cells of the whole grid are compared at once: temporaries of 2 MB."""


@dataclass(frozen=True, eq=False)
class StackedCells:
    """What a detector that compares groups row by row reads of the accumulators of several fields."""

    counts: IntArray
    merged: IntArray
    """The counts merged to the `buckets` that the detector was configured with, the only ones it may ask for."""
    single: MaskArray

    def cells(self, buckets: int) -> IntArray:
        """Return the counts (fields x groups, cells)."""
        return self.merged


@dataclass(frozen=True, eq=False)
class Stack:
    """Fields that are compared by one call: their numbers, and the two sides with the correlation of rows."""

    numbers: tuple[int, ...]
    baseline: Any
    current: Any
    rho: Correlation


def stacks(detector: Any, numbers: Sequence[int], sides: Sequence[tuple[Any, Any, Correlation]]) -> Iterator[Stack]:
    """Yield the fields `numbers`, whose baseline, current window and correlation are `sides`, in stacks of one shape.

    The detector is the same for all of them; one that does not compare `by_rows` has every field alone. The numbers
    are, bit by bit, those of each field's own comparison.
    """
    if len(numbers) == 1 or not getattr(detector, "by_rows", False):
        for number, side in zip(numbers, sides, strict=True):
            yield Stack((number,), *side)
        return
    shaped: dict[Any, list[tuple[int, IntArray, IntArray, tuple[Any, Any, Correlation]]]] = {}
    for number, side in zip(numbers, sides, strict=True):
        before, now = (part.cells(detector.spec.buckets) for part in side[:2])
        shape = (before.shape, now.shape, side[0].counts.shape, side[1].counts.shape)
        shaped.setdefault(shape, []).append((number, before, now, side))
    for (before_shape, now_shape, _, (groups, cells)), found in shaped.items():
        # A baseline of one group that serves all of them is spread out by the detector, which needs one field for it.
        most = max(1, _MOST_NUMBERS // (groups * cells)) if before_shape == now_shape else 1
        for start in range(0, len(found), most):
            yield _stack(found[start : start + most], groups)


def _stack(found: Sequence[tuple[int, IntArray, IntArray, tuple[Any, Any, Correlation]]], groups: int) -> Stack:
    numbers, befores, nows, sides = zip(*found, strict=True)
    if len(numbers) == 1:
        return Stack(numbers, *sides[0])
    rho: FloatArray = np.concatenate([np.broadcast_to(np.asarray(side[2], np.float64), groups) for side in sides])
    return Stack(numbers, _stacked([s[0] for s in sides], befores), _stacked([s[1] for s in sides], nows), rho)


def _stacked(parts: Sequence[Any], merged: Sequence[IntArray]) -> StackedCells:
    counts = np.concatenate([part.counts for part in parts])
    masks = [getattr(part, "single", None) for part in parts]
    single = [
        np.broadcast_to(False if mask is None else mask, part.counts.shape)
        for mask, part in zip(masks, parts, strict=True)
    ]
    return StackedCells(counts, np.concatenate(merged), np.concatenate(single))
