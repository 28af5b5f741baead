"""Count, mean, variance and range of a number field, stable at any magnitude."""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Literal, Self

import numpy as np

from monitor.accumulators.fitting import stored_array
from monitor.accumulators.frame import Frame
from monitor.accumulators.grouping import block_rows, blocks, group_sizes, group_sums, valid_groups
from monitor.native import LIBRARY, address, addresses
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Column, FloatArray, Groups, IntArray


class MomentsSpec(Spec):
    """Count, mean, variance, smallest and largest value of a number field."""

    kind: Literal["moments"] = "moments"
    field: str

    def build(self, frame: Frame | None, groups: int) -> Moments:
        """Return an empty accumulator for `groups` groups."""
        return Moments(groups)


@dataclass(frozen=True, eq=False)
class Parts:
    """What is kept per group: count, rounded mean, what rounding took from it, Σ(x - mean)², range."""

    n: IntArray
    mean: FloatArray
    rest: FloatArray
    m2: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def in_block(cls, block: FloatArray) -> Self:
        """Return the parts that lie in the rows of one array, the count as the integers that its bytes are."""
        parts = cls(block[0].view(np.int64), *block[1:])
        parts.__dict__["block"] = block
        return parts

    @cached_property
    def block(self) -> FloatArray:
        """The parts as `in_block` takes them."""
        return np.stack((self.n.view(np.float64), self.mean, self.rest, self.m2, self.low, self.high))


class Moments:
    """Per group: `n`, `mean`, `m2` = Σ(x - mean)², `variance`, `min` and `max`.

    A batch is folded in two passes, batches and panes by the formula of Chan, Golub & LeVeque (1983). The
    mean is carried to twice the precision, so that m2 is right to about 1e-12 of itself even where the
    values are 1e9 times their spread, however they were batched. Where m2 exceeds float64 (deviations
    beyond 1e154) it is inf, and the mean is still right; nothing but what an empty group lacks is NaN.
    """

    def __init__(self, groups: int) -> None:
        """Start empty, with `groups` groups."""
        zero, inf = np.zeros(groups), np.full(groups, np.inf)
        self._parts = Parts(np.zeros(groups, np.int64), zero, zero, zero, inf, -inf)

    @property
    def n(self) -> IntArray:
        """How many values each group has."""
        return self._parts.n

    @property
    def mean(self) -> FloatArray:
        """The mean per group; NaN where there is no value."""
        return np.where(self.n > 0, self._parts.mean + self._parts.rest, np.nan)

    @property
    def m2(self) -> FloatArray:
        """The sum of squared deviations from the mean per group; 0 where there is no value."""
        return self._parts.m2

    @property
    def variance(self) -> FloatArray:
        """The sample variance m2 / (n - 1) per group; NaN below two values."""
        return np.where(self.n > 1, self.m2 / np.maximum(self.n - 1, 1), np.nan)

    @property
    def min(self) -> FloatArray:
        """The smallest value per group; NaN where there is none."""
        return np.where(self.n > 0, self._parts.low, np.nan)

    @property
    def max(self) -> FloatArray:
        """The largest value per group; NaN where there is none."""
        return np.where(self.n > 0, self._parts.high, np.nan)

    def update(self, column: Column, groups: Groups) -> None:
        """Fold the usable values in; an empty column changes nothing."""
        values: FloatArray = column.valid
        if values.size:
            inner = valid_groups(column, groups)
            folded = None if LIBRARY is None else _folded(self._parts, values, inner)
            self._parts = folded or _merged(self._parts, _of_values(values, inner))

    def merge(self, other: Moments) -> None:
        """Fold another accumulator with the same groups in; groups without values are neutral."""
        self._parts = _merged(self._parts, other._parts)

    def scaled(self, weights: FloatArray) -> Moments:
        """Return new moments of about `weights` (one a group) times the rows: mean and range stay what they are."""
        a, scaled = self._parts, Moments(len(self.n))
        n = np.rint(a.n * weights).astype(np.int64)
        m2 = a.m2 * (n / np.maximum(a.n, 1))
        scaled._parts = _merged(scaled._parts, Parts(n, a.mean, a.rest, np.where(n > 0, m2, 0.0), a.low, a.high))
        if (n == 0).any():
            low, high = np.where(n > 0, a.low, np.inf), np.where(n > 0, a.high, -np.inf)
            scaled._parts = replace(scaled._parts, low=low, high=high)
        return scaled

    def state(self) -> State:
        """Return copies of the arrays; the range of an empty group is inf … -inf."""
        return {part.name: getattr(self._parts, part.name).copy() for part in fields(Parts)}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        like = self._parts
        self._parts = Parts(**{p.name: stored_array(state, p.name, getattr(like, p.name)) for p in fields(Parts)})


