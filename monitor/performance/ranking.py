"""How well scores tell one class from the rest, of counts in cells of the score: AUC, average precision and KS.

All take `positives` and `negatives` (groups x cells), by rising score; counts, or expected ones that are no whole
numbers. Of rows in one cell no order is known; each metric says what that can change at most.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from monitor.performance.metric import Metric
from monitor.types import FloatArray, IntArray


def auc(positives: FloatArray | IntArray, negatives: FloatArray | IntArray) -> Metric:
    """Return the area under the ROC curve: Σ pos·(negatives below + half of those in the cell) / (P·N).

    Error bound: ½ Σ pos·neg / (P·N). Standard error: DeLong's, of the scores' cells.
    Source: DeLong, DeLong & Clarke-Pearson (1988); Sun & Xu (2014) for the ranks.
    """
    pos, neg, of_pos, of_neg = _sides(positives, negatives)
    product = of_pos * of_neg
    beaten = (np.cumsum(neg, axis=1) - neg / 2) / _one(of_neg)
    beaten_by = (of_pos - np.cumsum(pos, axis=1) + pos / 2) / _one(of_pos)
    value = (pos * beaten).sum(axis=1, keepdims=True) / _one(of_pos)
    first = (pos * np.square(beaten - value)).sum(axis=1, keepdims=True) / _one(np.square(of_pos))
    second = (neg * np.square(beaten_by - value)).sum(axis=1, keepdims=True) / _one(np.square(of_neg))
    # Sample variances, of n rows over n - 1; of a single row no variance is known.
    first, second = (part * n / np.maximum(n - 1, 0.5) for part, n in ((first, of_pos), (second, of_neg)))
    bound = (pos * neg).sum(axis=1, keepdims=True) / _one(2 * product)
    defined, n = (product > 0)[:, 0], np.rint(of_pos + of_neg)[:, 0].astype(np.int64)
    found = np.where(defined, value[:, 0], np.nan)
    error = np.sqrt(first + second)[:, 0]
    return Metric.share(found, error, n, size=np.minimum(of_pos, of_neg)[:, 0], error_bound=bound[:, 0])


def average_precision(positives: FloatArray | IntArray, negatives: FloatArray | IntArray) -> Metric:
    """Return the mean precision at the scores of the positive rows, those of one cell taken together.

    Error bound: to the order within the cells that is worst for it; taken together is the best. Standard error: by the
    delta method.
    """
    pos, neg, of_pos, of_neg = (side[:, ::-1] for side in _sides(positives, negatives))
    true, false = np.cumsum(pos, axis=1), np.cumsum(neg, axis=1)
    called = _one(true + false)
    total = _one(of_pos)
    value = (pos * true / called).sum(axis=1, keepdims=True) / total
    worst = _negatives_first(pos, true, false).sum(axis=1, keepdims=True) / total
    best = (pos * true / _one(called - neg)).sum(axis=1, keepdims=True) / total
    bound = np.maximum(np.maximum(best - value, value - worst), 0.0)
    later_true = np.cumsum((pos * false / np.square(called))[:, ::-1], axis=1)[:, ::-1]
    later_false = np.cumsum((pos * true / np.square(called))[:, ::-1], axis=1)[:, ::-1]
    variance = pos * np.square((true / called + later_true - value) / total) + neg * np.square(later_false / total)
    defined, n = (of_pos > 0)[:, 0], np.rint(of_pos + of_neg)[:, 0].astype(np.int64)
    found = np.where(defined, value[:, 0], np.nan)
    error = np.sqrt(variance.sum(axis=1))
    return Metric.share(found, error, n, size=of_pos[:, 0], error_bound=bound[:, 0])


def ks(positives: FloatArray | IntArray, negatives: FloatArray | IntArray) -> Metric:
    """Return the largest distance between the score's distributions of the positive and of the negative rows.

    Error bound: to the order within the cells that is best for it. Standard error: that of the two shares where the
    distance is largest, which it is only nearly where two places are about equally good.
    """
    pos, neg, of_pos, of_neg = _sides(positives, negatives)
    upto = np.cumsum(pos, axis=1) / _one(of_pos), np.cumsum(neg, axis=1) / _one(of_neg)
    distance = np.abs(upto[0] - upto[1])
    place = distance.argmax(axis=1)[:, None]
    shares = [np.take_along_axis(side, place, axis=1) for side in upto]
    spread = [share * (1 - share) / _one(n) for share, n in zip(shares, (of_pos, of_neg), strict=True)]
    signed = np.concatenate((np.zeros((len(pos), 1)), (upto[0] - upto[1])[:, :-1]), axis=1)
    # Where each cell's rows of one class all come before those of the other.
    most = np.maximum(signed + pos / _one(of_pos), neg / _one(of_neg) - signed).max(axis=1)
    value = distance.max(axis=1)
    bound = np.maximum(most - value, 0.0)
    defined, n = (of_pos * of_neg > 0)[:, 0], np.rint(of_pos + of_neg)[:, 0].astype(np.int64)
    error = np.sqrt(np.maximum(spread[0] + spread[1], 0.0))[:, 0]
    return Metric.number(np.where(defined, value, np.nan), error, n, error_bound=bound, least=0.0, most=1.0)


def _negatives_first(pos: FloatArray, true: FloatArray, false: FloatArray) -> FloatArray:
    """Return each cell's summed precision if its negative rows come first and no two scores are equal.

    Σ (T + i) / (T + i + F) over i = 1 … p is p - F·(ψ(T + F + p + 1) - ψ(T + F + 1)).
    """
    end = true + false + 1
    return np.asarray(pos - false * (special.digamma(end) - special.digamma(end - pos)))


def _sides(
    positives: FloatArray | IntArray, negatives: FloatArray | IntArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return both as floats with their sums (groups x 1)."""
    pos, neg = np.asarray(positives, np.float64), np.asarray(negatives, np.float64)
    return pos, neg, pos.sum(axis=1, keepdims=True), neg.sum(axis=1, keepdims=True)


def _one(values: FloatArray) -> FloatArray:
    """Return the values with 1 for those that are not above 0, to divide by."""
    return np.where(values > 0, values, 1.0)
