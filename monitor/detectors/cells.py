"""Cell counts of baseline and current side by side, and what every detector on cells needs of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from monitor.types import Correlation, FloatArray, IntArray, MaskArray, Score


class Cells(Protocol):
    """What a detector reads of an accumulator: how many values fell into each cell, for each group."""

    def cells(self, buckets: int, /) -> IntArray:
        """Return the counts (groups x cells), numbers merged to at most `buckets` cells."""
        ...


@dataclass(frozen=True, eq=False)
class CellPair:
    """Counts of the same cells (G groups x B cells) in the baseline and in the current window.

    `rho` is the correlation of two rows of the same window within a cell (0: rows are independent), for all groups
    or one a group. It multiplies the variance of every share by the design effect 1 + (n-1)·rho (Rao & Scott 1981,
    first order); the baseline is taken to consist of windows about as large as the current one.
    """

    baseline: FloatArray
    current: FloatArray
    rho: Correlation = 0.0

    @classmethod
    def of(cls, baseline: Cells, current: Cells, buckets: int, rho: Correlation = 0.0) -> CellPair:
        """Pair the cells of two accumulators on the same frame; numbers are merged to `buckets` cells."""
        return cls.of_counts(baseline.cells(buckets), current.cells(buckets), rho)

    @classmethod
    def of_counts(cls, baseline: IntArray, current: IntArray, rho: Correlation = 0.0) -> CellPair:
        """Pair two count arrays (groups x cells); a baseline of one group serves all groups."""
        before, now = baseline.astype(np.float64), current.astype(np.float64)
        if before.shape != now.shape:
            before, now = np.broadcast_arrays(before, now)
        return cls(before, now, rho)

    @cached_property
    def n_baseline(self) -> IntArray:
        """The values in the baseline, per group."""
        return np.asarray(self.baseline.sum(axis=1), np.int64)

    @cached_property
    def n_current(self) -> IntArray:
        """The values in the current window, per group."""
        return np.asarray(self.current.sum(axis=1), np.int64)

    @cached_property
    def defined(self) -> MaskArray:
        """The groups with values on both sides; nothing can be said of the others."""
        return (self.n_baseline > 0) & (self.n_current > 0)

    @cached_property
    def effect(self) -> FloatArray:
        """The design effect 1 + (n-1)·rho per group: so many correlated rows are worth one independent row."""
        return np.asarray(1 + (np.maximum(self.n_current, 1) - 1) * self.rho, np.float64)

    @cached_property
    def rows(self) -> tuple[FloatArray, FloatArray]:
        """How many independent rows those of baseline and current are worth, per group; positive where empty."""
        return tuple(np.maximum(n, 1) / self.effect for n in (self.n_baseline, self.n_current))  # type: ignore[return-value]

    @cached_property
    def noise(self) -> FloatArray:
        """The sampling noise K = (1/n + 1/m)·(1 + (n-1)·rho) per group; arbitrary where not defined."""
        n, m = np.maximum(self.n_current, 1), np.maximum(self.n_baseline, 1)
        return np.asarray((1 / n + 1 / m) * self.effect)

    @cached_property
    def occupied(self) -> MaskArray:
        """The cells (G x B) that hold a value on either side; the others carry no information."""
        return np.asarray(self.baseline + self.current > 0)

    @cached_property
    def freedom(self) -> FloatArray:
        """The degrees of freedom per group: occupied cells minus one, at least 0."""
        return np.asarray(np.maximum(self.occupied.sum(axis=1) - 1, 0), np.float64)

    @cached_property
    def shares(self) -> tuple[FloatArray, FloatArray]:
        """The plain shares of baseline and current (G x B); all zero where a side is empty."""
        before = self.baseline / np.maximum(self.n_baseline, 1)[:, None]
        return before, self.current / np.maximum(self.n_current, 1)[:, None]

    @cached_property
    def smoothed(self) -> tuple[FloatArray, FloatArray]:
        """The shares with half a count added to every cell, (c + ½)/(n + B/2): never zero (Jeffreys' prior)."""
        half = 0.5 * self.baseline.shape[1]
        before = (self.baseline + 0.5) / (self.n_baseline + half)[:, None]
        return before, (self.current + 0.5) / (self.n_current + half)[:, None]

    @cached_property
    def pooled(self) -> FloatArray:
        """The shares of both sides thrown together (G x B); all zero where both are empty."""
        total = np.maximum(self.n_baseline + self.n_current, 1)
        return np.asarray((self.baseline + self.current) / total[:, None])

    def score(
        self,
        score: FloatArray,
        *,
        noise_floor: FloatArray,
        lower_bound: FloatArray,
        p_value: FloatArray | None = None,
        contributions: FloatArray | None = None,
        change: FloatArray | None = None,
        error_bound: FloatArray | None = None,
    ) -> Score:
        """Return the Score of these numbers, all NaN for groups that are not defined.

        `change` has the sign of what happened; only that becomes part of the Score, as its direction.
        """

        def where_defined(numbers: FloatArray) -> FloatArray:
            return numbers if self.defined.all() else np.where(self.defined, numbers, np.nan)

        return Score(
            score=where_defined(score),
            noise_floor=where_defined(noise_floor),
            lower_bound=where_defined(lower_bound),
            p_value=np.full(len(self.defined), np.nan) if p_value is None else where_defined(p_value),
            n_baseline=self.n_baseline,
            n_current=self.n_current,
            contributions=(None if contributions is None else np.where(self.defined[:, None], contributions, np.nan)),
            direction=None if change is None else np.where(self.defined, np.sign(change), 0).astype(np.int64),
            error_bound=None if error_bound is None else where_defined(error_bound),
        )
