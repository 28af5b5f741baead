"""Mean and variance of values whose open outer cells are drawn in, so that no single value can move them far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.detectors.located import Places
from monitor.types import FloatArray


@dataclass(frozen=True, eq=False)
class DrawnIn:
    """One side's shares and places (groups x cells) in units of the baseline, with what scatters inside the cells.

    Values stand at the mean of those in their cell; in an open outer cell at most so far beyond its cut as the reach
    is. So the mean is the exact one as long as the values beyond the baseline's quantiles 0.02 and 0.98 have theirs
    within reach, and one value, however far out it is, moves it by at most their share times the reach: 0.02 units
    without drift.
    """

    shares: FloatArray
    places: FloatArray
    within: FloatArray

    @property
    def mean(self) -> FloatArray:
        """The mean, per group."""
        found: FloatArray = (self.shares * self.places).sum(axis=1)
        return found

    def moments(self, inside: float) -> tuple[FloatArray, FloatArray]:
        """Return variance and fourth central moment per group, with this part of the scatter that cells allow.

        With the whole of it (1) they are upper bounds for values within reach, with less they are estimates.

        Values between two cuts with a given mean have at most the variance (high - mean)·(mean - low), as
        Bhatia & Davis (2000) show, which is 0 at a cut; spread evenly they have a third of it.
        """
        squares = np.square(self.places - self.mean[:, None])
        scatter = inside * self.within
        if inside < 1:  # of the open cells nothing is known but where the values stand
            scatter[:, [0, -1]] = 0.0
        variance = (self.shares * (squares + scatter)).sum(axis=1)
        fourth = (self.shares * (np.square(squares) + 6 * squares * scatter + 3 * np.square(scatter))).sum(axis=1)
        return variance, fourth


def drawn_in(places: Places, reach: FloatArray | float = 1.0) -> tuple[DrawnIn, DrawnIn]:
    """Return baseline and current with their outer cells drawn in, by default to within one unit of their cuts."""
    low, high = (ends.copy() for ends in places.ends)
    if low.shape[1] == 1:
        low, high = np.zeros_like(low), np.zeros_like(high)
    else:
        low[:, 0], high[:, -1] = high[:, 0] - reach, low[:, -1] + reach
    sides = []
    for shares, means in zip(places.pair.shares, places.means, strict=True):
        stand = np.where(np.isnan(means), low, np.clip(means, low, high))
        sides.append(DrawnIn(shares, stand, (high - stand) * (stand - low)))
    return sides[0], sides[1]
