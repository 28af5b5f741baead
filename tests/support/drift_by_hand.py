"""Drift scores of one pair of samples, computed from their definitions with numpy and scipy alone.

Nothing here is imported from `monitor`, and nothing is shared with it: the definitions are those of the
documentation (decision 0003 for the cells, `docs/explanation/psi.md` for the bound, the detectors' docstrings).
"""

from __future__ import annotations

import math
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats
from scipy.spatial import distance

Values = NDArray[np.float64]
Counts = NDArray[np.int64]

SMALL = 5
CONFIDENCE = 0.95
DKW = math.sqrt(math.log(2 / (1 - CONFIDENCE)) / 2)


def cuts_of(baseline: Values, cells: int) -> Values:
    """Return the inner cuts at the baseline's quantiles and around values that fill a cell, equal ones once."""
    values, counts = np.unique(baseline, return_counts=True)
    atoms = values[(counts >= SMALL) & (counts * cells >= baseline.size) & (counts * 50 >= baseline.size)]
    quantiles = np.quantile(baseline, np.arange(1, cells) / cells)
    return np.unique(np.concatenate((quantiles, atoms, np.nextafter(atoms, np.inf))))


def counted(values: Values, cuts: Values) -> Counts:
    """Return how many values lie in each cell; a value on a cut belongs to the cell on its right."""
    return np.bincount(np.searchsorted(cuts, values, side="right"), minlength=len(cuts) + 1)


def groups_of_cells(baseline: Counts, cuts: Values) -> list[list[int]]:
    """Return which cells are compared as one, by the rule of decisions 0003 and 0009.

    Successive cells of fewer than 5 rows are bundled until they reach 5; a bundle that does not joins its left
    neighbour, or its right one where it has none or the left one is a single value and the right one is not. An empty
    cell at an end stays alone, and so does a small one there that has only a single value beside it.
    """
    ends = (0, len(baseline) - 1)

    def single(bundle: list[int]) -> bool:
        (cell,) = bundle if len(bundle) == 1 else (0,)
        return cell not in ends and bool(cuts[cell] == np.nextafter(cuts[cell - 1], np.inf))

    def alone(bundle: list[int]) -> bool:
        return len(bundle) == 1 and bundle[0] in ends and baseline[bundle[0]] == 0

    def short(bundle: list[int]) -> bool:
        return bool(baseline[bundle].sum() < SMALL) and not alone(bundle)

    bundles: list[list[int]] = []
    for cell in range(len(baseline)):
        if bundles and short(bundles[-1]) and short([cell]):
            bundles[-1].append(cell)
        else:
            bundles.append([cell])
    out: list[list[int]] = []
    for place, bundle in enumerate(bundles):
        left = out[-1] if out and not alone(out[-1]) else None
        right = bundles[place + 1] if place + 1 < len(bundles) and not alone(bundles[place + 1]) else None
        beside = [side for side in (left, right) if side is not None]
        lonely = (ends[0] in bundle or ends[1] in bundle) and len(beside) == 1 and single(beside[0])
        if not short(bundle) or lonely or not beside:
            out.append(bundle)
        elif left is not None and not (right is not None and single(left) and not single(right)):
            out[-1] = left + bundle
        elif right is not None:
            bundles[place + 1] = bundle + right
    return out


class NumberRuler:
    """The cells of a number field, cut by the baseline's values."""

    def __init__(self, baseline: Values) -> None:
        """Cut."""
        self.grid = cuts_of(baseline, 50)
        self._cuts = {cells: cuts_of(baseline, cells) for cells in (10, 50)}
        self._groups = {n: groups_of_cells(counted(baseline, cuts), cuts) for n, cuts in self._cuts.items()}

    def cells(self, values: Values, cells: int) -> Counts:
        """Return the counts of the cells that are compared."""
        raw = counted(values, self._cuts[cells])
        return np.array([raw[group].sum() for group in self._groups[cells]])

    def whole(self, values: Values) -> Counts:
        """Return the counts of the cells of the whole grid."""
        return counted(values, self.grid)

    @property
    def merged(self) -> bool:
        """Whether any small cell was merged."""
        return any(len(group) > 1 for groups in self._groups.values() for group in groups)


