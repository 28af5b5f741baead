"""From counted failures to levels: more than the tolerated share of the evaluated rows."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.types import FloatArray, IntArray, Level

USELESS_CHANCE_RATIO = 0.1
"""Where so many sound rows fail by chance, the rest cannot be told: the memory is far too small for its keys."""
TOO_MANY_KEYS = "too many keys"
"""The reason of a level that is UNKNOWN because of that."""


class Tolerance(Protocol):
    """What is read of a check's Spec."""

    @property
    def max_failure_ratio(self) -> float:
        """The share of evaluated rows that may fail."""
        ...

    @property
    def severity(self) -> Literal["warning", "critical"]:
        """The level when more of them fail."""
        ...


def failure_levels(
    failed: IntArray, evaluated: IntArray, tolerance: Tolerance, chance_ratio: float = 0.0
) -> tuple[NDArray[np.int8], NDArray[np.object_], FloatArray]:
    """Return level (int8), reason and failure ratio of every group from its counts of a window.

    A ratio equal to `max_failure_ratio` is ok. Without evaluated rows the level is UNKNOWN, the reason
    `no rows` and the ratio NaN. `chance_ratio` p is how likely a sound row fails by chance; with it the ratio
    is (observed - p) / (1 - p), not below 0, and it is that one that is judged. From `USELESS_CHANCE_RATIO` on
    the level is UNKNOWN.
    With fewer evaluated rows than the `min_rows` that a few Specs have, it is UNKNOWN: `too few rows`.
    """
    some = evaluated > 0
    useless = chance_ratio >= USELESS_CHANCE_RATIO
    ratio = np.divide(failed, evaluated, out=np.full(np.shape(evaluated), np.nan), where=some)
    if chance_ratio:
        ratio = corrected_ratio(ratio, chance_ratio)
    above = ratio > tolerance.max_failure_ratio
    level = np.where(above, Level[tolerance.severity.upper()], Level.OK)
    reasons = np.where(above, "failures above tolerance", "ok").astype(object)
    enough = evaluated >= getattr(tolerance, "min_rows", 1)
    return (
        np.where(enough & (not useless), level, Level.UNKNOWN).astype(np.int8),
        np.where(enough, np.where(useless, TOO_MANY_KEYS, reasons), np.where(some, "too few rows", "no rows")),
        ratio,
    )


def corrected_ratio(observed: FloatArray, chance_ratio: float) -> FloatArray:
    """Return the share of failures without those that chance p brings: (observed - p) / (1 - p), within 0 … 1.

    NaN stays NaN. The observed share is expected to be (1 - true) · p above the true one.
    """
    p = min(chance_ratio, 1 - 1e-9)
    corrected: FloatArray = np.clip((observed - p) / (1 - p), 0.0, 1.0)
    return corrected
