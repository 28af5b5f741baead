"""The metrics of a confusion matrix with their derivatives, the same for counted and for expected matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from monitor.performance.metric import Metric
from monitor.types import FloatArray, IntArray, MaskArray


@dataclass(frozen=True, eq=False)
class Derived:
    """A function of confusion matrices (groups x K x K; label, then predicted class), scale left out.

    `value` (groups), NaN where undefined; `gradient` (groups x K x K) by the matrix's cells; `size` (groups): how many
    rows decide it at the least, for the interval where the value is at an end of its range; `lowest`: that end.
    """

    value: FloatArray
    gradient: FloatArray
    size: FloatArray
    lowest: float = 0.0

    def counted(self, confusion: IntArray, n: IntArray) -> Metric:
        """Return the metric of counted rows: with the multinomial variance Σ C·g², by the delta method.

        As the value does not depend on the scale of C, Σ C·g = 0, which is why nothing is subtracted.
        """
        variance = (confusion * np.square(self.gradient)).sum(axis=(1, 2))
        return self.with_variance(variance, n)

    def with_variance(self, variance: FloatArray, n: IntArray) -> Metric:
        """Return the metric with this variance of the value."""
        error = np.sqrt(np.maximum(variance, 0.0))
        return Metric.share(self.value, error, n, size=self.size, lowest=self.lowest)


@dataclass(frozen=True, eq=False)
class _Margins:
    """A matrix as floats with its diagonal, row sums (labels), column sums (predictions) and total."""

    cells: FloatArray
    right: FloatArray
    labels: FloatArray
    predictions: FloatArray
    total: FloatArray

    @classmethod
    def of(cls, confusion: FloatArray | IntArray) -> _Margins:
        cells = np.asarray(confusion, np.float64)
        right = np.diagonal(cells, axis1=1, axis2=2)
        return cls(cells, right, cells.sum(axis=2), cells.sum(axis=1), cells.sum(axis=(1, 2)))

    @property
    def identity(self) -> FloatArray:
        return np.eye(self.cells.shape[1])


def accuracy(confusion: FloatArray | IntArray) -> Derived:
    """Return the share of rows whose predicted class is the true one."""
    m = _Margins.of(confusion)
    value = _ratio(m.right.sum(axis=1), m.total)
    gradient = _over(m.identity - _column(value), m.total)
    return Derived(value, gradient, m.total)


def precision(confusion: FloatArray | IntArray, of: int) -> Derived:
    """Return the share of rows predicted as class `of` that are of it."""
    m = _Margins.of(confusion)
    return _of_column(m, of, m.predictions[:, of], axis=2)


def recall(confusion: FloatArray | IntArray, of: int) -> Derived:
    """Return the share of rows of class `of` that are predicted as it."""
    m = _Margins.of(confusion)
    return _of_column(m, of, m.labels[:, of], axis=1)


def specificity(confusion: FloatArray | IntArray, of: int) -> Derived:
    """Return the share of rows that are not of class `of` and not predicted as it either."""
    m = _Margins.of(confusion)
    others = np.arange(m.cells.shape[1]) != of
    negatives = m.total - m.labels[:, of]
    value = _ratio(
        np.where(others, m.predictions, 0.0).sum(axis=1) - np.where(others, m.cells[:, of], 0.0).sum(axis=1), negatives
    )
    gradient = np.zeros_like(m.cells)
    gradient += others[:, None] * (others[None, :] - _column(value))
    return Derived(value, _over(gradient, negatives), negatives)


def f1(confusion: FloatArray | IntArray, of: int) -> Derived:
    """Return 2TP / (2TP + FP + FN) of class `of`."""
    m = _Margins.of(confusion)
    both = m.labels[:, of] + m.predictions[:, of]
    value = _ratio(2 * m.right[:, of], both)
    gradient = np.zeros_like(m.cells)
    gradient[:, of, :] -= value[:, None]
    gradient[:, :, of] -= value[:, None]
    gradient[:, of, of] += 2
    return Derived(value, _over(gradient, both), both / 2)


def precision_macro(confusion: FloatArray | IntArray) -> Derived:
    """Return the mean precision of the classes that occur as label or prediction; 0 for one never predicted."""
    m = _Margins.of(confusion)
    return _average(m, *_of_predictions(m), _equal(_occurs(m)), m.predictions)


def precision_weighted(confusion: FloatArray | IntArray) -> Derived:
    """Return the mean precision of the classes, each weighted by its labels; 0 for one never predicted."""
    m = _Margins.of(confusion)
    return _weighted(m, *_of_predictions(m), m.predictions)


def recall_macro(confusion: FloatArray | IntArray) -> Derived:
    """Return the mean recall of the classes that occur as label or prediction; 0 for one without labels."""
    m = _Margins.of(confusion)
    return _average(m, *_of_labels(m), _equal(_occurs(m)), m.labels)


def balanced_accuracy(confusion: FloatArray | IntArray) -> Derived:
    """Return the mean recall of the classes that have labels."""
    m = _Margins.of(confusion)
    return _average(m, *_of_labels(m), _equal(m.labels > 0), m.labels)


def f1_macro(confusion: FloatArray | IntArray) -> Derived:
    """Return the mean F1 of the classes that occur as label or prediction."""
    m = _Margins.of(confusion)
    return _average(m, *_of_both(m), _equal(_occurs(m)), m.labels + m.predictions)


def f1_weighted(confusion: FloatArray | IntArray) -> Derived:
    """Return the mean F1 of the classes, each weighted by its labels."""
    m = _Margins.of(confusion)
    return _weighted(m, *_of_both(m), m.labels + m.predictions)


def mcc(confusion: FloatArray | IntArray) -> Derived:
    """Return Matthews' correlation coefficient, of several classes Gorodkin's; NaN where one side is constant."""
    m = _Margins.of(confusion)
    above = m.right.sum(axis=1) * m.total - (m.labels * m.predictions).sum(axis=1)
    of_predictions = np.square(m.total) - np.square(m.predictions).sum(axis=1)
    of_labels = np.square(m.total) - np.square(m.labels).sum(axis=1)
    below = np.sqrt(of_predictions) * np.sqrt(of_labels)
    value = _ratio(above, below)
    first = m.right.sum(axis=1)[:, None, None] + m.total[:, None, None] * m.identity
    first = first - m.predictions[:, :, None] - m.labels[:, None, :]
    second = (_column(m.total) - m.predictions[:, None, :]) / _column(_positive(of_predictions))
    second = second + (_column(m.total) - m.labels[:, :, None]) / _column(_positive(of_labels))
    gradient = first / _column(_positive(below)) - _column(np.where(np.isfinite(value), value, 0.0)) * second
    return Derived(value, gradient, m.total, lowest=-1.0)


OF_ALL: Mapping[str, Callable[[FloatArray | IntArray], Derived]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "mcc": mcc,
    "precision_macro": precision_macro,
    "precision_weighted": precision_weighted,
    "recall_macro": recall_macro,
    "f1_macro": f1_macro,
    "f1_weighted": f1_weighted,
}
"""The metrics of all classes together."""

OF_ONE: Mapping[str, Callable[[FloatArray | IntArray, int], Derived]] = {
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "specificity": specificity,
}
"""The metrics of one class against the rest."""


def _of_column(m: _Margins, of: int, size: FloatArray, *, axis: int) -> Derived:
    """Return the diagonal cell of class `of` over its column (axis 2) or row (axis 1)."""
    value = _ratio(m.right[:, of], size)
    gradient = np.zeros_like(m.cells)
    np.moveaxis(gradient, axis, 1)[:, of] -= value[:, None]
    gradient[:, of, of] += 1
    return Derived(value, _over(gradient, size), size)


def _of_predictions(m: _Margins) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return precisions (groups x K), and by how much a cell of each row or column moves them."""
    value = m.right / _positive(m.predictions)
    return value, np.zeros_like(value), 1 / _positive(m.predictions)


