"""Turning a model's scores into probabilities that hold, by isotonic regression on the baseline's labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.hashing import mix
from monitor.types import FloatArray, IntArray, MaskArray

_FOLDS = 10
_ECE_BINS = 10
_PERFECT_AUC = 0.999
_MOST_KNOTS = 2000
_ROUNDING = 1e-15


@dataclass(frozen=True, eq=False)
class Calibrator:
    """A rising function of the score, linear between its knots and constant beyond them.

    Without knots it is the identity: the scores are probabilities already.
    """

    scores: FloatArray
    probabilities: FloatArray

    @classmethod
    def identity(cls) -> Calibrator:
        """Return the one that leaves scores as they are."""
        return cls(np.zeros(0), np.zeros(0))

    @classmethod
    def fitted(cls, scores: FloatArray, positive: FloatArray, weights: FloatArray | None = None) -> Calibrator:
        """Return the rising function with the least squared error (pool adjacent violators), of finite scores.

        `positive` is 0 or 1 a row, or with `weights` the share of positive ones at a score. Scores that differ by
        rounding only (1e-15) are taken together. Above 2,000 knots every so many are kept, which moves a probability by
        one step's height at most.
        """
        from scipy.optimize import isotonic_regression

        found, where = np.unique(scores, return_inverse=True)
        if not found.size:
            return cls.identity()
        first = np.concatenate(([True], np.diff(found) >= _ROUNDING))
        found, where = found[first], (np.cumsum(first) - 1)[where]
        mass = np.ones(scores.size) if weights is None else weights
        total = np.bincount(where, mass)
        share = np.bincount(where, mass * positive) / total
        fitted = np.asarray(isotonic_regression(share, weights=total).x)
        # Of a flat stretch only its ends are needed.
        inner = np.flatnonzero((fitted[1:-1] == fitted[:-2]) & (fitted[1:-1] == fitted[2:])) + 1
        knots = np.delete(np.arange(found.size), inner)
        if knots.size > _MOST_KNOTS:
            knots = knots[np.unique(np.linspace(0, knots.size - 1, _MOST_KNOTS).round().astype(np.int64))]
        return cls(found[knots], np.clip(fitted[knots], 0.0, 1.0))

    @property
    def is_identity(self) -> bool:
        """Whether scores are left as they are."""
        return self.scores.size == 0

    def calibrated(self, scores: FloatArray) -> FloatArray:
        """Return the probability of each score."""
        return scores if self.is_identity else np.interp(scores, self.scores, self.probabilities)


def needed(scores: FloatArray, positive: MaskArray) -> Calibrator:
    """Return the calibrator of these rows if it helps on rows it has not seen, else the identity.

    By ten folds that keep the share of positive rows: the expected calibration error in ten bins of equal mass has to
    be smaller with than without. With one class only, or where the classes are separated (AUC above 0.999), no
    calibration can be learned and none is used. Rows are dealt to the folds by a hash of their place, so that the
    answer is the same every time.
    """
    positives = int(np.count_nonzero(positive))
    if min(positives, positive.size - positives) < _FOLDS or _auc(scores, positive) > _PERFECT_AUC:
        return Calibrator.identity()
    labels, folds = positive.astype(np.float64), _stratified(positive)
    held_out = np.empty(scores.size)
    for fold in range(_FOLDS):
        inside = folds == fold
        held_out[inside] = Calibrator.fitted(scores[~inside], labels[~inside]).calibrated(scores[inside])
    if _ece(held_out, labels) >= _ece(scores, labels):
        return Calibrator.identity()
    return Calibrator.fitted(scores, labels)


def _stratified(positive: MaskArray) -> IntArray:
    """Return the fold of each row, each class dealt out evenly in an order that is fixed but has no pattern."""
    order = np.lexsort((mix(np.arange(positive.size, dtype=np.uint64)), positive))
    folds = np.empty(positive.size, np.int64)
    folds[order] = np.arange(positive.size) % _FOLDS
    return folds


def _ece(p: FloatArray, labels: FloatArray) -> float:
    """Return the expected calibration error in bins of equal mass by rank."""
    order = np.argsort(p, kind="stable")
    starts = np.unique((np.arange(_ECE_BINS) * p.size) // _ECE_BINS)
    return float(np.abs(np.add.reduceat((p - labels)[order], starts)).sum()) / p.size


def _auc(scores: FloatArray, positive: MaskArray) -> float:
    """Return the exact area under the curve, ties counted half."""
    found, where = np.unique(scores, return_inverse=True)
    per_score = np.bincount(where, positive, minlength=found.size)
    negative = np.bincount(where, minlength=found.size) - per_score
    below = np.cumsum(negative) - negative / 2
    return float((per_score * below).sum() / max(per_score.sum() * negative.sum(), 1))