class CategoryRuler:
    """The cells of a category field: values with at least 5 baseline rows, unseen, other."""

    def __init__(self, baseline: Counter[str], max_categories: int) -> None:
        """Take the most frequent values, equally frequent ones by name."""
        ranked = sorted((-n, value) for value, n in baseline.items())[:max_categories]
        self.seen = frozenset(baseline)
        self.known = frozenset(value for _, value in ranked)
        self._kept = {value: place for place, (n, value) in enumerate(ranked) if -n >= SMALL}

    def cells(self, values: Counter[str]) -> Counts:
        """Return the counts of the cells that are compared."""
        cells = np.zeros(len(self._kept) + 2, np.int64)
        for value, n in values.items():
            cells[self._kept.get(value, -1 if value in self.seen else -2)] += n
        return cells


class Pair:
    """Two sets of counts, baseline and current, of the same cells, with the scores that compare them."""

    def __init__(self, baseline: Counts, current: Counts) -> None:
        """Take both; each has at least one row."""
        self.m, self.n = int(baseline.sum()), int(current.sum())
        self.noise = 1 / self.n + 1 / self.m
        self.p, self.q = baseline / self.m, current / self.n
        b = len(baseline)
        self.smooth_p = (baseline + 0.5) / (self.m + 0.5 * b)
        self.smooth_q = (current + 0.5) / (self.n + 0.5 * b)
        self.occupied = (baseline + current) > 0
        self.freedom = int(self.occupied.sum()) - 1

    def scores(self) -> dict[str, float]:
        """Return the scores of all detectors that look at ten cells."""
        p, q = self.p, self.q
        return {
            "psi": float(np.sum((self.smooth_q - self.smooth_p) * np.log(self.smooth_q / self.smooth_p))),
            "js": float(distance.jensenshannon(p, q, base=2)) ** 2,
            "hellinger": float(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / math.sqrt(2)),
            "tv": float(distance.cityblock(p, q) / 2),
            "chi2": math.sqrt(float(np.sum((q - p)[self.occupied] ** 2 / (p + q)[self.occupied])) / 2),
        }

    def ks(self) -> float:
        """Return the largest difference of the distribution functions at the cuts."""
        return float(np.abs(np.cumsum(self.q)[:-1] - np.cumsum(self.p)[:-1]).max(initial=0.0))

    def statistics(self) -> dict[str, tuple[float, float, float]]:
        """Return, by detector, the unit of effect, the statistic and its degrees of freedom.

        The law is that of `docs/explanation/confidence.md`: counts as of h rows with a half more in each occupied
        cell, moments of Poisson counts summed, and the noncentral chi-squared that has them.
        """
        h = 1 / self.noise
        some = self.occupied
        p, q, pooled = self.p[some], self.q[some], (self.p * self.m + self.q * self.n)[some] / (self.m + self.n)
        out = {}
        for name, (terms, _) in _TERMS.items():
            if self.freedom == 0:
                out[name] = (0.0, 0.0, 0.0)
                continue
            z = float(terms(h * q + 0.5, h * p + 0.5).sum())
            moments = np.array([_moments(name, float(expected)) for expected in h * pooled])
            mean, variance = (1 - pooled) @ moments
            kept = (1 - pooled) @ (h * pooled / (h * pooled + 0.5)) / (1 - pooled).sum()
            scale = variance / (2 * mean)
            out[name] = (scale * self.noise / kept, z / scale, 2 * mean**2 / variance)
        return out

    def bounds(self) -> dict[str, float]:
        """Return the lower bounds that need the noncentral chi-squared distribution, by root finding."""
        scores = self.scores()
        out = {}
        for name, (unit, statistic, freedom) in self.statistics().items():
            bound = unit * noncentrality(statistic, freedom) / _TERMS[name][1]
            out[name] = min(math.sqrt(bound) if name in ("hellinger", "chi2") else bound, scores[name])
        return out

    def ks_bound(self) -> float:
        """Return how much of D cannot be noise, by Dvoretzky, Kiefer and Wolfowitz."""
        return max(0.0, self.ks() - DKW * math.sqrt(self.noise))

    def tv_bound(self) -> float:
        """Return how much of the total variation cannot be noise, by McDiarmid."""
        expected = math.sqrt((len(self.p) - 1) * self.noise) / 2
        return max(0.0, self.scores()["tv"] - expected - math.sqrt(self.noise * math.log(20) / 2))

    def p_values(self) -> dict[str, float]:
        """Return the p-values, by scipy's distributions and tests."""
        found = {name: float(stats.chi2.sf(x, freedom)) for name, (_, x, freedom) in self.statistics().items()}
        some = self.occupied
        table = np.stack((self.p * self.m, self.q * self.n))[:, some]
        if self.freedom:
            found["chi2"] = float(stats.chi2_contingency(table, correction=False).pvalue)
        return found if self.freedom else dict.fromkeys(found, 1.0)