def _of_labels(m: _Margins) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return recalls (groups x K), and by how much a cell of each row or column moves them."""
    value = m.right / _positive(m.labels)
    return value, 1 / _positive(m.labels), np.zeros_like(value)


def _of_both(m: _Margins) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return F1 (groups x K), and by how much a cell of each row or column moves them."""
    both = _positive(m.labels + m.predictions)
    return 2 * m.right / both, 1 / both, 1 / both


def _average(
    m: _Margins, values: FloatArray, by_row: FloatArray, by_column: FloatArray, weights: FloatArray, sizes: FloatArray
) -> Derived:
    """Return Σ weights·values, where a cell moves value k by r_k·(δ - v_k) in row k, c_k·(δ - v_k) in column k."""
    value = np.where(weights.sum(axis=1) > 0, (weights * values).sum(axis=1), np.nan)
    rows, columns = weights * by_row, weights * by_column
    gradient = (rows + columns)[:, :, None] * m.identity
    gradient = gradient - (rows * values)[:, :, None] - (columns * values)[:, None, :]
    least = np.where(weights > 0, sizes, np.inf).min(axis=1)
    return Derived(value, gradient, np.where(np.isfinite(least), least, 0.0))


def _weighted(m: _Margins, values: FloatArray, by_row: FloatArray, by_column: FloatArray, sizes: FloatArray) -> Derived:
    """Return the average weighted by the labels' shares, which are counted, too, and so have a derivative."""
    weights = m.labels / _positive(m.total)[:, None]
    fixed = _average(m, values, by_row, by_column, weights, sizes)
    moved = (values - np.where(np.isfinite(fixed.value), fixed.value, 0.0)[:, None]) / _positive(m.total)[:, None]
    return Derived(fixed.value, fixed.gradient + moved[:, :, None], fixed.size)


def _occurs(m: _Margins) -> MaskArray:
    found: MaskArray = (m.labels > 0) | (m.predictions > 0)
    return found


def _equal(used: MaskArray) -> FloatArray:
    """Return equal weights of the classes that are used, with the sum of 1; all 0 where none is."""
    return np.asarray(used / np.maximum(used.sum(axis=1, keepdims=True), 1))


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.where(below > 0, above / _positive(below), np.nan)


def _positive(values: FloatArray) -> FloatArray:
    """Return the values with 1 for those that are not above 0, to divide by."""
    return np.where(values > 0, values, 1.0)


def _column(values: FloatArray) -> FloatArray:
    return values[:, None, None]


def _over(gradient: FloatArray, below: FloatArray) -> FloatArray:
    """Return the gradient over the denominator, 0 where there is none."""
    return np.where(_column(below) > 0, gradient / _column(_positive(below)), 0.0)