def _folded(before: Parts, values: FloatArray, groups: Groups) -> Parts | None:
    """Return, bit by bit, `_merged(before, _of_values(values, groups))`, in C; None where a sum exceeds float64."""
    assert LIBRARY is not None
    x = np.ascontiguousarray(values)
    codes = [np.ascontiguousarray(each, np.int32) for each in groups.codes]
    low, high = float(x.min()), float(x.max())
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(x.sum()) / x.size
        if not math.isfinite(mean):
            return None
        mean = min(max(mean, low), high)
        whole = np.array([low, high, mean, *_deviations_of_all(x, mean, groups.size)])
    after, spare = np.empty((6, groups.size)), np.empty(10 * groups.size)
    done = LIBRARY.fold_moments(
        *(address(x), ctypes.c_int64(x.size), addresses(codes), ctypes.c_int64(len(codes))),
        *(ctypes.c_int64(block_rows(groups.size)), ctypes.c_int64(groups.size), address(whole)),
        *(address(before.block), address(after), address(spare)),
    )
    return Parts.in_block(after) if done else None


def _merged(a: Parts, b: Parts) -> Parts:
    """Return the parts of both together; a group that is empty on one side is that of the other side."""
    n = a.n + b.n
    share = b.n / np.maximum(n, 1)
    with np.errstate(over="ignore", invalid="ignore"):
        # Half the distance of the means, for that between -1e308 and 1e308 is not a float64.
        half = (b.mean / 2 - a.mean / 2) + (b.rest / 2 - a.rest / 2)
        mean, lost = _two_sum(a.mean, half * share)
        mean, lost_again = _two_sum(mean, half * share)
        between = 4 * np.square(half) * (a.n * share)
    rest = a.rest + lost + lost_again
    only_b, both = a.n == 0, (a.n > 0) & (b.n > 0)
    return Parts(
        n=n,
        mean=np.where(only_b, b.mean, np.where(both, mean, a.mean)),
        rest=np.where(only_b, b.rest, np.where(both, rest, a.rest)),
        m2=a.m2 + b.m2 + np.where(both, between, 0.0),
        low=np.minimum(a.low, b.low),
        high=np.maximum(a.high, b.high),
    )


def _two_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the rounded sum and its rounding error, 0 where that is no number (Knuth's TwoSum)."""
    total = a + b
    shadow = total - a
    error = (a - (total - shadow)) + (b - shadow)
    return total, np.where(np.isfinite(error), error, 0.0)


def _of_values(x: FloatArray, groups: Groups) -> Parts:
    """Return the parts of at least one finite value, by two passes."""
    n = group_sizes(x.size, groups)
    divisor = np.maximum(n, 1)
    low, high = _range(x, groups)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = group_sums(x, groups) / divisor
        if not np.isfinite(mean).all():  # in units of 2**64 the sum cannot exceed float64
            mean = group_sums(x / 2.0**64, groups) / divisor * 2.0**64
        mean = np.where(n > 0, np.clip(mean, low, high), 0.0)
        first, second = _deviations(x, mean, groups)
        # The deviations from the rounded mean say how far it is off, to a precision it does not have itself.
        rest = np.where(np.isfinite(first), first / divisor, 0.0)
        m2 = np.where(np.isfinite(second), np.maximum(second - n * np.square(rest), 0.0), np.inf)
    return Parts(n, mean, rest, m2, low, high)


def _range(x: FloatArray, groups: Groups) -> tuple[FloatArray, FloatArray]:
    """Return the smallest and the largest value of each group; inf and -inf where it has none."""
    low, high = np.full(groups.size, np.inf), np.full(groups.size, -np.inf)
    low[0], high[0] = x.min(), x.max()
    for codes in groups.codes:
        np.minimum.at(low, codes, x)
        np.maximum.at(high, codes, x)
    return low, high


def _deviations(x: FloatArray, mean: FloatArray, groups: Groups) -> tuple[FloatArray, FloatArray]:
    """Return the sums of x - mean and of its square for each group."""
    first, second = np.zeros(groups.size), np.zeros(groups.size)
    first[0], second[0] = _deviations_of_all(x, mean[0], groups.size)
    for block in blocks(x.size, groups.size):
        for codes in groups.codes:
            inner = codes[block].astype(np.intp)
            deviations = x[block] - mean[inner]
            first += np.bincount(inner, deviations, minlength=groups.size)
            second += np.bincount(inner, np.square(deviations, out=deviations), minlength=groups.size)
    return first, second


def _deviations_of_all(x: FloatArray, mean: float, groups: int) -> tuple[float, float]:
    """Return the sums of x - mean and of its square, of all values."""
    first = second = 0.0
    for block in blocks(x.size, groups):
        deviations = x[block] - mean
        first += float(deviations.sum())
        second += float(np.square(deviations, out=deviations).sum())
    return first, second
