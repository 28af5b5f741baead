"""The shares of the true classes today, before labels have come, from how often each class is predicted.

Label shift: the classes come in other shares, but rows of one class look as they did, so what the model makes of them
is as it was in the baseline. **It assumes that P(row | label) is unchanged**, the opposite of what CBPE assumes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from monitor.intervals import TWO_SIDED
from monitor.performance.class_counts import ClassCounts
from monitor.performance.counts import PerformanceCounts
from monitor.types import FloatArray, IntArray, MaskArray

ASSUMPTION = "assumes that P(row | label) is as in the baseline"
"""To be said wherever these shares are shown."""

Method = Literal["bbse", "soft", "likelihood", "none"]
METHODS: tuple[Method, ...] = ("bbse", "soft", "likelihood", "none")
LARGEST_CONDITION = 30.0
_STEPS = 60


@dataclass(frozen=True, eq=False)
class LabelShares:
    """The estimated share of each class per group (groups x K), NaN where it cannot be told.

    `shares` are not below 0 and have the sum 1; `lower` and `upper` their 95 % intervals; `baseline` what they were,
    and `weights` = shares / baseline. `condition` (groups): of the matrix that was inverted; `method` (groups): an
    index into `METHODS`. `n`: the rows of today it is made of.
    """

    shares: FloatArray
    standard_errors: FloatArray
    lower: FloatArray
    upper: FloatArray
    baseline: FloatArray
    condition: FloatArray
    method: IntArray
    n: IntArray

    @property
    def weights(self) -> FloatArray:
        """How much more frequent each class is than in the baseline."""
        return np.where(self.baseline > 0, self.shares / np.where(self.baseline > 0, self.baseline, 1.0), np.nan)

    @property
    def distance(self) -> FloatArray:
        """Half the sum of the shares' changes: which share of the labels has another class now; per group."""
        return np.asarray(np.abs(self.shares - self.baseline).sum(axis=1) / 2)


