"""How the rows of one window of a baseline correlate, for groups of fields: by how much window means vary too much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from monitor.accumulators import AccumulatorSpec, ComomentSpec, FourierSpec
from monitor.accumulators.comoment import Comoment
from monitor.accumulators.fourier import Fourier
from monitor.accumulators.grouping import group_sizes, group_sums
from monitor.baseline.correlation import MIN_WINDOWS, Correlated, fitted
from monitor.baseline.windows import MAX_WINDOWS, Blocks, spread
from monitor.types import FloatArray, Groups, IntArray

_MAX_NUMBERS = 8_000_000


def joint_correlation(
    blocks: Blocks, times_ms: IntArray, window_ms: int, baseline: Mapping[AccumulatorSpec, Any], groups: int
) -> dict[AccumulatorSpec, Correlated]:
    """Return how rows of windows of `window_ms` correlate, by the Spec of each group's accumulator in the baseline.

    Means of windows of n independent rows vary by the covariance over n. Of means and covariances it is the larger of
    two estimates: that of T² over its degrees of freedom, and that of the mean squared residual; of Fourier features
    that of the squared distance of the mean features, over as many degrees of freedom as their mixture has.
    """
    numbers = np.unique(times_ms // window_ms)
    found: dict[AccumulatorSpec, Correlated] = {}
    for spec, accumulator in baseline.items():
        if not isinstance(spec, ComomentSpec | FourierSpec) or numbers.size < MIN_WINDOWS:
            continue
        width = len(spec.fields) + 1 if isinstance(spec, ComomentSpec) else spec.features
        chosen = spread(numbers, max(MIN_WINDOWS, min(MAX_WINDOWS, _MAX_NUMBERS // (groups * width))))
        n, means = _means(spec, accumulator, blocks(spec.fields), chosen, window_ms, groups)
        estimates = (
            _of_moments(accumulator, n, means)
            if isinstance(spec, ComomentSpec)
            else [_of_features(accumulator, n, means)]
        )
        if all(one.known[0] for one in estimates):
            found[spec] = _largest(estimates).shrunk()
    return found


def _means(
    spec: ComomentSpec | FourierSpec,
    accumulator: Comoment | Fourier,
    blocks: Iterable[tuple[Any, Groups, IntArray]],
    chosen: IntArray,
    window_ms: int,
    groups: int,
) -> tuple[IntArray, FloatArray]:
    """Return rows (windows x groups) and means (windows x groups x numbers) of the chosen windows; 0 without rows."""
    size = 1 + chosen.size * groups
    n, sums = np.zeros(size, np.int64), []
    for columns, inner, times_ms in blocks:
        matrix, complete = accumulator.frame.standardised([columns[path] for path in spec.fields])
        kept, number = (inner, times_ms) if complete is None else (inner.take(complete), times_ms[complete])
        number = number // window_ms
        window = np.minimum(np.searchsorted(chosen, number), chosen.size - 1)
        rows = np.flatnonzero(chosen[window] == number)
        first = 1 + window[rows] * groups
        codes = (first, *(first + part[rows] for part in kept.codes))
        places = Groups(size, tuple(code.astype(np.int32) for code in codes))
        n += group_sizes(rows.size, places)
        values = _numbers(accumulator, matrix[rows])
        sums.append(np.stack([group_sums(np.ascontiguousarray(column), places) for column in values.T], axis=1))
    means = np.sum(sums, axis=0) / np.maximum(n, 1)[:, None]
    return n[1:].reshape(chosen.size, groups), means[1:].reshape(chosen.size, groups, -1)


def _numbers(accumulator: Comoment | Fourier, matrix: FloatArray) -> FloatArray:
    """Return what is averaged of each row."""
    if isinstance(accumulator, Fourier):
        return accumulator.frame.fourier(matrix)
    return np.column_stack((matrix, accumulator.frame.residuals(matrix)))


def _of_moments(accumulator: Comoment, n: IntArray, means: FloatArray) -> list[Correlated]:
    whitening, rank = accumulator.whitening()
    centre = np.where(accumulator.n[:, None] > 0, accumulator.mean, 0.0)
    turned = np.einsum("gij,wgj->wgi", whitening, means[:, :, :-1] - centre)
    per_degree = n * np.square(turned).sum(axis=2) / np.maximum(rank, 1)
    variance = np.where(np.isfinite(accumulator.spe_variance), accumulator.spe_variance, 0.0)
    spe = np.where(accumulator.n > 0, accumulator.spe, 0.0)
    varying = variance > 0
    squared = n * np.square(means[:, :, -1] - spe) / np.where(varying, variance, 1.0)
    whole = fitted(per_degree, rank.astype(np.float64), n)
    return [whole, fitted(squared, varying.astype(np.float64), n)] if varying[0] else [whole]


def _of_features(accumulator: Fourier, n: IntArray, means: FloatArray) -> Correlated:
    centre = accumulator.mean
    trace = 1 - np.square(centre).sum(axis=1)
    shapes = accumulator.frame.mixture[:, 0]
    freedom = np.where(trace > 0, 1 / np.maximum(shapes, 1e-6), 0.0)
    per_degree = n * np.square(means - centre).sum(axis=2) / np.where(trace > 0, trace, 1.0)
    return fitted(per_degree, freedom, n)


def _largest(estimates: list[Correlated]) -> Correlated:
    """Return, group by group, the estimate with the largest correlation."""
    best = estimates[0]
    for other in estimates[1:]:
        more = other.known & (other.cautious > best.cautious)
        best = Correlated(
            np.where(more, other.rho, best.rho),
            np.where(more, other.error, best.error),
            np.where(more, other.windows, best.windows),
            np.where(more, other.cautious, best.cautious),
        )
    return best
