"""Krippendorff's α of many sets of ratings at once, its bootstrap interval, and Cohen's κ of pairs of annotators."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from monitor.hashing import mix
from monitor.types import FloatArray, IntArray

Scale = Literal["nominal", "ordinal", "interval", "ratio"]
_CHUNK = 2_000_000
"""So many masses are worked on at once: 16 MB."""


@dataclass(frozen=True, eq=False)
class Values:
    """The values that ratings have and the unordered pairs of them that occur.

    `numbers` (C) are what the values stand for, ascending; of nominal ones any. `first` and `second` (P) are the pairs,
    as indices of the values, first <= second.
    """

    numbers: FloatArray
    first: IntArray
    second: IntArray

    def sums(self, masses: FloatArray) -> FloatArray:
        """Return how often each value occurs among pairable ratings (R x C), from the masses of pairs (R x P)."""
        sums: FloatArray = masses @ self._share
        return sums

    @cached_property
    def _share(self) -> FloatArray:
        share = np.zeros((self.first.size, self.numbers.size))
        rows = np.arange(self.first.size)
        np.add.at(share, (rows, self.first), 0.5)
        np.add.at(share, (rows, self.second), 0.5)
        return share


def alphas(masses: FloatArray, values: Values, scale: Scale) -> FloatArray:
    """Return α of each row of masses (R x P): 1 - D_o/D_e; NaN where all its ratings are one value, or there are none.

    A mass is what the coincidence matrix holds of an unordered pair of values, both of its cells together: a unit of m
    ratings adds 2/(m-1) for each pair of its ratings. (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011)
    With δ² nominal [v≠w], interval (v-w)², ratio ((v-w)/(v+w))², ordinal the squared distance of the values' midranks.
    Cost: R·P·C, of ratio besides R·C².
    """
    step = max(1, _CHUNK // max(masses.shape[1], values.numbers.size, 1))
    parts = [_alphas(masses[at : at + step], values, scale) for at in range(0, masses.shape[0], step)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _alphas(masses: FloatArray, values: Values, scale: Scale) -> FloatArray:
    counts = values.sums(masses)
    total = counts.sum(axis=1)
    observed, expected = _disagreement(masses, counts, total, values, scale)
    # Of equal values rounding leaves a little: what is not more than that is nothing.
    usable = expected > 1e-12 * total * total
    alpha: FloatArray = np.full(total.size, np.nan)
    np.divide(observed * (total - 1), expected, out=alpha, where=usable)
    return 1 - alpha


def _disagreement(
    masses: FloatArray, counts: FloatArray, total: FloatArray, values: Values, scale: Scale
) -> tuple[FloatArray, FloatArray]:
    """Return the sums over pairs of o·δ², and of n_v·n_w·δ², for each row."""
    first, second = values.first, values.second
    if scale == "nominal":
        return masses @ (first != second).astype(np.float64), total * total - (counts * counts).sum(axis=1)
    if scale == "ratio":
        table = _ratios(values.numbers)
        return masses @ table[first, second], ((counts @ table) * counts).sum(axis=1)
    places = _places(counts, total, values.numbers, scale)
    apart = places[:, first] - places[:, second]
    squares = (counts * places * places).sum(axis=1)
    sums = (counts * places).sum(axis=1)
    return (masses * apart * apart).sum(axis=1), 2 * (total * squares - sums * sums)


def _places(counts: FloatArray, total: FloatArray, numbers: FloatArray, scale: Scale) -> FloatArray:
    """Return where each value lies (R x C), from the rows' middle on and in units that make no sum large."""
    safe = np.maximum(total, 1)[:, None]
    if scale == "ordinal":
        ranks: FloatArray = (np.cumsum(counts, axis=1) - counts / 2) / safe - 0.5
        return ranks
    spread = numbers[-1] - numbers[0] if numbers.size else 0.0
    scaled = (numbers - numbers[0]) / (spread or 1.0) if numbers.size else numbers
    places: FloatArray = scaled[None, :] - (counts @ scaled)[:, None] / safe
    return places