def label_shares(baseline: PerformanceCounts, current: PerformanceCounts) -> LabelShares:
    """Return the shares of the labels today; of a baseline with labels, and with as many groups or one for all.

    BBSE: the shares q solve M·q = μ, with M[i, j] the share of the baseline's rows of class j that are predicted as i,
    and μ the shares of today's predictions. Where the condition number of M is 30 or more, as of a model that hardly
    tells the classes apart, the mean probabilities take the place of predictions (the soft version); where that is no
    better, for two classes the maximum of the likelihood of the calibrated scores, to which the EM of Saerens, Latinne
    & Decaestecker (2002) climbs; else there is no answer. M is of each class's rows, not of all as in the paper: that
    gives the same q, but a rare class alone makes it no worse to invert.

    Interval: by the delta method, of the sampling of today's rows and of the baseline's rows of each class; for the
    likelihood by its curvature in both. Shares below 0 are set to 0 and the rest scaled, the interval is cut off at 0
    and 1.
    Source: Lipton, Wang & Smola, Detecting and correcting for label shift with black box predictors (2018).
    """
    before, now = baseline.classes, current.classes
    classes, groups = len(current.task.classes), len(now.rows)
    labels = _spread_over(before.labels, groups)
    prior = labels / np.maximum(labels.sum(axis=1, keepdims=True), 1)
    found = _Found(
        np.full((groups, classes), np.nan),
        np.full((groups, classes), np.nan),
        np.full(groups, np.nan),
        np.full(groups, METHODS.index("none"), np.int64),
        np.zeros(groups, np.int64),
    )
    by_prediction = _spread_over(before.confusion, groups).transpose(0, 2, 1).astype(np.float64)
    found.invert("bbse", by_prediction, now.predictions.astype(np.float64))
    found.invert("soft", _spread_over(before.by_label, groups).transpose(0, 2, 1), _mean_probabilities(now))
    if classes == 2:
        found.maximise(_Scores.of(before, groups), _Scores.of(now, groups))
    raw = found.shares
    clipped = np.maximum(raw, 0.0)
    half = TWO_SIDED * found.errors
    return LabelShares(
        clipped / np.where(clipped.sum(axis=1, keepdims=True) > 0, clipped.sum(axis=1, keepdims=True), 1.0),
        found.errors,
        np.clip(raw - half, 0.0, 1.0),
        np.clip(raw + half, 0.0, 1.0),
        np.where(labels.sum(axis=1, keepdims=True) > 0, prior, np.nan),
        found.condition,
        found.method,
        found.n,
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """What has been found so far; each method fills in the groups that the ones before could not answer for."""

    shares: FloatArray
    errors: FloatArray
    condition: FloatArray
    method: IntArray
    n: IntArray

    @property
    def open(self) -> MaskArray:
        return np.isnan(self.shares[:, 0])

    def put(self, method: Method, groups: MaskArray, shares: FloatArray, errors: FloatArray, n: FloatArray) -> None:
        """Fill in the answers of these groups."""
        self.shares[groups], self.errors[groups] = shares[groups], errors[groups]
        self.method[groups] = METHODS.index(method)
        self.n[groups] = np.rint(n[groups]).astype(np.int64)

    def invert(self, method: Method, joint: FloatArray, today: FloatArray) -> None:
        """Solve M·q = μ where every class has baseline rows, and M can be inverted without blowing up the noise.

        `joint` (groups x K x K): counts by what the model says (first) and label; `today` (groups x K): what it says.
        """
        of_class, n = joint.sum(axis=1), today.sum(axis=1)
        usable = (of_class > 0).all(axis=1) & (n > 0)
        m = np.where(
            usable[:, None, None], joint / np.where(of_class > 0, of_class, 1.0)[:, None, :], np.eye(joint.shape[1])
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            condition = np.linalg.cond(m)
        self.condition[usable & self.open] = condition[usable & self.open]
        chosen = usable & self.open & (condition < LARGEST_CONDITION)
        inverse = np.linalg.inv(np.where(chosen[:, None, None], m, np.eye(joint.shape[1])))
        said = today / np.maximum(n, 1e-300)[:, None]
        shares = np.einsum("gij,gj->gi", inverse, said)
        noise = _multinomial(said) / np.maximum(n, 1.0)[:, None, None]
        for k in range(joint.shape[1]):
            weight = np.square(shares[:, k]) / np.where(of_class[:, k] > 0, of_class[:, k], 1.0)
            noise = noise + weight[:, None, None] * _multinomial(m[:, :, k])
        variance = np.einsum("gij,gjk,gik->gi", inverse, noise, inverse)
        self.put(method, chosen, shares, np.sqrt(np.maximum(variance, 0.0)), n)

    def maximise(self, before: _Scores, now: _Scores) -> None:
        """Find the share of the positive class under which today's calibrated scores are likeliest.

        The share that the probabilities were made for is their mean in the baseline; that of its labels, which differs
        by chance, would be blown up as much as the signal is.
        """
        prior = before.mean
        usable = self.open & (prior > 0) & (prior < 1) & (now.n.sum(axis=1) > 0)
        made_for = np.where(usable, prior, 0.5)
        low, high = np.zeros(len(prior)), np.ones(len(prior))
        for _ in range(_STEPS):  # the likelihood is concave: its slope falls, and is 0 at most once
            middle = (low + high) / 2
            slope, _ = now.slope(made_for, middle)
            low, high = np.where(slope > 0, middle, low), np.where(slope > 0, high, middle)
        share = (low + high) / 2
        today, then = now.slope(made_for, share)[1], before.slope(made_for, made_for)[1]
        # A flat likelihood says nothing of the share.
        told = usable & (today > 0) & (then > 0)
        error = np.sqrt(1 / np.where(told, today, 1.0) + 1 / np.where(told, then, 1.0))
        shares, errors = np.column_stack((1 - share, share)), np.column_stack((error, error))
        self.put("likelihood", told, shares, errors, now.n.sum(axis=1))


@dataclass(frozen=True, eq=False)
class _Scores:
    """Rows `n` and their mean calibrated probability `p` in each cell of the score (groups x cells)."""

    n: FloatArray
    p: FloatArray

    @classmethod
    def of(cls, counts: ClassCounts, groups: int) -> _Scores:
        n = _spread_over(counts.scored[:, 0], groups)
        return cls(n, _spread_over(counts.expected_scores[:, 0], groups) / np.maximum(n, 1))

    @property
    def mean(self) -> FloatArray:
        """The mean probability of each group; 0 where there is no row."""
        return np.asarray((self.n * self.p).sum(axis=1) / np.maximum(self.n.sum(axis=1), 1))

    def slope(self, prior: FloatArray, share: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return slope and curvature (sign changed) of the log likelihood of a share; `prior`: as in `maximise`."""
        positive, negative = self.p / prior[:, None], (1 - self.p) / (1 - prior[:, None])
        mixed = share[:, None] * positive + (1 - share[:, None]) * negative
        steep = np.where(self.n > 0, (positive - negative) / np.where(mixed > 0, mixed, 1.0), 0.0)
        return (self.n * steep).sum(axis=1), (self.n * np.square(steep)).sum(axis=1)


def _mean_probabilities(now: ClassCounts) -> FloatArray:
    """Return the summed calibrated probability of each class (groups x K)."""
    sums = now.expected_scores.sum(axis=2)
    return np.column_stack((now.scored[:, 0].sum(axis=1) - sums[:, 0], sums[:, 0])) if sums.shape[1] == 1 else sums


def _multinomial(shares: FloatArray) -> FloatArray:
    """Return diag(s) - s·sᵀ; of summed probabilities, which vary less, it is an upper bound."""
    return shares[:, :, None] * np.eye(shares.shape[1]) - shares[:, :, None] * shares[:, None, :]


def _spread_over(values: FloatArray | IntArray, groups: int) -> FloatArray:
    """Return the baseline's values for each group; a baseline of one group serves all."""
    return np.asarray(np.broadcast_to(values, (groups, *values.shape[1:])), np.float64)
