"""Counts, means and co-moment matrices of rows of numbers, per group, exact under batching and merging."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from monitor.accumulators.fitting import stored_array
from monitor.protocols import State
from monitor.types import CodeArray, FloatArray, Groups, IntArray, MaskArray

_BLOCK_CELLS = 1 << 22


@dataclass(frozen=True, eq=False)
class Parts:
    """What is kept: `n` (groups), rounded `mean` and what rounding took from it, `rest` (x d), `m2` (x d x d)."""

    n: IntArray
    mean: FloatArray
    rest: FloatArray
    m2: FloatArray

    def take(self, groups: IntArray) -> Parts:
        """Return copies of the parts of these groups."""
        return Parts(*(getattr(self, part.name)[groups] for part in fields(self)))

    def put(self, groups: IntArray, other: Parts) -> None:
        """Replace the parts of these groups."""
        for part in fields(self):
            getattr(self, part.name)[groups] = getattr(other, part.name)


class CoMoments:
    """Per group: `n`, `mean` (d) and `m2` = Σ(x - mean)(x - mean)ᵀ (d x d) of rows of d finite numbers.

    Blocks of rows are centred on their own mean and multiplied by BLAS (n·d² operations a group), then joined
    by the formula of Chan, Golub & LeVeque (1983), as are batches and panes. The mean is carried to twice the
    precision, so that m2 is right to about 1e-12 of its diagonal even where the values are 1e9 times their
    spread, however they were batched. m2 is symmetric to the bit. Where products exceed float64 (deviations
    beyond 1e154) its cells are inf or NaN, and the mean is still right. Memory: groups · d² · 8 bytes; `state`
    has half of it.
    """

    def __init__(self, groups: int, dimension: int) -> None:
        """Start empty, with `groups` groups of rows of `dimension` numbers."""
        zero = np.zeros((groups, dimension))
        self._parts = Parts(np.zeros(groups, np.int64), zero, zero.copy(), np.zeros((groups, dimension, dimension)))

    @property
    def groups(self) -> int:
        """How many groups there are; group 0 is all rows."""
        return len(self._parts.n)

    @property
    def dimension(self) -> int:
        """How many numbers a row has."""
        dimension: int = self._parts.mean.shape[1]
        return dimension

    @property
    def n(self) -> IntArray:
        """How many rows each group has, int64 (groups)."""
        return self._parts.n

    @property
    def mean(self) -> FloatArray:
        """The mean row per group (groups x d); NaN where there is no row."""
        return np.where(self.n[:, None] > 0, self._parts.mean + self._parts.rest, np.nan)

    @property
    def m2(self) -> FloatArray:
        """The sums of products of deviations from the mean (groups x d x d); 0 where there is no row."""
        return self._parts.m2

    @property
    def covariance(self) -> FloatArray:
        """The sample covariance m2 / (n - 1) (groups x d x d); NaN below two rows."""
        n = self.n[:, None, None]
        return np.where(n > 1, self.m2 / np.maximum(n - 1, 1), np.nan)

    def update(self, matrix: FloatArray, groups: Groups) -> None:
        """Fold in rows of finite numbers (n x d), aligned with `groups`; no row changes nothing."""
        step = max(_BLOCK_CELLS // max(self.dimension, 1), 1)
        for start in range(0, len(matrix), step):
            block = np.ascontiguousarray(matrix[start : start + step], np.float64)
            self._fold(np.zeros(1, np.int64), [block])
            for codes in groups.codes[: len(groups.codes) if self.groups > 1 else 0]:
                self._fold(*_split(block, codes[start : start + step]))

    def _fold(self, groups: IntArray, blocks: list[FloatArray]) -> None:
        """Fold in one block of rows for each of `groups`, in which none is twice."""
        found = [_of_rows(block) for block in blocks]
        new = Parts(*(np.stack([getattr(one, part.name) for one in found]) for part in fields(Parts)))
        self._parts.put(groups, _merged(self._parts.take(groups), new))

    def merge(self, other: CoMoments) -> None:
        """Fold in another one with the same groups and dimension; groups without rows are neutral."""
        self._parts = _merged(self._parts, other._parts)

    def scaled(self, weights: FloatArray) -> CoMoments:
        """Return new ones of about `weights` (one a group) times the rows: means and covariances stay what they are."""
        a, scaled = self._parts, CoMoments(self.groups, self.dimension)
        n = np.rint(a.n * weights).astype(np.int64)
        m2 = a.m2 * (n / np.maximum(a.n, 1))[:, None, None]
        scaled._parts = _merged(scaled._parts, Parts(n, a.mean, a.rest, m2))
        return scaled

    def state(self) -> State:
        """Return copies of the arrays; of each m2 the upper triangle, row by row."""
        rows, columns = np.triu_indices(self.dimension)
        parts = self._parts
        triangle = parts.m2[:, rows, columns]
        return {"n": parts.n.copy(), "mean": parts.mean.copy(), "rest": parts.rest.copy(), "m2": triangle}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        rows, columns = np.triu_indices(self.dimension)
        like, m2 = self._parts, np.empty_like(self._parts.m2)
        m2[:, rows, columns] = m2[:, columns, rows] = stored_array(state, "m2", like.m2[:, rows, columns])
        n, mean, rest = (stored_array(state, name, getattr(like, name)) for name in ("n", "mean", "rest"))
        self._parts = Parts(n, mean, rest, m2)


def _split(block: FloatArray, codes: CodeArray) -> tuple[IntArray, list[FloatArray]]:
    """Return the groups that occur and the rows of each, in row order."""
    order = np.argsort(codes, kind="stable")
    found, starts = np.unique(codes[order], return_index=True)
    return found.astype(np.int64), np.split(block[order], starts[1:])


def _of_rows(block: FloatArray) -> Parts:
    """Return the parts of one group of at least one row, by two passes."""
    n = len(block)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = block.sum(axis=0) / n
        if not np.isfinite(mean).all():  # in units of 2**64 the sum cannot exceed float64
            mean = (block / 2.0**64).sum(axis=0) / n * 2.0**64
        mean = np.clip(mean, block.min(axis=0), block.max(axis=0))
        deviations = block - mean
        # The deviations from the rounded mean say how far it is off, to a precision it does not have itself.
        first = deviations.sum(axis=0)
        rest = np.where(np.isfinite(first), first / n, 0.0)
        deviations -= rest
        m2 = deviations.T @ deviations
    return Parts(np.array(n, np.int64), mean, rest, m2)


def _merged(a: Parts, b: Parts) -> Parts:
    """Return the parts of both together, group by group; one that is empty on one side is that of the other."""
    n = a.n + b.n
    share = (b.n / np.maximum(n, 1))[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        # Half the distance of the means, for that between -1e308 and 1e308 is not a float64.
        half = (b.mean / 2 - a.mean / 2) + (b.rest / 2 - a.rest / 2)
        mean, lost = _two_sum(a.mean, half * share)
        mean, lost_again = _two_sum(mean, half * share)
        # The root of the weight on each side keeps the product symmetric to the bit.
        weighted = 2 * half * np.sqrt(a.n[:, None] * share)
        between = weighted[:, :, None] * weighted[:, None, :]
        rest = a.rest + lost + lost_again
        only_b, both = a.n == 0, (a.n > 0) & (b.n > 0)
        m2 = a.m2 + b.m2
        m2[both] += between[both]
    return Parts(n, _either(only_b, both, a.mean, b.mean, mean), _either(only_b, both, a.rest, b.rest, rest), m2)


def _either(only_b: MaskArray, both: MaskArray, a: FloatArray, b: FloatArray, joined: FloatArray) -> FloatArray:
    """Return the rows of `joined` where both sides have some, else those of the side that has."""
    return np.where(only_b[:, None], b, np.where(both[:, None], joined, a))


def _two_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the rounded sum and its rounding error, 0 where that is no number (Knuth's TwoSum)."""
    total = a + b
    shadow = total - a
    error = (a - (total - shadow)) + (b - shadow)
    return total, np.where(np.isfinite(error), error, 0.0)
