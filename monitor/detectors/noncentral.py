"""The chi-squared laws behind the divergences: p-value, expectation and lower confidence bound.

Degrees of freedom need not be whole numbers: in cells of few rows they are matched, see `monitor.detectors.chance`.
Every smooth divergence d of two sets of shares behaves, for small differences, like the chi-squared
distance: scaled by the noise K = 1/n + 1/m it is about noncentral chi-squared with (cells - 1) degrees
of freedom, whose noncentrality is the true divergence over K. Asymptotic in n and m.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from monitor.intervals import CONFIDENCE, ONE_SIDED
from monitor.types import FloatArray

_EXACT_UP_TO = 1e6
"""Beyond this the inverse takes milliseconds a number, and the approximation is right to 1e-5 of it."""


def p_value(statistic: FloatArray, freedom: FloatArray) -> FloatArray:
    """Return P(chi² ≥ statistic); 1 where there is no degree of freedom."""
    sf = special.chdtrc(np.where(freedom > 0, freedom, 1.0), np.maximum(statistic, 0.0))
    return np.where(freedom > 0, sf, 1.0)


def chi_mean(freedom: FloatArray) -> FloatArray:
    """Return E[√chi²] = √2·Γ((f+1)/2)/Γ(f/2); 0 where there is no degree of freedom."""
    half = np.maximum(freedom, 1.0) / 2
    return np.where(freedom > 0, np.sqrt(2) * np.exp(special.gammaln(half + 0.5) - special.gammaln(half)), 0.0)


def noncentrality_bound(statistic: FloatArray, freedom: FloatArray) -> FloatArray:
    """Return the noncentrality that would exceed `statistic` with probability 0.05 only.

    It is 0 where even pure noise exceeds it more often, or where there is no degree of freedom. Up to
    a million it is the exact inverse (scipy's `chndtrinc`, about 15 µs each); beyond that √chi² is taken
    as normal with mean √(noncentrality + (freedom - 1)/2) and variance 1, right to 1e-5.
    """
    bound = np.zeros(np.shape(statistic))
    beyond_noise = (freedom > 0) & (p_value(statistic, freedom) < 1 - CONFIDENCE)
    if not beyond_noise.any():
        return bound
    exact = beyond_noise & (statistic <= _EXACT_UP_TO)
    bound[exact] = special.chndtrinc(statistic[exact], freedom[exact], CONFIDENCE)
    large = beyond_noise & ~exact
    bound[large] = (np.sqrt(statistic[large]) - ONE_SIDED) ** 2 - (freedom[large] - 1) / 2
    return np.maximum(bound, 0.0)
