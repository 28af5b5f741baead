"""Whether a classifier can tell the rows of today from those of the baseline, and by which fields (C2ST)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from scipy import special

from monitor.types import FloatArray, IntArray, MaskArray

FOLDS = 5
LEAST_ROWS = 4 * FOLDS
"""With fewer rows on a side nothing is compared."""
_ONE_SIDED = float(special.ndtri(0.95))
_TWICE = 2.0
_MOST_PAIRED = 12
_RIDGE = 1.0
_STEPS = 15
_CONVERGED = 1e-6


@dataclass(frozen=True, eq=False)
class Told:
    """How well the rows are told apart, all NaN where a side has fewer than 20.

    `auc`: that a row of today scores higher than one of the baseline, by a classifier that has seen neither; 0.5 when
    they are alike. `noise`: its standard error in that case. `lower_bound`: 95 % one-sided. `p_value`: of such an AUC
    when they are alike. `contributions` (d): by how much the AUC falls without each field, not below 0.
    """

    auc: float
    noise: float
    lower_bound: float
    p_value: float
    contributions: FloatArray


def told_apart(before: FloatArray, now: FloatArray, effect: float = 1.0) -> Told:
    """Return how well rows (n x d, in no order that means anything) of the two sides can be told apart.

    The classifier is logistic regression with ridge on the fields, their squares and, up to 12 fields, their products:
    it sees moved means, other spreads and other correlations. Five-fold cross-validation: every row is scored by a
    classifier that was fitted to the other four fifths, the AUC is the mean over the folds. `effect`: the design effect
    of rows of one window that resemble each other.

    No drift: given the classifier, the AUC of a fold has the law of the Mann-Whitney statistic, mean 1/2 and variance
    (m + n + 1) / (12·m·n). The folds are not independent: chance makes a row of fold a score high in fold b just as it
    makes one of b score high in a, so each pair counts twice and the variance of the mean is twice that of independent
    folds. (For a linear classifier, Σ δ_a·δ_b over a ≠ b with δ the folds' differences of means.) Leaving that out gave
    10 % false alarms. With drift the standard error is Hanley & McNeil's (1982), the same twice.
    Source: Lopez-Paz & Oquab, Revisiting classifier two-sample tests (2017).
    """
    d = before.shape[1]
    if min(len(before), len(now)) < LEAST_ROWS:
        return Told(np.nan, np.nan, np.nan, np.nan, np.full(d, np.nan))
    pairs = _terms(d)
    rows = _expanded(np.concatenate((before, now)), pairs)
    is_now = np.arange(len(rows)) >= len(before)
    folds = np.concatenate((np.arange(len(before)), np.arange(len(now)))) % FOLDS
    found = [_fold(rows, is_now, folds == fold, pairs, d) for fold in range(FOLDS)]
    auc, without = float(np.mean([one[0] for one in found])), np.mean([one[1] for one in found], axis=0)
    sizes = [(int((~is_now & (folds == f)).sum()), int((is_now & (folds == f)).sum())) for f in range(FOLDS)]
    alike = sum((m + n + 1) / (12 * m * n) for m, n in sizes) * _TWICE / FOLDS**2 * effect
    apart = sum(_hanley_mcneil(auc, m, n) for m, n in sizes) * _TWICE / FOLDS**2 * effect
    noise = float(np.sqrt(alike))
    bound = auc - _ONE_SIDED * max(float(np.sqrt(apart)), 0.0)
    # Near 1/2 the law without drift decides, so that bound and p-value say the same.
    bound = min(bound, auc - _ONE_SIDED * noise) if auc < 0.5 + 3 * noise else bound
    return Told(auc, noise, bound, float(special.ndtr((0.5 - auc) / noise)), np.maximum(auc - without, 0.0))


def _terms(d: int) -> list[tuple[int, ...]]:
    """Return the fields that each column of the classifier is the product of."""
    alone = [(j,) for j in range(d)]
    products = combinations_with_replacement(range(d), 2) if d <= _MOST_PAIRED else ((j, j) for j in range(d))
    return [*alone, *products]


def _expanded(rows: FloatArray, terms: list[tuple[int, ...]]) -> FloatArray:
    """Return fields and products, each scaled to mean 0 and standard deviation 1 over all rows; constants are 0."""
    scaled = _scaled(rows)
    return _scaled(np.column_stack([scaled[:, term].prod(axis=1) for term in map(list, terms)]))


def _scaled(rows: FloatArray) -> FloatArray:
    centred = rows - rows.mean(axis=0)
    spread = np.sqrt(np.square(centred).mean(axis=0))
    used = spread > 1e-12 * np.maximum(np.abs(rows).max(axis=0), 1e-300)
    return np.where(used, centred / np.where(used, spread, 1.0), 0.0)


def _fold(
    rows: FloatArray, is_now: MaskArray, held_out: MaskArray, terms: list[tuple[int, ...]], d: int
) -> tuple[float, FloatArray]:
    """Return the AUC of the rows held out, and what it would be without each field."""
    weights = _fitted(rows[~held_out], is_now[~held_out])
    parts, truth = rows[held_out] * weights, is_now[held_out]
    scores = parts.sum(axis=1)
    without = [scores - parts[:, [j in term for term in terms]].sum(axis=1) for j in range(d)]
    return _auc(scores, truth), np.array([_auc(other, truth) for other in without])


def _fitted(rows: FloatArray, is_now: MaskArray) -> FloatArray:
    """Return the weights of ridge logistic regression by Newton's method, both sides given the same weight."""
    n = len(rows)
    share = np.count_nonzero(is_now) / n
    importance = np.where(is_now, 0.5 / share, 0.5 / (1 - share))
    weights, intercept = np.zeros(rows.shape[1]), 0.0
    design = np.column_stack((rows, np.ones(n)))
    penalty = np.append(np.full(rows.shape[1], _RIDGE), 1e-9)
    for _ in range(_STEPS):
        p = special.expit(rows @ weights + intercept)
        slope = design.T @ (importance * (p - is_now)) + penalty * np.append(weights, intercept)
        curvature = design.T @ (design * (importance * np.maximum(p * (1 - p), 1e-6))[:, None]) + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        step *= min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-300))
        weights, intercept = weights - step[:-1], intercept - float(step[-1])
        if np.abs(step).max() < _CONVERGED:
            break
    return weights


def _auc(scores: FloatArray, is_now: MaskArray) -> float:
    """Return the area under the curve by ranks, ties counted half."""
    n = int(np.count_nonzero(is_now))
    # scipy.stats.rankdata would do, but takes half a second to import.
    _, where, ties = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[where]
    return float((ranks[is_now].sum() - n * (n + 1) / 2) / (n * (is_now.size - n)))


def _hanley_mcneil(auc: float, m: int, n: int) -> float:
    """Return the variance of an AUC of m and n rows."""
    one, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    return (auc * (1 - auc) + (n - 1) * (one - auc**2) + (m - 1) * (two - auc**2)) / (m * n)


def separation(auc: float | FloatArray) -> FloatArray:
    """Return 2·AUC - 1, not below 0: nothing at 0, told apart without fail at 1."""
    return np.maximum(2 * np.asarray(auc, np.float64) - 1, 0.0)


def evenly(rows: FloatArray, most: int) -> FloatArray:
    """Return at most so many of the rows, evenly spread over them."""
    if len(rows) <= most:
        return rows
    places: IntArray = np.linspace(0, len(rows) - 1, most).astype(np.int64)
    return rows[places]
