"""The seasonal baseline: the same hours of the reference, shrunk towards all of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from monitor.baseline.model import Baseline
from monitor.baseline.view import BaselineChange, BaselineView
from monitor.protocols import State
from monitor.types import IntArray

_KEPT_VIEWS = 8
_BUCKETS = 10
_MOST_CELLS = 50
"""What is lent is biased towards the whole, and bounds allow for chance but not for bias: it must stay little."""


class SeasonalKeeper:
    """Compares a window with the baseline's rows of the hours that it touches.

    Slots are weighted by how long the window lies in them over how long the baseline did; the heaviest counts whole.
    To them come κ rows that are distributed as all of the baseline's, κ = shrinkage x cells (of a number 10), so
    that a share is p_{b,h} = (r_{b,h} + κ p_b) / (r_h + κ), in every segment for itself; at most all of its rows are
    lent. Counts are rounded. An hour that the baseline never covered has the shares of the whole baseline, with the
    uncertainty of κ rows. Statistics without slots (those of vectors and of groups of fields) are the whole baseline's.
    """

    def __init__(self, baseline: Baseline, shrinkage: float) -> None:
        """Keep a baseline that was built with slots."""
        assert baseline.slots is not None
        self._baseline, self._slots, self._shrinkage = baseline, baseline.slots, shrinkage
        self._mixed = lru_cache(maxsize=_KEPT_VIEWS)(self._mix)

    def view(self, start_ms: int, end_ms: int) -> BaselineView:
        """Return the reference of the hours that the window touches."""
        spent, covered = self._slots.season.overlaps(start_ms, end_ms), self._slots.covered_ms
        weights = np.divide(spent, covered, out=np.zeros(spent.size), where=covered > 0)
        heaviest = float(weights.max(initial=0.0))
        return self._mixed(tuple((weights / heaviest).round(6).tolist()) if heaviest else (0.0,) * spent.size)

    def _mix(self, weights: tuple[float, ...]) -> BaselineView:
        """Return the weighted slots with what all of the baseline lends them."""
        held = self._baseline.profile.accumulators
        accumulators: dict[Any, Any] = {}
        for spec, whole in held.items():
            if spec not in self._slots.profiles[0].accumulators:
                accumulators[spec] = whole
                continue
            cells, rows = _extent(whole)
            lent = self._shrinkage * cells
            mixed = whole.scaled(np.minimum(1.0, lent / np.maximum(rows, 1)))
            for slot, weight in enumerate(weights):
                if weight > 0:
                    part = self._slots.profiles[slot].accumulators[spec]
                    mixed.merge(part if weight == 1 else part.scaled(np.full(rows.size, weight)))
            accumulators[spec] = mixed
        correlation = self._baseline.correlation
        return BaselineView(
            accumulators, {} if correlation is None else correlation.rho, version=self._baseline.version
        )

    def hear(self, window: Any) -> Sequence[BaselineChange]:
        """Learn nothing."""
        return ()

    def state(self) -> State:
        """Return nothing: the baseline has its own file."""
        return {}

    def load(self, state: State) -> None:
        """Take nothing."""


def _extent(accumulator: Any) -> tuple[int, IntArray]:
    """Return how many cells hold rows, 10 of a number at most and 50 of anything, and the rows of each group."""
    counts = getattr(accumulator, "counts", None)
    if counts is None:
        return 1, getattr(accumulator, "moments", accumulator).n
    seen = accumulator.cells(_BUCKETS) if hasattr(accumulator, "cells") else counts
    return min(_MOST_CELLS, int(np.count_nonzero(seen[0]))), counts.sum(axis=1)