# The terms of each divergence, about (q - p)²/p where the two are near, and how many of the score's units that is.
_TERMS: dict[str, tuple[Any, float]] = {
    "psi": (lambda q, p: (q - p) * np.log(q / p), 1.0),
    "js": (lambda q, p: 4 * (q * np.log(2 * q / (p + q)) + p * np.log(2 * p / (p + q))), 8 * math.log(2)),
    "hellinger": (lambda q, p: 4 * (np.sqrt(q) - np.sqrt(p)) ** 2, 8.0),
    "chi2": (lambda q, p: 2 * (q - p) ** 2 / (q + p), 4.0),
}


@cache
def _moments(name: str, expected: float) -> tuple[float, float]:
    """Return mean and variance of a term of a Poisson count with this expectation; 1 and 2 beyond a thousand."""
    if expected > 1000:
        return 1.0, 2.0
    counts = np.arange(int(expected + 12 * math.sqrt(expected) + 40))
    weights = stats.poisson.pmf(counts, expected)
    found = _TERMS[name][0](counts + 0.5, expected + 0.5)
    mean = float(weights @ found)
    return mean, float(weights @ (found - mean) ** 2)


def noncentrality(statistic: float, freedom: float) -> float:
    """Return the noncentrality under which `statistic` is exceeded with probability 0.05; 0 where there is none."""
    if freedom == 0 or stats.chi2.sf(statistic, freedom) >= 1 - CONFIDENCE:
        return 0.0
    excess = lambda nc: float(stats.ncx2.sf(statistic, freedom, nc)) - (1 - CONFIDENCE)  # noqa: E731
    return float(optimize.brentq(excess, 1e-12, 2 * statistic + 10, xtol=1e-10, rtol=1e-13))


class Located:
    """The values of a sample drawn together at their mean in each cell of a grid."""

    def __init__(self, values: Values, grid: Values) -> None:
        """Draw them together."""
        cells = np.searchsorted(grid, values, side="right")
        self.grid = grid
        self.n = values.size
        self.counts = np.bincount(cells, minlength=len(grid) + 1)
        self.below = np.cumsum(self.counts) / self.n
        self._some = np.flatnonzero(self.counts)
        self.masses = self.counts[self._some]
        self.means = np.bincount(cells, values, minlength=len(grid) + 1)[self._some] / self.masses

    def spread(self) -> float:
        """Return the distance of the means at the quartiles; at 5 % and 95 %, of all, or 1, where that is 0."""
        reached = np.cumsum(self.masses) / self.n
        q05, q25, q75, q95 = (self.means[int(np.argmax(reached >= x - 1e-12))] for x in (0.05, 0.25, 0.75, 0.95))
        return float(q75 - q25 or q95 - q05 or np.ptp(self.means) or 1.0)

    def distance(self, current: Located) -> tuple[float, float]:
        """Return the Wasserstein distance and its lower bound, in spreads of this baseline."""
        moved = stats.wasserstein_distance(self.means, current.means, self.masses, current.masses)
        margin = DKW * math.sqrt(1 / self.n + 1 / current.n)
        sure = np.maximum(np.abs(current.below - self.below)[:-1] - margin, 0.0)
        return float(moved / self.spread()), float(np.trapezoid(sure, self.grid) / self.spread())


def p_value_of_shares(k: int, m: int, j: int, n: int) -> float:
    """Return the p-value of the test that the shares k/m and j/n are equal."""
    table: Any = np.array([[k, m - k], [j, n - j]])
    constant = (table.sum(axis=0) == 0).any()
    return 1.0 if constant else float(stats.chi2_contingency(table, correction=False).pvalue)


def kolmogorov(d: float, noise: float) -> float:
    """Return the p-value of the Kolmogorov–Smirnov distance d in its limit."""
    return float(special.kolmogorov(d / math.sqrt(noise)))
