"""Confidence intervals that hold also near the ends: of a share near 0 and 1, of a count near 0."""

from __future__ import annotations

import numpy as np
from scipy import special

from monitor.types import FloatArray

CONFIDENCE = 0.95
"""The confidence of every interval and bound."""

TWO_SIDED = float(special.ndtri((1 + CONFIDENCE) / 2))
"""1.96: a normal number is farther from 0 in 5 of 100 cases."""

ONE_SIDED = float(special.ndtri(CONFIDENCE))
"""1.645: a normal number is above it in 5 of 100 cases."""


def wilson(share: FloatArray, n: FloatArray, quantile: float | FloatArray = TWO_SIDED) -> tuple[FloatArray, FloatArray]:
    """Return the ends of Wilson's score interval of a share of n rows, by default the two-sided one at 95 %."""
    z2 = np.square(quantile)
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = quantile / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n**2))
    return np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)


def poisson(n: int) -> tuple[float, float]:
    """Return the ends of the exact two-sided 95 % interval of the mean of a Poisson number of which `n` was seen.

    Garwood (1936): the means under which so few, or so many, are seen with a chance of 2.5 %. Of 0 it is 0 to 3.69.
    """
    tail = (1 - CONFIDENCE) / 2
    lower = float(special.gammaincinv(n, tail)) if n else 0.0
    return lower, float(special.gammaincinv(n + 1, 1 - tail))
