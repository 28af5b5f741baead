"""Mean and variance of values whose open outer cells are drawn in, so that no single value can move them far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.detectors.located import Places
from monitor.types import FloatArray


@dataclass(frozen=True, eq=False)
class DrawnIn:
    """One side's shares and places (groups x cells) in units of the baseline, with what scatters inside the cells.

    Values in an inner cell stand at their own mean there. Those in an open outer cell stand where the baseline's
    values in that cell have their mean, but at most one unit beyond the cut; where the baseline has none there,
    the current ones' mean decides, within the same unit. So a value counts by the cell it lies in and one value
    of n moves a mean by at most (the drawn-in range) / n, however far out it is.
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

        Values between two cuts with a given mean have at most the variance (high - mean)·(mean - low), as
        Bhatia & Davis (2000) show, which is 0 at a cut; spread evenly they have a third of it.
        """
        squares = np.square(self.places - self.mean[:, None])
        scatter = inside * self.within
        variance = (self.shares * (squares + scatter)).sum(axis=1)
        fourth = (self.shares * (np.square(squares) + 6 * squares * scatter + 3 * np.square(scatter))).sum(axis=1)
        return variance, fourth


def drawn_in(places: Places) -> tuple[DrawnIn, DrawnIn]:
    """Return baseline and current with their outer cells drawn in to the same two places."""
    before, now = (means.copy() for means in places.means)
    low, high = places.ends
    reference = np.where(np.isnan(before), now, before)
    if before.shape[1] > 1:
        first, last = high[:, :1], low[:, -1:]
        ends = (np.clip(reference[:, :1], first - 1, first), np.clip(reference[:, -1:], last, last + 1))
    else:
        ends = (np.zeros((len(before), 1)),) * 2
    sides = []
    for shares, means in zip(places.pair.shares, (before, now), strict=True):
        means[:, :1], means[:, -1:] = ends
        stand = np.where(np.isnan(means), 0.0, means)  # nothing is there
        within = np.zeros_like(stand)
        within[:, 1:-1] = (high[:, 1:-1] - stand[:, 1:-1]) * (stand[:, 1:-1] - low[:, 1:-1])
        sides.append(DrawnIn(shares, stand, np.where(shares > 0, np.maximum(within, 0.0), 0.0)))
    return sides[0], sides[1]
