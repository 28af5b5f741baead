"""What the counted pairs of ratings of a window say: α and its interval, classes, annotators and pairs of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from monitor.checks.agreement_alpha import Scale, Values, alphas, class_alphas, distances, kappas, resampled
from monitor.checks.agreement_tally import Counted, Tally
from monitor.types import FloatArray, IntArray

MAX_ANNOTATORS = 50
"""Of so many annotators, those with the most ratings, each pair is compared."""
_FEWEST = 10
"""With fewer units in common nothing is said of a pair of annotators, or of one with all others."""
Numbers = Callable[[IntArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Annotators:
    """Every pair of annotators with enough units in common, and every annotator with enough with anybody.

    `one` and `other` are ids, and `common`, `same`, `kappa`, `alpha` of each pair: units, share of equal ratings,
    Cohen's κ, and α of the two alone. `ids`, `id_common`, `id_same`, `id_alpha` are of an annotator with all others,
    the pairs' counts added up.
    """

    one: IntArray
    other: IntArray
    common: IntArray
    same: FloatArray
    kappa: FloatArray
    alpha: FloatArray
    ids: IntArray
    id_common: IntArray
    id_same: FloatArray
    id_alpha: FloatArray


@dataclass(frozen=True, eq=False)
class Agreement:
    """What a window's ratings have in common; `labels` (C) with α and ratings of each class, `alpha` NaN of one class.

    `agreement` is the share of equal ones among all pairs of ratings of a unit. `confused` is of each pair of different
    labels that occurs its share of the disagreement, the largest first, as indices of `labels`.
    """

    alpha: float
    agreement: float
    units: int
    ratings: float
    labels: IntArray
    class_alpha: FloatArray
    class_ratings: FloatArray
    confused: list[tuple[int, int, float]]
    values: Values
    masses: FloatArray
    groups: FloatArray

    def interval(self, scale: Scale, confidence: float, resamples: int, seed: int) -> tuple[float, float]:
        """Return the percentile bootstrap interval of α over units; NaN where no resample has two classes."""
        found = resampled(self.groups, self.values, scale, resamples, seed)
        if not found.size:
            return float("nan"), float("nan")
        low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
        return float(low), float(high)


def units_of(tally: Tally) -> int:
    """Return how many units have two ratings or more: m ratings make m(m-1)/2 pairs."""
    sizes = tally.cells.keys[:, 1]
    return round(float((tally.cells.counts / (sizes * (sizes - 1) / 2)).sum()))


def labels_of(tally: Tally) -> IntArray:
    """Return the labels that occur in units with two ratings or more."""
    return np.unique(tally.cells.keys[:, 2:])


def measure(tally: Tally, scale: Scale, numbers: Numbers) -> Agreement:
    """Return what the pairs of ratings say; there must be at least one. `numbers` are what labels stand for."""
    keys, counts = tally.cells.keys, tally.cells.counts
    labels = _ordered(labels_of(tally), numbers)
    first, second, pairs = _indexed(keys[:, 2], keys[:, 3], labels)
    values = Values(numbers(labels), first, second)
    used, group = np.unique(keys[:, 0], return_inverse=True)
    masses = counts * 2.0 / (keys[:, 1] - 1)
    flat = _sums(group * first.size + pairs, masses, used.size * first.size)
    groups = flat.reshape(used.size, first.size)
    total = groups.sum(axis=0)
    occurring = values.sums(total[None, :])[0]
    parts = total * distances(values, occurring, scale)
    order = np.argsort(-parts, kind="stable")[:10]
    share = parts / (parts.sum() or 1.0)
    return Agreement(
        alpha=float(alphas(total[None, :], values, scale)[0]),
        agreement=float(counts[keys[:, 2] == keys[:, 3]].sum() / counts.sum()),
        units=units_of(tally),
        ratings=float(occurring.sum()),
        labels=labels,
        class_alpha=class_alphas(total, values),
        class_ratings=occurring,
        confused=[(int(first[i]), int(second[i]), float(share[i])) for i in order.tolist() if share[i] > 0],
        values=values,
        masses=total,
        groups=groups,
    )


def measure_annotators(counted: Counted, scale: Scale, numbers: Numbers) -> Annotators:
    """Return how every two annotators agree, and everyone with all others; nobody where nothing was counted."""
    keys, counts = _busiest(counted)
    labels = _ordered(np.unique(keys[:, 2:]), numbers)
    ids, coded = np.unique(keys[:, :2], return_inverse=True)
    coded = coded.reshape(-1, 2)
    couples, couple = np.unique(coded[:, 0] * ids.size + coded[:, 1], return_inverse=True)
    place = np.argsort(labels, kind="stable")
    left = place[np.searchsorted(labels[place], keys[:, 2])]
    right = place[np.searchsorted(labels[place], keys[:, 3])]
    same, kappa = kappas(couple, left, right, counts, couples.size)
    common = np.bincount(couple, counts, couples.size).astype(np.int64)
    first, second, pairs = _indexed(keys[:, 2], keys[:, 3], labels)
    values = Values(numbers(labels), first, second)
    table = _sums(couple * first.size + pairs, 2.0 * counts.astype(np.float64), couples.size * first.size)
    table = table.reshape(couples.size, first.size)
    alpha = alphas(table, values, scale)
    members = np.stack((couples // max(ids.size, 1), couples % max(ids.size, 1)), axis=1)
    belongs = np.zeros((ids.size, couples.size))
    belongs[members.ravel(), np.repeat(np.arange(couples.size), 2)] = 1.0
    id_common = (belongs @ common).astype(np.int64)
    agreeing = belongs @ np.nan_to_num(same * common)
    enough, known = common >= _FEWEST, id_common >= _FEWEST
    return Annotators(
        ids[members[enough, 0]],
        ids[members[enough, 1]],
        common[enough],
        same[enough],
        kappa[enough],
        alpha[enough],
        ids[known],
        id_common[known],
        agreeing[known] / id_common[known],
        alphas(belongs @ table, values, scale)[known],
    )


def _sums(places: IntArray, weights: FloatArray, n: int) -> FloatArray:
    """Return the sum of the weights of each place."""
    return np.bincount(places, weights, n).astype(np.float64, copy=False)


def _busiest(counted: Counted) -> tuple[IntArray, IntArray]:
    """Return the counts of pairs of the annotators with the most units."""
    keys, counts = counted.keys, counted.counts
    ids, coded = np.unique(keys[:, :2], return_inverse=True)
    if ids.size <= MAX_ANNOTATORS:
        return keys, counts
    units = np.bincount(coded.reshape(-1), np.repeat(counts, 2), ids.size)
    kept = np.zeros(ids.size, np.bool_)
    kept[np.argsort(-units, kind="stable")[:MAX_ANNOTATORS]] = True
    rows = kept[coded.reshape(-1, 2)].all(axis=1)
    return keys[rows], counts[rows]


def _ordered(labels: IntArray, numbers: Numbers) -> IntArray:
    """Return the labels in the order of what they stand for."""
    return labels[np.argsort(numbers(labels), kind="stable")]


def _indexed(one: IntArray, other: IntArray, labels: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return the different unordered pairs of labels, as indices (first, second), and which one each row has."""
    place = np.argsort(labels, kind="stable")
    a, b = (place[np.searchsorted(labels[place], side)] for side in (one, other))
    codes, rows = np.unique(np.minimum(a, b) * max(labels.size, 1) + np.maximum(a, b), return_inverse=True)
    return codes // max(labels.size, 1), codes % max(labels.size, 1), rows.reshape(-1)
