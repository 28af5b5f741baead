"""The same statistics by scipy, on the cells that Driftline's detectors compare; computed live, not cached."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats
from scipy.spatial import distance

from monitor.types import FloatArray, IntArray
from tests.conformance.ours import Pair


def psi(pair: Pair) -> float:
    """Return the relative entropies of the shares with half counts, there and back."""
    before, now = (side + 0.5 for side in pair.cells("psi"))
    return float(stats.entropy(now, before) + stats.entropy(before, now))


def kl(pair: Pair) -> float:
    """Return the relative entropy of the shares with half counts."""
    before, now = (side + 0.5 for side in pair.cells("kl"))
    return float(stats.entropy(now, before))


def js(pair: Pair) -> float:
    """Return scipy's distance of base 2, which is the root of the divergence."""
    return float(distance.jensenshannon(*pair.cells("js"), base=2))


def hellinger(pair: Pair) -> float:
    """Return the Euclidean distance of the shares' roots over √2; scipy has no function of the name."""
    before, now = (np.sqrt(side) for side in _shares(*pair.cells("hellinger")))
    return float(distance.euclidean(before, now) / math.sqrt(2))


def tv(pair: Pair) -> float:
    """Return half the city-block distance of the shares."""
    return float(distance.cityblock(*_shares(*pair.cells("tv"))) / 2)


def ks(pair: Pair) -> float:
    """Return the statistic of `ks_2samp` for values drawn together in their cells."""
    return float(stats.ks_2samp(*_numbered(pair), method="asymp").statistic)


def ks_limit(pair: Pair) -> float:
    """Return the p-value of Kolmogorov's limit law at scipy's statistic."""
    n, m = (counts.sum() for counts in pair.cells("ks"))
    return float(stats.kstwobign.sf(ks(pair) * math.sqrt(n * m / (n + m))))


def wasserstein(pair: Pair) -> float:
    """Return `wasserstein_distance` of the means of the cells, in units of the value."""
    return float(stats.wasserstein_distance(*pair.means()))


def chi2(pair: Pair) -> float:
    """Return Cramér's V of the table of shares, in which both rows weigh the same."""
    return float(stats.contingency.association(_as_heavy(*pair.counts("chi2")), correction=False))


def chi2_p(pair: Pair) -> float:
    """Return the p-value of `chi2_contingency`."""
    return float(stats.chi2_contingency(np.stack(pair.counts("chi2")), correction=False).pvalue)


def _shares(before: IntArray, now: IntArray) -> tuple[FloatArray, FloatArray]:
    return before / before.sum(), now / now.sum()


def _as_heavy(before: IntArray, now: IntArray) -> IntArray:
    """Return the table with each row multiplied by the rows of the other side, as `association` wants whole numbers."""
    return np.stack((before * now.sum(), now * before.sum()))


def _numbered(pair: Pair) -> list[IntArray]:
    return [np.repeat(np.arange(counts.size), counts) for counts in pair.cells("ks")]