def distances(values: Values, counts: FloatArray, scale: Scale) -> FloatArray:
    """Return δ² of each pair of values (P), in a unit of its own, given how often each value occurs (C)."""
    if scale == "nominal":
        different: FloatArray = (values.first != values.second).astype(np.float64)
        return different
    if scale == "ratio":
        ratios: FloatArray = _ratios(values.numbers)[values.first, values.second]
        return ratios
    places = _places(counts[None, :], counts.sum(keepdims=True), values.numbers, scale)[0]
    apart: FloatArray = (places[values.first] - places[values.second]) ** 2
    return apart


def _ratios(numbers: FloatArray) -> FloatArray:
    """Return δ² of every two numbers that are not negative; 0 of 0 and 0."""
    total = numbers[:, None] + numbers[None, :]
    apart = np.abs(numbers[:, None] - numbers[None, :])
    table: FloatArray = np.divide(apart, total, out=np.zeros_like(total), where=total > 0) ** 2
    return table


def class_alphas(masses: FloatArray, values: Values) -> FloatArray:
    """Return α (nominal) of each value against all others together (C); NaN where it has no ratings or all of them."""
    counts = values.sums(masses[None, :])[0]
    same = np.zeros(counts.size)
    equal = values.first == values.second
    same[values.first[equal]] = masses[equal]
    total = counts.sum()
    expected = counts * (total - counts)
    ratio: FloatArray = np.full(counts.size, np.nan)
    np.divide((counts - same) * (total - 1), expected, out=ratio, where=expected > 0)
    return 1 - ratio


def resampled(groups: FloatArray, values: Values, scale: Scale, resamples: int, seed: int) -> FloatArray:
    """Return α of so many resamples: as many groups of units as there are, drawn with replacement; without its NaN.

    `groups` are the masses of each group (G x P). The draws are a hash of `seed` and their number, so they are the same
    on every machine and in every version of numpy. Cost: resamples·(G·P + P·C).
    """
    n = groups.shape[0]
    step = max(1, _CHUNK // max(n, groups.shape[1], values.numbers.size, 1))
    found = []
    for begin in range(0, resamples, step):
        rows = min(step, resamples - begin)
        numbers = np.arange(begin * n, (begin + rows) * n, dtype=np.uint64) + np.uint64(seed)
        drawn = ((mix(mix(numbers)) >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32)
        places = drawn.astype(np.int64) + np.repeat(np.arange(rows) * n, n)
        weights = np.bincount(places, minlength=rows * n).reshape(rows, n)
        found.append(_alphas(weights.astype(np.float64) @ groups, values, scale))
    alphas_: FloatArray = np.concatenate(found) if found else np.zeros(0)
    return alphas_[~np.isnan(alphas_)]


def kappas(
    pairs: IntArray, first: IntArray, second: IntArray, counts: IntArray, n: int
) -> tuple[FloatArray, FloatArray]:
    """Return the share of equal ratings and Cohen's κ of each of `n` pairs of annotators; κ NaN where chance is all.

    One entry for each pair of annotators, value of the one and value of the other, with the number of units that have
    them. κ = (p_o - p_e)/(1 - p_e), with p_e from the values of either annotator in the units that both rated.
    """
    total = np.bincount(pairs, counts, n)
    same = np.bincount(pairs, counts * (first == second), n)
    size = int(max(first.max(initial=-1), second.max(initial=-1))) + 1
    ones = np.bincount(pairs * size + first, counts, n * size).reshape(n, size)
    others = np.bincount(pairs * size + second, counts, n * size).reshape(n, size)
    safe = np.maximum(total, 1)
    observed = same / safe
    # Counts are whole numbers, so of a pair that only uses one value this is nothing, exactly.
    left = total * total - (ones * others).sum(axis=1)
    kappa: FloatArray = np.full(n, np.nan)
    np.divide(observed * total * total - (ones * others).sum(axis=1), left, out=kappa, where=left > 0)
    return np.where(total > 0, observed, np.nan), kappa
