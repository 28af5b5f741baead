"""How evenly rows are spread over classes, and whether that differs from a baseline by more than chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from monitor.types import FloatArray, IntArray

_SURE = 1.959963984540054
"""So many standard errors either way hold 95 % of what chance does."""


@dataclass(frozen=True, eq=False)
class Spread:
    """Counts of classes (k), which may be 0, and of at least one row.

    With shares p: entropy H(p) in nats; effective classes exp H, which is k where all shares are equal; Simpson classes
    1/Σp², which heeds rare classes less; imbalance max p / min p, infinite where a class has no row.
    """

    counts: IntArray

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.counts.sum())

    @property
    def shares(self) -> FloatArray:
        """The share of each class."""
        shares: FloatArray = self.counts / max(self.rows, 1)
        return shares

    @property
    def entropy(self) -> float:
        """The entropy of the shares in nats."""
        shares = self.shares[self.counts > 0]
        return -math.fsum((shares * np.log(shares)).tolist())

    @property
    def entropy_ratio(self) -> float:
        """The entropy relative to that of equal shares; 0 of one class."""
        return self.entropy / math.log(self.counts.size) if self.counts.size > 1 else 0.0

    @property
    def effective(self) -> float:
        """The effective number of classes, by entropy."""
        return math.exp(self.entropy)

    @property
    def simpson(self) -> float:
        """The effective number of classes, by the chance that two rows are of one class."""
        return 1 / max(float((self.shares**2).sum()), 1e-300)

    @property
    def imbalance(self) -> float:
        """How many times as many rows the most frequent class has as the rarest."""
        least = int(self.counts.min()) if self.counts.size else 0
        return float(self.counts.max()) / least if least else math.inf

    def tail(self, below: float) -> float:
        """Return the share of the rows in classes that have a smaller share than `below` each."""
        shares = self.shares
        return float(shares[shares < below].sum())

    @property
    def corrected_entropy(self) -> float:
        """The entropy without its bias in small windows, to first order (Miller 1955): (k-1)/2n more."""
        return self.entropy + (int((self.counts > 0).sum()) - 1) / (2 * max(self.rows, 1))

    @property
    def entropy_variance(self) -> float:
        """The variance of the entropy by chance: (Σ p·ln²p - H²)/n."""
        shares = self.shares[self.counts > 0]
        return max(float((shares * np.log(shares) ** 2).sum()) - self.entropy**2, 0.0) / max(self.rows, 1)


def effective_change(now: Spread, before: Spread) -> tuple[float, float]:
    """Return by what ratio the effective number of classes changed, and what of it is not chance (95 %).

    exp(H_now - H_before) - 1 with corrected entropies; negative where there are fewer. The second has the same sign and
    is nearer to 0, by 1.96 standard errors of the difference of entropies; 0 where chance alone may have done it.
    """
    moved = now.corrected_entropy - before.corrected_entropy
    error = _SURE * math.sqrt(now.entropy_variance + before.entropy_variance)
    return math.expm1(moved), math.expm1(_towards_zero(moved, error))


def tail_change(tail: tuple[int, int], before: tuple[int, int]) -> tuple[float, float]:
    """Return by how much the tail's share changed, and what of it is not chance (95 %); each is (rows in it, rows)."""
    p, q = tail[0] / max(tail[1], 1), before[0] / max(before[1], 1)
    error = _SURE * math.sqrt(p * (1 - p) / max(tail[1], 1) + q * (1 - q) / max(before[1], 1))
    return p - q, _towards_zero(p - q, error)


def _towards_zero(value: float, by: float) -> float:
    return math.copysign(max(abs(value) - by, 0.0), value)
