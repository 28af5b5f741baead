"""A metric of every group with how sure it is: standard error, 95 % interval and error bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.intervals import TWO_SIDED, wilson
from monitor.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Metric:
    """One number a group, NaN where there is nothing to make it of.

    `standard_error` is what sampling the rows leaves uncertain. `error_bound`: by so much, at most, `value` differs
    from that of the same rows before they were counted in cells; 0 where it is exact. `lower` and `upper` enclose the
    metric of rows like these with 95 % confidence, each widened by the error bound. `n`: the rows it is made of.
    """

    value: FloatArray
    standard_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    error_bound: FloatArray
    n: IntArray

    @classmethod
    def share(
        cls,
        value: FloatArray,
        standard_error: FloatArray,
        n: IntArray,
        *,
        size: FloatArray | IntArray,
        error_bound: FloatArray | float = 0.0,
        lowest: float = 0.0,
    ) -> Metric:
        """Return the metric of a number between `lowest` and 1.

        The interval is Wilson's, of as many rows as would give a share that standard error; where that is 0, at the
        ends, of `size` rows. So it is never empty and never leaves the range, and for a plain share it is Wilson's.
        """
        width = 1 - lowest
        share, noise = np.clip((value - lowest) / width, 0.0, 1.0), standard_error / width
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            worth = np.where((noise > 0) & (share > 0) & (share < 1), share * (1 - share) / np.square(noise), size)
        low, high = _exact_at_ends(share, np.maximum(worth, _LEAST_WORTH))
        bound = np.broadcast_to(np.asarray(error_bound, np.float64), value.shape)
        return cls._of(
            value,
            standard_error,
            np.maximum(low * width + lowest - bound, lowest),
            np.minimum(high * width + lowest + bound, 1.0),
            bound,
            n,
        )

    @classmethod
    def number(
        cls,
        value: FloatArray,
        standard_error: FloatArray,
        n: IntArray,
        *,
        error_bound: FloatArray | float = 0.0,
        least: float = -np.inf,
        most: float = np.inf,
    ) -> Metric:
        """Return the metric of a number from `least` to `most`; the interval is the normal one, cut off there."""
        bound = np.broadcast_to(np.asarray(error_bound, np.float64), value.shape)
        half = TWO_SIDED * standard_error + bound
        return cls._of(value, standard_error, np.maximum(value - half, least), np.minimum(value + half, most), bound, n)

    @classmethod
    def between(cls, value: FloatArray, lower: FloatArray, upper: FloatArray, n: IntArray, bound: FloatArray) -> Metric:
        """Return the metric whose interval is known rather than its standard error, which is read off its width."""
        return cls._of(value, (upper - lower) / (2 * TWO_SIDED), lower - bound, upper + bound, bound, n)

    @classmethod
    def _of(
        cls,
        value: FloatArray,
        standard_error: FloatArray,
        lower: FloatArray,
        upper: FloatArray,
        bound: FloatArray,
        n: IntArray,
    ) -> Metric:
        """Return the metric, all of it NaN where the value is."""
        defined = np.isfinite(value)
        found = [np.where(defined, numbers, np.nan) for numbers in (value, standard_error, lower, upper, bound)]
        return cls(found[0], found[1], found[2], found[3], found[4], np.asarray(n, np.int64))


_LEAST_WORTH = 1e-9


def _exact_at_ends(share: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the ends of Wilson's two-sided 95 % interval of a share of n rows, exact at 0 and 1."""
    low, high = wilson(share, n)
    # What rounding leaves at the ends would say that a share of 1 lies above its interval.
    return np.where(share <= 0, 0.0, low), np.where(share >= 1, 1.0, high)


def mean_of(metrics: list[Metric], n: IntArray) -> Metric:
    """Return the mean over those of some classes that are defined, group by group; NaN where none is.

    The classes' errors go together in a way that is not known, so standard error, ends of the interval and error bound
    are the means of theirs, which is never too narrow.
    """
    defined = np.isfinite(np.stack([metric.value for metric in metrics]))
    how_many = defined.sum(axis=0)

    def mean(name: str) -> FloatArray:
        total = np.where(defined, np.stack([getattr(metric, name) for metric in metrics]), 0.0).sum(axis=0)
        return np.where(how_many > 0, total / np.maximum(how_many, 1), np.nan)

    return Metric(
        mean("value"),
        mean("standard_error"),
        mean("lower"),
        mean("upper"),
        mean("error_bound"),
        np.asarray(n, np.int64),
    )
