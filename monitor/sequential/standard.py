"""Standardising a series: what its first windows say of level, scale and correlation, frozen for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.types import FloatArray

_MAD_TO_SD = 1.4826
_MEAN_DEVIATION_TO_SD = 1.2533
_RELATIVE_FLOOR = 1e-6
_RATIO_FLOOR = 1e-3
_SMALLEST = 1e-300
_MAX_CORRELATION = 0.9
_CLIP = 5.0


@dataclass(frozen=True)
class Standard:
    """Level and scale of a series, and `tau`: how many successive windows are worth one independent one."""

    median: float
    scale: float
    tau: float

    def value(self, x: float, clip: float) -> float:
        """Return (x - median) / scale, cut to ± `clip`; a finite x gives a finite number."""
        # Apart, since their difference may overflow; median / scale cannot, by the floor of the scale.
        return min(max(x / self.scale - self.median / self.scale, -clip), clip)


def standard_of(values: Sequence[float], *, ratio: bool = False) -> Standard:
    """Return the standard of the windows of a warm-up: at least one finite value.

    scale = 1.4826 · median |x - median|. Where more than half of the values are the same that is 0; then it is
    1.2533 · mean |x - median|. It is never below a millionth of |median|, of a `ratio` never below 0.001: so a series
    that was constant has a scale too, and every change of it that lasts is many scales. Of one that was 0 throughout,
    any other value is cut to ± `clip`.

    tau = (1 + r) / (1 - r), with r the lag-1 correlation of the standardised and cut values, its small-sample bias
    taken out (n·r + 1) / (n - 4) and kept within 0 … 0.9. For independent windows it is 1, for an AR(1) with φ it
    estimates the factor by which the variance of a long mean is larger. From 30 windows r is known to about ± 0.17.
    """
    x = np.asarray(values, np.float64)
    median = middle(values)
    deviations = np.abs(x / 2 - median / 2)  # halves, for the distance of two floats need not be one
    spread = 2 * min(float(np.median(deviations)), 8e307) * _MAD_TO_SD
    if spread == 0.0:
        with np.errstate(over="ignore"):  # a sum beyond the floats is more than the limit too
            mean = float(np.mean(deviations))
        spread = 2 * min(mean, 8e307) * _MEAN_DEVIATION_TO_SD
    floor = max(_RELATIVE_FLOOR * abs(median), _RATIO_FLOOR if ratio else _SMALLEST)
    scale = max(min(spread, 1e308), floor)
    independent = Standard(median, scale, 1.0)
    tau = _tau(np.array([independent.value(value, _CLIP) for value in x.tolist()]))
    return Standard(median, scale, tau)


def middle(values: Sequence[float]) -> float:
    """Return the median of at least one finite value; it is finite."""
    return 2 * float(np.median(np.asarray(values, np.float64) / 2))


def _tau(z: FloatArray) -> float:
    """Return how many successive windows are worth one independent one."""
    centred = z - z.mean()
    total = float(np.square(centred).sum())
    if z.size < 6 or total < 1e-12:
        return 1.0
    r = float((centred[1:] * centred[:-1]).sum()) / total
    r = min(max((z.size * r + 1) / (z.size - 4), 0.0), _MAX_CORRELATION)
    return (1 + r) / (1 - r)
