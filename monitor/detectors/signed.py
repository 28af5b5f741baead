"""What counts of a change that has a sign: a rise, a fall, or either."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from monitor.intervals import CONFIDENCE
from monitor.types import FloatArray


@dataclass(frozen=True)
class Signed:
    """The magnitude, confidence, noise and p-value of changes in the direction that counts."""

    direction: Literal["both", "up", "down"]

    @property
    def confidence(self) -> float:
        """The quantile of a symmetric distribution that a bound at 95 % takes: 0.975, or 0.95 of one direction."""
        return (1 + CONFIDENCE) / 2 if self.direction == "both" else CONFIDENCE

    @property
    def quantile(self) -> float:
        """That of the normal distribution: 1.96, or 1.645 of one direction."""
        return float(special.ndtri(self.confidence))

    def magnitude(self, change: FloatArray) -> FloatArray:
        """Return how large the changes are, 0 for those that do not count."""
        if self.direction == "both":
            return np.abs(change)
        return np.maximum(change if self.direction == "up" else -change, 0.0)

    def mean_magnitude(self, deviation: FloatArray) -> FloatArray:
        """Return the mean magnitude of normal noise with this standard deviation."""
        factor = math.sqrt(2 / math.pi) * (1.0 if self.direction == "both" else 0.5)
        return factor * deviation

    def p_value(self, change: FloatArray, deviation: FloatArray, freedom: FloatArray | float = np.inf) -> FloatArray:
        """Return the chance of at least this change by noise: Student's, normal without `freedom`; 1 without change."""
        certain = np.where(change == 0, 0.0, np.copysign(np.inf, change))
        size = np.divide(change, deviation, out=certain, where=deviation > 0)
        if self.direction == "both":
            return np.minimum(2 * _beyond(np.abs(size), freedom), 1.0)
        one_sided = _beyond(size if self.direction == "up" else -size, freedom)
        return np.where(self.magnitude(change) > 0, one_sided, 1.0)


def _beyond(size: FloatArray, freedom: FloatArray | float) -> FloatArray:
    """Return the upper tail of Student's distribution, which is the normal one at infinite freedom."""
    return np.asarray(special.stdtr(freedom, -size) if np.ndim(freedom) else special.ndtr(-size))
