"""How a score of Driftline becomes the number of a tool with another convention; each is exact but for rounding.

Every function takes a detector's kind and the pair it compares, and returns what the tool would say. None of them
writes a distance anew: they call the detectors, on the counts, on multiples of them or on both sides swapped.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from monitor.types import FloatArray, IntArray
from tests.conformance.ours import Pair

MANY_ROWS = 10**15
"""Of about so many rows the half counts in PSI and KL, and the noise of a baseline, are too small to be seen."""

_EVIDENTLY_FILL = 1e-4


def as_it_is(kind: str, pair: Pair) -> float:
    """Return the score."""
    return pair.score(kind)


def distance(kind: str, pair: Pair) -> float:
    """Return the root of a divergence."""
    return math.sqrt(pair.score(kind))


def p_value(kind: str, pair: Pair) -> float:
    """Return the p-value."""
    return float(pair.compare(kind).p_value[0])


def distance_in_nats(kind: str, pair: Pair) -> float:
    """Return the root of a divergence, with the natural logarithm instead of that of base 2."""
    return math.sqrt(pair.score(kind) * math.log(2))


def evidently_kl(kind: str, pair: Pair) -> float:
    """Return the divergence the other way round, with Evidently's shares in empty cells and no half counts."""
    before, now = (_filled(side) for side in pair.counts(kind))
    return Pair.of_counts(now, before).score(kind)


def evidently_psi(kind: str, pair: Pair) -> float:
    """Return the index with Evidently's shares in empty cells, which it does not norm again, and no half counts.

    Where no cell is empty the shares P·p and Q·q sum to one and the index is that of many times the rows. Else
    Σ (Pp - Qq)·ln(Pp/Qq) = P·KL(p‖q) + Q·KL(q‖p) + (P - Q)·ln(P/Q).
    """
    cells = pair.counts(kind)
    before, now = (_filled(side) for side in cells)
    if all((side > 0).all() for side in cells):
        return Pair.of_counts(before, now).score(kind)
    p, q = (filled.sum() / _multiplied(side).sum() for filled, side in zip((before, now), cells, strict=True))
    forth, back = Pair.of_counts(now, before).score("kl"), Pair.of_counts(before, now).score("kl")
    return float(p * forth + q * back + (p - q) * np.log(p / q))


def one_sample_p(kind: str, pair: Pair) -> float:
    """Return the p-value when the baseline is taken to be without sampling error: one of very many rows."""
    before, now = pair.counts(kind)
    return float(Pair.of_counts(_multiplied(before), now).compare(kind).p_value[0])


def contingency(kind: str, pair: Pair) -> float:
    """Return Pearson's statistic, the one whose p-value ours is."""
    freedom = np.count_nonzero(np.add(*pair.counts(kind))) - 1
    return float(stats.chi2.isf(pair.compare(kind).p_value[0], freedom))


def finite_sample_p(kind: str, pair: Pair) -> float:
    """Return the p-value by the law of so many rows (`kstwo`), where ours is by its limit."""
    found = pair.compare(kind)
    n, m = int(found.n_current[0]), int(found.n_baseline[0])
    return float(stats.kstwo.sf(found.score[0], np.round(n * m / (n + m))))


def in_units_of_the_value(kind: str, pair: Pair) -> float:
    """Return the distance times the spread it is measured in."""
    return pair.score(kind) * pair.spread()


def in_standard_deviations(kind: str, pair: Pair) -> float:
    """Return the distance in units of the baseline's standard deviation, at least 0.001, of the values in the cells."""
    deviation = float(np.std(pair.means()[0]))
    return in_units_of_the_value(kind, pair) / max(deviation, 0.001)


def _multiplied(counts: IntArray) -> IntArray:
    """Return a multiple of the counts that is about `MANY_ROWS` altogether."""
    return counts * (MANY_ROWS // int(counts.sum()))


def _filled(counts: IntArray) -> IntArray:
    """Return a multiple of the counts with what Evidently puts into empty cells."""
    shares: FloatArray = counts / counts.sum()
    least = shares[shares > 0].min()
    fill = _EVIDENTLY_FILL if least > _EVIDENTLY_FILL else least / 10**6
    many = _multiplied(counts)
    return np.where(counts > 0, many, round(fill * int(many.sum())))
