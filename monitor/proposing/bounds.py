"""What a sample allows to be said about what it does not show: rule of three, unseen values, tails."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from monitor.types import FloatArray

CONFIDENCE = 0.99
_NONE_SEEN = -math.log1p(-CONFIDENCE)
"""4.6: with none among n rows, the share is below 4.6/n at 99 % (the rule of three, at 95 %, has 3/n)."""
_RARE = 1e-4
_FAR = 3.0
"""A proposed end is where one value in 10³ samples as large as this would be expected."""
_TOO_FAR = 100.0
_HUGE = 1e300
"""Numbers near the end of what a float64 can hold have no end that could be written."""
_STEPS = 10
"""Round numbers have two digits."""


def none_seen_ratio(n: int) -> float:
    """Return the largest share that may fail although none of n rows did, at 99 % confidence; 1 for n = 0."""
    return min(_NONE_SEEN / n, 1.0) if n else 1.0


def chance_failures(n: int, rows: int) -> int:
    """Return how many failing rows of a window of `rows` are chance, although none of n rows failed.

    Even were the share of failing rows at its 99 % bound, more of them would come once in 10,000 windows (Poisson).
    """
    mean, most = rows * none_seen_ratio(n), 0
    while special.pdtrc(most, mean) > _RARE:
        most += 1
    return most


@dataclass(frozen=True)
class Tail:
    """How far values reach on one side: the extreme seen, and Hill's tail index (larger: lighter)."""

    extreme: float
    index: float
    end: float | None
    """A round end beyond which a value would be a surprise; None: the tail is too heavy for any."""


def upper_tail(values: FloatArray) -> Tail:
    """Return the upper tail of ascending finite values, at least one.

    Beyond the median the excess is taken to fall like x^-α in the tail, with α by Hill's estimator over the
    √n largest. The largest of 10³·n values is then about 10^(3/α) times the excess seen.
    """
    n, middle, extreme = values.size, float(np.median(values)), float(values[-1])
    if not math.isfinite(middle) or abs(middle) + max(abs(extreme), abs(float(values[0]))) > _HUGE:
        return Tail(extreme, 0.0, None)
    excess = values - middle
    k = min(max(int(math.sqrt(n)), 10), n // 2)
    if excess[-1] <= 0 or k < 1 or excess[-k - 1] <= 0:
        return Tail(extreme, math.inf, extreme if excess[-1] <= 0 else None)
    mean_log = float(np.log(excess[-k:] / excess[-k - 1]).mean())
    index = 1 / mean_log if mean_log > 0 else math.inf
    factor = max(10 ** (_FAR / index), 1.1) if index > 0 else math.inf
    if factor > _TOO_FAR:
        return Tail(extreme, index, None)
    return Tail(extreme, index, round_up(middle + factor * float(excess[-1])))


def lower_tail(values: FloatArray) -> Tail:
    """Return the lower tail of ascending finite values: the upper one of their mirror image."""
    mirrored = upper_tail(-values[::-1])
    end = None if mirrored.end is None else -mirrored.end
    return Tail(-mirrored.extreme, mirrored.index, end)


def round_up(value: float) -> float:
    """Return the next round number that is not smaller, such as 220 for 213; below 0 nearer to 0."""
    if value == 0 or not math.isfinite(value):
        return value
    if value < 0:
        return -_round_down(-value)
    scale = 10.0 ** math.floor(math.log10(value)) / _STEPS
    return _tidy(math.ceil(value / scale - 1e-9) * scale)


def _round_down(value: float) -> float:
    scale = 10.0 ** math.floor(math.log10(value)) / _STEPS
    return _tidy(math.floor(value / scale + 1e-9) * scale)


def _tidy(value: float) -> float:
    return float(f"{value:.6g}")
