"""The lower bound of every smooth divergence: what chance alone makes of it, in cells of many rows and of few."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from monitor.detectors.cells import CellPair
from monitor.detectors.noncentral import noncentrality_bound, p_value
from monitor.types import FloatArray

Terms = Callable[[FloatArray, FloatArray], FloatArray]
"""A divergence's terms f(current, baseline) of counts, nonnegative, about (current - baseline)²/baseline where near."""

_HALF = 0.5
_FEWEST, _MOST = 0.01, 1000.0
_GRID = np.geomspace(_FEWEST, _MOST, 121)
_STEP = float(np.log(_MOST / _FEWEST)) / (_GRID.size - 1)
_LEVELS = (np.arange(4000) + 0.5) / 4000


def psi_terms(now: FloatArray, before: FloatArray) -> FloatArray:
    """Return (q - p)·ln(q/p)."""
    return np.asarray(special.rel_entr(now, before) + special.rel_entr(before, now))


def kl_terms(now: FloatArray, before: FloatArray) -> FloatArray:
    """Return 2·(q·ln(q/p) + p - q)."""
    return np.asarray(2 * special.kl_div(now, before))


def kl_terms_of_baseline(now: FloatArray, before: FloatArray) -> FloatArray:
    """Return the terms of KL with the sides exchanged: what chance in the baseline's count makes of it."""
    return kl_terms(before, now)


def js_terms(now: FloatArray, before: FloatArray) -> FloatArray:
    """Return 4·(q·ln(q/h) + p·ln(p/h)), h = (p + q)/2."""
    middle = (now + before) / 2
    return np.asarray(4 * (special.rel_entr(now, middle) + special.rel_entr(before, middle)))


def hellinger_terms(now: FloatArray, before: FloatArray) -> FloatArray:
    """Return 4·(√q - √p)²."""
    return np.asarray(4 * (np.sqrt(now) - np.sqrt(before)) ** 2)


def chi2_terms(now: FloatArray, before: FloatArray) -> FloatArray:
    """Return 2·(q - p)²/(q + p), 0 where both are 0."""
    total = now + before
    return np.divide(2 * (now - before) ** 2, total, out=np.zeros_like(total), where=total > 0)


@dataclass(frozen=True, eq=False)
class Confidence:
    """What is sure of a divergence, per group: the lower bound in units of (q - p)²/p, and the p-value of no drift."""

    lower_bound: FloatArray
    p_value: FloatArray


def confidence(pair: CellPair, terms: Terms, exchanged: Terms | None = None) -> Confidence:
    """Return the 95 % lower bound of the divergence Σ terms(q, p) of the true shares, and its p-value.

    `exchanged` are the terms with the sides exchanged, for a divergence that is not symmetric.

    Both sides are drawn as h = 1/K rows, the number that has the noise of both, and get half a row in every occupied
    cell, so that neither a zero nor a logarithm decides: Z = Σ terms(h·q + ½, h·p + ½). Were every λ = h·p large, Z
    would be noncentral chi-squared with B-1 degrees of freedom and noncentrality h·Σ (q - p)²/p. In cells of few rows
    its mean and variance differ; they are known for each λ (`chances`), and Z is taken as the multiple g of a
    noncentral chi-squared that has them: g = V/2M, freedom 2M²/V, M = Σ (1-p)·mean(λ), V = Σ (1-p)·variance(λ).
    The half rows take the part ½/(λ + ½) of the effect, which the bound gets back.

    With correlated rows h is the effective number, and the part 1 - 1/φ of the variation is taken as Dirichlet, φ the
    design effect. A group whose values lie in one cell has bound 0 and p-value 1.
    """
    h = (1 / pair.noise)[:, None]
    before, now = pair.shares
    occupied = _HALF * pair.occupied
    z = terms(h * now + occupied, h * before + occupied).sum(axis=1)
    share = pair.pooled
    expected = h * share
    rest = np.where(pair.occupied, 1 - share, 0.0)
    independent = (1 / pair.effect)[:, None]
    mean, variance = chances(terms, expected, independent)
    if exchanged is not None:
        of_current = (pair.n_baseline / np.maximum(pair.n_baseline + pair.n_current, 1))[:, None]
        other_mean, other_variance = chances(exchanged, expected, independent)
        mean = of_current * mean + (1 - of_current) * other_mean
        variance = of_current * variance + (1 - of_current) * other_variance
    m, v = (rest * mean).sum(axis=1), (rest * variance).sum(axis=1)
    some = (pair.freedom > 0) & (m > 0) & (v > 0)
    m, v = np.where(some, m, 1.0), np.where(some, v, 2.0)
    left = (rest * expected / (expected + _HALF)).sum(axis=1)
    kept = np.where(some, left, 1.0) / np.where(some, rest.sum(axis=1), 1.0)
    scale, freedom = v / (2 * m), np.where(some, 2 * m**2 / v, 0.0)
    statistic = z / scale
    bound = noncentrality_bound(statistic, freedom) * scale * pair.noise / kept
    return Confidence(bound, p_value(statistic, freedom))


def chances(terms: Terms, expected: FloatArray, independent: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of terms(C + ½, λ + ½), C a count of mean and variance λ; 1 and 2 where λ is large.

    The share `independent` of the variance is that of a Poisson count, the rest that of a gamma (in a Dirichlet).
    """
    place = np.log(np.clip(expected, _FEWEST, _MOST) / _FEWEST) / _STEP
    left = np.minimum(place.astype(np.int64), _GRID.size - 2)
    right = place - left
    correlated = bool((independent < 1).any())
    of_counts, of_shares = _of_counts(terms), _of_shares(terms) if correlated else None
    few = np.minimum(expected / _FEWEST, 1.0)
    found = []
    for number in range(2):  # mean, variance
        table = of_counts[number]
        value = table[left] * (1 - right) + table[left + 1] * right
        if of_shares is not None:
            table = of_shares[number]
            value = independent * value + (1 - independent) * (table[left] * (1 - right) + table[left + 1] * right)
        found.append(value * few)
    return found[0], found[1]


@cache
def _of_counts(terms: Terms) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance over the grid where C is Poisson, summed over its values."""
    values = np.arange(_MOST + 12 * np.sqrt(_MOST))
    weights = np.exp(special.xlogy(values, _GRID[:, None]) - _GRID[:, None] - special.gammaln(values + 1))
    found = terms(values + _HALF, _GRID[:, None] + _HALF)
    mean = (weights * found).sum(axis=1)
    return mean, (weights * (found - mean[:, None]) ** 2).sum(axis=1)


@cache
def _of_shares(terms: Terms) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance over the grid where C is gamma of shape λ, by the middles of 4,000 equal shares."""
    values = special.gammaincinv(_GRID[:, None], _LEVELS)
    found = terms(np.asarray(values + _HALF, np.float64), _GRID[:, None] + _HALF)
    return found.mean(axis=1), found.var(axis=1)
