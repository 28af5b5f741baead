"""The counts and sums of a classifier's outcomes, per group, from which every metric of classes is made."""

from __future__ import annotations

import numpy as np

from monitor.accumulators.fitting import require_frame, stored_array
from monitor.accumulators.grouping import group_sizes, group_sums, grouped_counts, grouped_sums
from monitor.performance.frame import CALIBRATION_BINS, SCORE_CELLS, PerformanceFrame, cells_of
from monitor.performance.outcome import Outcomes
from monitor.performance.sparse import stored_cells
from monitor.protocols import State
from monitor.types import FloatArray, Groups, IntArray, MaskArray

CLIPPED_AT = float(np.finfo(np.float64).eps)
"""2.2e-16: probabilities are taken to be at least this and at most 1 less this, so that no log loss is infinite."""

_COUNTS = (
    "rows",
    "predictions",
    "labels",
    "confusion",
    "scored",
    "positives",
    "negatives",
    "bin_rows",
    "bin_positives",
)
_SUMS = ("expected_scores", "bin_scores", "expected", "spread", "by_label", "losses")


class ClassCounts:
    """Counts for G groups, K classes and S scored classes (K, or 1 for a binary task), each against the rest.

    Rows, int64: `rows` (G); `predictions` and `labels` (G x K), of all rows that have one; `confusion` (G x K x K) by
    label, then predicted class, of rows that have both.
    Rows with probabilities: `scored` (G x S x 256) by cell of the score and `expected_scores`, the sum of the
    calibrated probability there; of those with a label `positives` and `negatives` (G x S x 256), and in the bins of
    the calibration error `bin_rows`, `bin_positives` and `bin_scores` (G x S x 15), the sum of the score as it is.
    `losses` (G x 5): rows with probabilities and label, Σ and Σ² of the log loss, Σ and Σ² of the Brier score.
    Expected without labels: `expected` (G x K x K), for each label (first) and predicted class (second) the sum of the
    label's calibrated probability; `spread` (G x K), Σp(1 - p) of the predicted class. `by_label` (G x K x K), of rows
    with a label (first), the sum of each class's calibrated probability.

    Guarantee: integers are bit-equal under any batching and merging, sums to about 1e-12 of themselves.
    Memory: 8 kB for each scored class and group; a state holds the occupied cells of scores only.
    """

    def __init__(self, frame: PerformanceFrame, groups: int) -> None:
        """Start empty on the frame, with `groups` groups."""
        self.frame, self.task = frame, frame.task
        classes, scored = len(self.task.classes), len(self.task.scored)
        cells, bins = (groups, scored, SCORE_CELLS), (groups, scored, CALIBRATION_BINS)
        self.rows: IntArray = np.zeros(groups, np.int64)
        self.predictions: IntArray = np.zeros((groups, classes), np.int64)
        self.labels: IntArray = np.zeros((groups, classes), np.int64)
        self.confusion: IntArray = np.zeros((groups, classes, classes), np.int64)
        self.scored: IntArray = np.zeros(cells, np.int64)
        self.positives: IntArray = np.zeros(cells, np.int64)
        self.negatives: IntArray = np.zeros(cells, np.int64)
        self.bin_rows: IntArray = np.zeros(bins, np.int64)
        self.bin_positives: IntArray = np.zeros(bins, np.int64)
        self.expected_scores: FloatArray = np.zeros(cells)
        self.bin_scores: FloatArray = np.zeros(bins)
        self.expected: FloatArray = np.zeros((groups, classes, classes))
        self.spread: FloatArray = np.zeros((groups, classes))
        self.by_label: FloatArray = np.zeros((groups, classes, classes))
        self.losses: FloatArray = np.zeros((groups, 5))

    def update(self, outcomes: Outcomes) -> None:
        """Fold the rows in; no row changes nothing."""
        if not len(outcomes):
            return
        groups, classes = outcomes.groups, len(self.task.classes)
        predicted, label = outcomes.classes(self.task), outcomes.labels(self.task)
        self.rows += group_sizes(len(outcomes), groups)
        self.predictions += _of_known(predicted, classes, groups)
        self.labels += _of_known(label, classes, groups)
        both = (predicted >= 0) & (label >= 0)
        cells = label[both] * classes + predicted[both]
        self.confusion += grouped_counts(cells, classes * classes, groups.take(both)).reshape(self.confusion.shape)
        p, usable = outcomes.probabilities(self.task)
        if usable.any():
            self._score(p[usable], predicted[usable], label[usable], groups.take(usable))

    def _score(self, p: FloatArray, predicted: IntArray, label: IntArray, groups: Groups) -> None:
        """Fold in rows that have probabilities."""
        calibrated, known = self.frame.calibrated(p), label >= 0
        of_known = groups.take(known)
        for i, place in enumerate(self.task.scored):
            cells = cells_of(p[:, i], self.frame.cuts[i])
            self.scored[:, i] += grouped_counts(cells, SCORE_CELLS, groups)
            self.expected_scores[:, i] += grouped_sums(cells, calibrated[:, i], SCORE_CELLS, groups)
            self._label(i, cells[known], p[known, i], label[known] == place, of_known)
        calibrated = np.column_stack((1 - calibrated, calibrated)) if calibrated.shape[1] == 1 else calibrated
        self._expect(calibrated, predicted, groups)
        for k in range(calibrated.shape[1]):
            self.by_label[:, :, k] += grouped_sums(label[known], calibrated[known, k], calibrated.shape[1], of_known)
        self.losses += _losses(p[known], label[known], of_known)

    def _label(self, i: int, cells: IntArray, scores: FloatArray, positive: MaskArray, groups: Groups) -> None:
        """Fold in one scored class of rows that have a label."""
        found = grouped_counts(cells[positive], SCORE_CELLS, groups.take(positive))
        self.positives[:, i] += found
        self.negatives[:, i] += grouped_counts(cells, SCORE_CELLS, groups) - found
        bins = cells_of(scores, self.frame.bins[i])
        self.bin_rows[:, i] += grouped_counts(bins, CALIBRATION_BINS, groups)
        self.bin_positives[:, i] += grouped_counts(bins[positive], CALIBRATION_BINS, groups.take(positive))
        self.bin_scores[:, i] += grouped_sums(bins, scores, CALIBRATION_BINS, groups)

    def _expect(self, calibrated: FloatArray, predicted: IntArray, groups: Groups) -> None:
        """Fold in what the probabilities say of the labels of rows with a predicted class."""
        known = predicted >= 0
        p, predicted, groups = calibrated[known], predicted[known], groups.take(known)
        classes = p.shape[1]
        for k in range(classes):
            self.expected[:, k] += grouped_sums(predicted, p[:, k], classes, groups)
        own = p[np.arange(len(p)), predicted]
        self.spread += grouped_sums(predicted, own * (1 - own), classes, groups)

    def merge(self, other: ClassCounts) -> None:
        """Add the counts and sums of another one on the same frame and groups."""
        self.frame.require_same(other.frame)
        for name in (*_COUNTS, *_SUMS):
            mine: IntArray | FloatArray = getattr(self, name)
            mine += getattr(other, name)

    def state(self) -> State:
        """Return copies of everything with the digest of the frame; of cells of scores the occupied ones."""
        small = {name: getattr(self, name).copy() for name in (*_COUNTS, *_SUMS) if name not in _SPARSE}
        occupied = np.flatnonzero(self.scored)
        cells = {name: getattr(self, name).reshape(-1)[occupied] for name in _SPARSE}
        return {"frame": self.frame.digest, "cells": occupied.astype(np.int64), **small, **cells}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when shape or frame do not fit."""
        require_frame(state, self.frame.digest)
        found = {
            name: stored_array(state, name, getattr(self, name)) for name in (*_COUNTS, *_SUMS) if name not in _SPARSE
        }
        cells = stored_cells(state, self.scored.size)
        for name in _SPARSE:
            whole = np.zeros_like(getattr(self, name))
            whole.reshape(-1)[cells] = stored_array(state, name, np.zeros(cells.size, whole.dtype))
            found[name] = whole
        for name, array in found.items():
            setattr(self, name, array)


_SPARSE = ("scored", "positives", "negatives", "expected_scores")


def _of_known(values: IntArray, classes: int, groups: Groups) -> IntArray:
    """Return how many rows of each class each group has, those without left out."""
    known = values >= 0
    return grouped_counts(values[known], classes, groups.take(known))


def _losses(p: FloatArray, label: IntArray, groups: Groups) -> FloatArray:
    """Return rows, Σ and Σ² of the log loss, Σ and Σ² of the Brier score per group (groups x 5).

    The Brier score of a row is (p - y)² of the positive class, with more than two classes Σ(p - y)² over all of them.
    """
    if p.shape[1] == 1:
        right, errors = np.where(label == 1, p[:, 0], 1 - p[:, 0]), np.square(p[:, 0] - label)
    else:
        place = np.arange(len(p))
        right = p[place, label]
        errors = np.square(p).sum(axis=1) - np.square(right) + np.square(1 - right)
    loss = -np.log(np.clip(right, CLIPPED_AT, 1 - CLIPPED_AT))
    columns = (np.ones(len(p)), loss, np.square(loss), errors, np.square(errors))
    return np.column_stack([group_sums(column, groups) for column in columns])
