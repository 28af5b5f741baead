"""From counted failures to levels: more than the tolerated share of the evaluated rows."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.types import FloatArray, IntArray, Level


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
    failed: IntArray, evaluated: IntArray, tolerance: Tolerance
) -> tuple[NDArray[np.int8], NDArray[np.object_], FloatArray]:
    """Return level (int8), reason and failure ratio of every group from its counts of a window.

    A ratio equal to `max_failure_ratio` is ok. Without evaluated rows the level is UNKNOWN, the reason
    `no rows` and the ratio NaN; with fewer than the `min_rows` that a few Specs have, it is UNKNOWN because
    of `too few rows`.
    """
    some = evaluated > 0
    ratio = np.divide(failed, evaluated, out=np.full(np.shape(evaluated), np.nan), where=some)
    above = ratio > tolerance.max_failure_ratio
    level = np.where(above, Level[tolerance.severity.upper()], Level.OK)
    reasons = np.where(above, "failures above tolerance", "ok").astype(object)
    enough = evaluated >= getattr(tolerance, "min_rows", 1)
    return (
        np.where(enough, level, Level.UNKNOWN).astype(np.int8),
        np.where(enough, reasons, np.where(some, "too few rows", "no rows")),
        ratio,
    )
