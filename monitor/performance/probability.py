"""How far probabilities can be believed: log loss, Brier score with its parts, and the calibration error."""

from __future__ import annotations

import numpy as np

from monitor.performance.class_counts import ClassCounts
from monitor.performance.metric import Metric
from monitor.types import FloatArray


def log_loss(counts: ClassCounts) -> Metric:
    """Return the mean of -ln p of the true class, p taken to be at least 2.2e-16."""
    return _mean(counts, 1)


def brier(counts: ClassCounts) -> Metric:
    """Return the mean of (p - y)² of the positive class; with more than two classes the sum over all of them."""
    return _mean(counts, 3)


def ece(counts: ClassCounts, of: int) -> Metric:
    """Return Σ n_b/n·|share of positive rows - mean score| of the scored class at place `of`, over 15 bins.

    The bins are the frame's. Standard error √Σ n_b·a_b(1 - a_b) / n, which is too large where bins are well calibrated.
    Without any miscalibration it is not 0: see `ece_debiased`.
    """
    return _calibration_error(counts, of, debias=False)


def ece_debiased(counts: ClassCounts, of: int) -> Metric:
    """Return the calibration error less what noise alone gives, Σ √(2·n_b·a_b(1 - a_b)/π) / n, but not below 0."""
    return _calibration_error(counts, of, debias=True)


def reliability(counts: ClassCounts, of: int) -> Metric:
    """Return Σ n_b/n·(mean score - share of positive rows)² over the 15 bins, the part that calibration would save.

    Noise adds about Σ a_b(1 - a_b)/n to it. Standard error by the delta method.
    """
    n, gap, noise = _bins(counts, of)
    value = (n * np.square(gap)).sum(axis=1)
    return _part(counts, of, value, 4 * n * np.square(gap) * noise)


def resolution(counts: ClassCounts, of: int) -> Metric:
    """Return Σ n_b/n·(share of positive rows in the bin - in all)² over the 15 bins: what the scores tell apart.

    Noise adds about Σ a_b(1 - a_b)/n to it. Standard error by the delta method.
    """
    n, _, noise = _bins(counts, of)
    positives = counts.bin_positives[:, of]
    share = positives.sum(axis=1, keepdims=True) / np.maximum(n.sum(axis=1, keepdims=True), 1)
    apart = positives / np.maximum(n, 1) - share
    return _part(counts, of, (n * np.square(apart)).sum(axis=1), 4 * n * np.square(apart) * noise)


def _mean(counts: ClassCounts, place: int) -> Metric:
    """Return the mean of the loss whose sums are in columns `place` and the next of `losses`."""
    n, total, squares = counts.losses[:, 0], counts.losses[:, place], counts.losses[:, place + 1]
    value = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    variance = np.maximum(squares - np.square(total) / np.maximum(n, 1), 0.0) / np.maximum(n - 1, 1)
    # Of one row no spread is known; its square is what there is to go by.
    variance = np.where(n == 1, squares, variance)
    return Metric.number(value, np.sqrt(variance / np.maximum(n, 1)), np.rint(n).astype(np.int64), least=0.0)


def _bins(counts: ClassCounts, of: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return rows, mean score less share of positive rows, and a(1 - a) of every bin (groups x 15)."""
    n = counts.bin_rows[:, of].astype(np.float64)
    share = counts.bin_positives[:, of] / np.maximum(n, 1)
    return n, counts.bin_scores[:, of] / np.maximum(n, 1) - share, share * (1 - share)


def _calibration_error(counts: ClassCounts, of: int, *, debias: bool) -> Metric:
    n, gap, noise = _bins(counts, of)
    rows = n.sum(axis=1)
    total = (n * np.abs(gap)).sum(axis=1)
    if debias:
        total = np.maximum(total - np.sqrt(2 / np.pi * n * noise).sum(axis=1), 0.0)
    value = np.where(rows > 0, total / np.maximum(rows, 1), np.nan)
    error = np.sqrt((n * noise).sum(axis=1)) / np.maximum(rows, 1)
    return Metric.number(value, error, rows.astype(np.int64), least=0.0)


def _part(counts: ClassCounts, of: int, total: FloatArray, variances: FloatArray) -> Metric:
    rows = counts.bin_rows[:, of].sum(axis=1)
    value = np.where(rows > 0, total / np.maximum(rows, 1), np.nan)
    error = np.sqrt(variances.sum(axis=1)) / np.maximum(rows, 1)
    return Metric.number(value, error, rows, least=0.0)
