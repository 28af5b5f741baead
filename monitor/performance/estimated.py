"""What a model's performance should be by its own calibrated probabilities, before any label has come.

Confidence-based performance estimation (CBPE): a row predicted as a class is right with the calibrated probability of
that class, so the sums of these probabilities are the confusion matrix that is to be expected, and all that follows
from it. **It assumes that P(label | row) is what it was in the baseline**: it follows a change of what rows come
(covariate shift), and is blind to a change of what they mean (concept drift). It also assumes that the calibration
learned in the baseline holds for the rows of today.
Source: NannyML's documentation of CBPE; the same numbers, see tests/oracle.
"""

from __future__ import annotations

import numpy as np

from monitor.performance.class_counts import ClassCounts
from monitor.performance.confusion import Derived
from monitor.performance.counts import PerformanceCounts
from monitor.performance.metric import Metric
from monitor.performance.metrics import METRICS, of_matrix, of_ranking, require
from monitor.types import FloatArray, IntArray

ASSUMPTION = "assumes that P(label | row) is as in the baseline; blind to concept drift"
"""To be said wherever an estimate is shown."""

ESTIMATED = tuple(name for name, kind in METRICS.items() if kind.without_labels)
"""The metrics that can be estimated."""


def estimated(counts: PerformanceCounts, name: str, of: str | None = None) -> Metric:
    """Return what a metric should be of all rows that have probabilities, whether or not a label has come.

    The standard error is that of the labels these rows will have, given their probabilities: 95 of 100 times the
    interval holds the metric of these very rows when their labels are known, as long as the assumption holds. For a
    binary task it is exact to first order, Σ (∂/∂C)²·Σp(1 - p); with more classes p(1 - p) is taken of each cell's mean
    p, which is never too small. For AUC, average precision and KS it is that of rows drawn anew, which is larger.
    How well calibration was learned is not in it.

    Raises ValueError for a metric that cannot be estimated.
    """
    if not require(counts.task, name, of).without_labels:
        raise ValueError(f"{name!r} cannot be estimated without labels; {', '.join(ESTIMATED)} can")
    kept = counts.classes
    if METRICS[name].needs_probability:
        return of_ranking(counts.task, name, of, kept.expected_scores, kept.scored - kept.expected_scores)
    n = rows(kept)
    return of_matrix(counts.task, name, of, kept.expected, lambda it: it.with_variance(_variance(kept, it), n))


def rows(counts: ClassCounts) -> IntArray:
    """Return how many rows of each group have both a predicted class and probabilities."""
    return np.asarray(np.rint(counts.expected.sum(axis=(1, 2))), np.int64)


def expected_confusion(counts: PerformanceCounts) -> tuple[FloatArray, FloatArray]:
    """Return the confusion matrix to be expected (groups x K x K; label, then prediction) and its standard errors."""
    kept = counts.classes
    if counts.task.kind == "binary":
        variance = np.broadcast_to(kept.spread[:, None, :], kept.expected.shape)
    else:
        totals = kept.expected.sum(axis=1, keepdims=True)
        variance = kept.expected * (1 - kept.expected / np.where(totals > 0, totals, 1.0))
    return kept.expected.copy(), np.sqrt(np.maximum(variance, 0.0))


def _variance(kept: ClassCounts, derived: Derived) -> FloatArray:
    """Return the variance of a function of the expected matrix; rows predicted alike have independent labels."""
    gradient = derived.gradient
    if gradient.shape[1] == 2:
        return np.asarray((np.square(gradient[:, 1] - gradient[:, 0]) * kept.spread).sum(axis=1))
    totals = kept.expected.sum(axis=1)
    squares = (np.square(gradient) * kept.expected).sum(axis=1)
    means = (gradient * kept.expected).sum(axis=1)
    return np.asarray((squares - np.square(means) / np.where(totals > 0, totals, 1.0)).sum(axis=1))
