"""Share of the most frequent value: a value that takes over, or one that loses its rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from scipy import special

from monitor.accumulators.frame import Frame
from monitor.detectors import settings
from monitor.detectors.cells import CellPair
from monitor.detectors.signed import Signed
from monitor.intervals import wilson
from monitor.spec import Spec
from monitor.types import Correlation, FieldType, FloatArray, IntArray, MaskArray, Score

_FREQUENT = 20
_STEPS = 61


class Countable(Protocol):
    """What is read of an accumulator: counts of values or cells, and the frame that says which are one value."""

    @property
    def counts(self) -> IntArray:
        """The rows per group and value, or grid cell."""
        ...

    @property
    def frame(self) -> Frame:
        """The frame with the known values or the grid."""
        ...

    def cells(self, buckets: int, /) -> IntArray:
        """Return the counts to compare."""
        ...


class ModeShareSpec(Spec):
    """Change of the share of the most frequent value, up or down, in 0 … 1."""

    field_types: ClassVar[frozenset[FieldType]] = settings.NUMBERS | settings.CATEGORIES
    example: ClassVar[str] = """
        baseline: {kind: file, path: baselines/payments}
        fields:
          country: {type: category}
        drift:
          - {kind: mode_share, warning: 0.1, critical: 0.2}
    """

    kind: Literal["mode_share"] = "mode_share"
    warning: settings.WarningAbove = 0.1
    critical: settings.CriticalAbove = 0.2
    level_on: settings.LevelOn = "bound"
    min_rows: settings.MinRows = 50
    rho: settings.Rho = None
    direction: settings.Direction = "both"

    def build(self) -> ModeShare:
        """Return the detector."""
        return ModeShare(self)


@dataclass(frozen=True)
class ModeShare:
    """|max q - max p|, over the values that are counted one by one, p and q their shares of baseline and current.

    Of categories these are the known values with 5 rows in the baseline; of numbers those that held 1/50 of the
    baseline, which have a cell of their own. A value that is frequent now and was not then is not among them: for
    categories `unseen` sees it, for numbers `psi`, and the checks `frequent` and `constant` name it. A side
    without rows gives NaN, and so does a number field of which no value held 1/50.
    `direction: up` (`down`) counts rises (falls) only. `contributions` are q - p of the two most frequent values.

    No drift: `noise_floor` is the mean of |max X - max p| for independent normal X with the means p and the variances
    p(1-p)·K, K = 1/n + 1/m, of the 20 most frequent values: √(2·p(1-p)·K/π) where one rules, more where many are
    alike. `p_value` is that of the test of two shares, times the number of values: which is largest was not known.

    Guarantee: `lower_bound` is the near end of Newcombe's interval of the difference at a confidence of 95 % for all
    values at once (Bonferroni), so it holds for the largest too, whichever it is.
    Source: Newcombe (1998), method 10; Dunn (1961).
    """

    spec: ModeShareSpec

    def needs(self, field: str, field_type: FieldType = "number") -> settings.CellsSpec:
        """Return the Spec of the counts compared."""
        return settings.cells_spec(field, field_type)

    def compare(self, baseline: Countable, current: Countable, rho: Correlation = 0.0) -> Score:
        """Return the change of the share in every group."""
        rho = settings.correlation(self.spec.rho, rho)
        if baseline.frame.grid.size:
            pair, single = CellPair.of_counts(baseline.counts, current.counts, rho), baseline.frame.single
        else:
            pair = CellPair.of(baseline, current, 0, rho)
            single = np.arange(pair.baseline.shape[1]) < pair.baseline.shape[1] - 2
        before, now = (shares[:, single] for shares in pair.shares)
        if not before.shape[1]:
            nothing = np.full(len(before), np.nan)
            return pair.score(
                nothing,
                noise_floor=nothing,
                lower_bound=nothing,
                contributions=np.zeros_like(pair.current),
                change=np.zeros(len(nothing)),
            )
        signed = Signed(self.spec.direction)
        p, q = before.max(axis=1), now.max(axis=1)
        change = q - p
        alike = np.maximum(((before > 0) | (now > 0)).sum(axis=1), 1)
        quantile = -special.ndtri((1 - signed.confidence) / alike)
        (p_low, p_high), (q_low, q_high) = (
            wilson(share, rows, quantile) for share, rows in zip((p, q), pair.rows, strict=True)
        )
        margin = np.where(change > 0, np.hypot(q - q_low, p_high - p), np.hypot(q_high - q, p - p_low))
        n, m = pair.n_current, pair.n_baseline
        pooled = (p * m + q * n) / np.maximum(m + n, 1)
        deviation = np.sqrt(np.maximum(pooled * (1 - pooled), 0.0) * pair.noise)
        score = signed.magnitude(change)
        return pair.score(
            score,
            noise_floor=_mean_change(before, pair.noise, self.spec.direction),
            lower_bound=np.maximum(score - margin, 0.0),
            p_value=np.minimum(signed.p_value(change, deviation) * alike, 1.0),
            contributions=_of_the_most_frequent(pair, single),
            change=change,
        )


def _of_the_most_frequent(pair: CellPair, single: MaskArray) -> FloatArray:
    """Return q - p of the value that was most frequent and of the one that is, 0 elsewhere."""
    found = np.zeros_like(pair.current)
    groups = np.arange(len(found))
    for shares in pair.shares:
        at = groups, np.where(single, shares, -1.0).argmax(axis=1)
        found[at] = pair.shares[1][at] - pair.shares[0][at]
    return found


def _mean_change(shares: FloatArray, noise: FloatArray, direction: str) -> FloatArray:
    """Return how far the largest of noisy shares is from the largest share, on average, in this direction."""
    frequent = -np.sort(-shares, axis=1)[:, :_FREQUENT]
    largest = frequent[:, :1]
    spread = np.sqrt(frequent * (1 - frequent) * noise[:, None])
    reach = 6 * np.maximum(spread.max(axis=1), 1e-300)
    steps = np.linspace(-1, 1, _STEPS)
    at = largest + reach[:, None] * steps  # groups x steps
    distance = (at[:, None, :] - frequent[:, :, None]) / np.maximum(spread, 1e-300)[:, :, None]
    below = special.ndtr(distance).prod(axis=1)  # the chance that the largest is below
    risen, fallen = (np.heaviside(sign * steps, 0.5) for sign in (1, -1))
    tails = risen * (1 - below) * (direction != "down") + fallen * below * (direction != "up")
    found: FloatArray = tails.sum(axis=1) * reach * 2 / (_STEPS - 1)
    return np.minimum(found, 1.0)
