"""How far predicted numbers are from the true ones: bias, MAE, RMSE, R² and quantiles of the error's size."""

from __future__ import annotations

import numpy as np

from monitor.accumulators.log_cells import magnitude_middle
from monitor.intervals import TWO_SIDED
from monitor.performance.error_counts import ABSOLUTE, BIAS, LABEL, LABEL_SQUARE, SQUARE, ErrorCounts
from monitor.performance.metric import Metric
from monitor.types import FloatArray, IntArray

_CELL_ERROR = 0.01
"""A quantile is within this share of itself of a value whose rank is exact."""


def bias(errors: ErrorCounts) -> Metric:
    """Return the mean of predicted - label: above 0 where the model says too much."""
    return Metric.number(errors.moments.mean[:, BIAS], _standard_error(errors, BIAS), errors.n)


def mae(errors: ErrorCounts) -> Metric:
    """Return the mean of |predicted - label|."""
    return Metric.number(errors.moments.mean[:, ABSOLUTE], _standard_error(errors, ABSOLUTE), errors.n, least=0.0)


def rmse(errors: ErrorCounts) -> Metric:
    """Return the root of the mean of (predicted - label)²; standard error by the delta method.

    It needs rows enough for the mean of the squares to be normal: of 250 heavy-tailed errors 90 % of intervals hold it.
    """
    value = np.sqrt(errors.moments.mean[:, SQUARE])
    error = _standard_error(errors, SQUARE) / np.where(value > 0, 2 * value, 1.0)
    return Metric.number(value, error, errors.n, least=0.0)


def r2(errors: ErrorCounts) -> Metric:
    """Return 1 - Σ(predicted - label)² / Σ(label - mean label)²; NaN where the labels are all the same.

    Standard error by the delta method from the means of e², z and z², z the label in the frame's units.
    """
    n = np.maximum(errors.n, 1).astype(np.float64)
    scale = errors.frame.scale**2
    means, m2 = errors.moments.mean, errors.moments.m2
    spread = m2[:, LABEL, LABEL] / n * scale
    there = spread > 0
    below = np.where(there, spread, 1.0)
    unexplained = means[:, SQUARE] / below
    columns = [SQUARE, LABEL, LABEL_SQUARE]
    towards = unexplained / below * scale
    gradient = np.stack((-1 / below, -2 * means[:, LABEL] * towards, towards), axis=1)
    covariance = m2[:, columns][:, :, columns] / np.maximum(n - 1, 1)[:, None, None]
    with np.errstate(over="ignore", invalid="ignore"):
        variance = np.einsum("gi,gij,gj->g", gradient, covariance, gradient) / n
    return Metric.number(
        np.where(there, 1 - unexplained, np.nan), np.sqrt(np.maximum(variance, 0.0)), errors.n, most=1.0
    )


def error_quantile(errors: ErrorCounts, share: float) -> Metric:
    """Return the size of error that `share` of the rows stay below, within 1 % of an exact rank.

    The interval is between the ranks n·share ± 1.96·√(n·share·(1 - share)), which is free of any law of the errors;
    where the upper one is beyond the last row it ends at the largest error, which is then too low.
    """
    n = errors.n.astype(np.float64)
    half = TWO_SIDED * np.sqrt(n * share * (1 - share))
    ranks = (np.floor(share * n), np.floor(share * n - half), np.ceil(share * n + half))
    last = np.maximum(n - 1, 0)
    value, lower, upper = (_at(errors.sizes, np.clip(rank, 0, last)) for rank in ranks)
    value = np.where(n > 0, value, np.nan)
    return Metric.between(value, lower, upper, errors.n, np.where(n > 0, value, 0.0) * _CELL_ERROR)


def _at(sizes: IntArray, rank: FloatArray) -> FloatArray:
    """Return the middle of the cell that holds the value of this rank (from 0) in each group."""
    cells = (np.cumsum(sizes, axis=1) <= rank[:, None]).sum(axis=1)
    return magnitude_middle(np.minimum(cells, sizes.shape[1] - 1))


def _standard_error(errors: ErrorCounts, column: int) -> FloatArray:
    """Return the standard error of a column's mean; of one row, whose spread is not known, its size."""
    n = np.maximum(errors.n, 1)
    variance = errors.moments.m2[:, column, column] / np.maximum(n - 1, 1)
    return np.where(errors.n == 1, np.abs(errors.moments.mean[:, column]), np.sqrt(np.maximum(variance, 0.0) / n))
