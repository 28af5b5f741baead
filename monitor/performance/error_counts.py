"""The moments and cells of a regression's errors, per group, from which every metric of numbers is made."""

from __future__ import annotations

import numpy as np

from monitor.accumulators.comoments import CoMoments
from monitor.accumulators.fitting import require_frame, stored_array
from monitor.accumulators.grouping import group_sizes, grouped_counts
from monitor.accumulators.log_cells import MAGNITUDES, magnitude_cells
from monitor.performance.frame import PerformanceFrame
from monitor.performance.outcome import Outcomes
from monitor.performance.sparse import stored_cells
from monitor.protocols import State
from monitor.types import FloatArray, IntArray

LARGEST = 1e70
"""Errors and standardised labels beyond are taken for this, so that their fourth powers are still numbers."""

BIAS, ABSOLUTE, SQUARE, LABEL, LABEL_SQUARE = range(5)
"""The columns of `moments`: the error e = predicted - label, |e|, e², and the label z and z² in the frame's units."""


class ErrorCounts:
    """Per group: `rows`, and of those with prediction and label the moments of the errors and cells of their size.

    `moments`: count, means and covariances of the five columns above. `sizes` (groups x cells), int64: |e| in cells of
    ratio 1.02 (see `LogCells`), from which quantiles within 1 % are read.
    Guarantee: cells are bit-equal under any batching and merging, moments to about 1e-12.
    Memory: 31 kB a group; a state holds the occupied cells only.
    """

    def __init__(self, frame: PerformanceFrame, groups: int) -> None:
        """Start empty on the frame, with `groups` groups."""
        self.frame, self.task = frame, frame.task
        self.rows: IntArray = np.zeros(groups, np.int64)
        self.moments = CoMoments(groups, 5)
        self.sizes: IntArray = np.zeros((groups, MAGNITUDES), np.int64)

    @property
    def n(self) -> IntArray:
        """How many rows of each group have both prediction and label."""
        return self.moments.n

    def update(self, outcomes: Outcomes) -> None:
        """Fold the rows in; what is not finite is missing, and no row changes nothing."""
        if not len(outcomes):
            return
        self.rows += group_sizes(len(outcomes), outcomes.groups)
        if outcomes.label is None:
            return
        predicted, label = np.asarray(outcomes.predicted, np.float64), np.asarray(outcomes.label, np.float64)
        both = np.isfinite(predicted) & np.isfinite(label)
        if not both.any():
            return
        groups, predicted, label = outcomes.groups.take(both), predicted[both], label[both]
        matrix = self._columns(predicted, label)
        self.moments.update(matrix, groups)
        self.sizes += grouped_counts(magnitude_cells(matrix[:, ABSOLUTE]), MAGNITUDES, groups)

    def _columns(self, predicted: FloatArray, label: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            error = np.clip(predicted - label, -LARGEST, LARGEST)
            label = np.clip((label - self.frame.centre) / self.frame.scale, -LARGEST, LARGEST)
        return np.column_stack((error, np.abs(error), np.square(error), label, np.square(label)))

    def merge(self, other: ErrorCounts) -> None:
        """Fold in another one on the same frame and groups."""
        self.frame.require_same(other.frame)
        self.rows += other.rows
        self.moments.merge(other.moments)
        self.sizes += other.sizes

    def state(self) -> State:
        """Return copies of everything with the digest of the frame; of the cells the occupied ones."""
        occupied = np.flatnonzero(self.sizes)
        cells = {"cells": occupied.astype(np.int64), "sizes": self.sizes.reshape(-1)[occupied]}
        return {"frame": self.frame.digest, "rows": self.rows.copy(), **cells, **self.moments.state()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when shape or frame do not fit."""
        require_frame(state, self.frame.digest)
        rows, cells = stored_array(state, "rows", self.rows), stored_cells(state, self.sizes.size)
        counts = stored_array(state, "sizes", np.zeros(cells.size, np.int64))
        self.moments.load(state)
        self.rows, self.sizes = rows, np.zeros_like(self.sizes)
        self.sizes.reshape(-1)[cells] = counts
