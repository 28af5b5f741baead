"""The threshold policy: a level follows from one window's score and its detector's two thresholds."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.spec import Spec
from monitor.types import Level, Score

LevelArray = NDArray[np.int8]
ReasonArray = NDArray[np.object_]

REASONS = (
    "ok",
    "bound above warning",
    "bound above critical",
    "score above warning",
    "score above critical",
    "no baseline rows",
    "no rows",
    "too few rows",
    "not defined",
)
"""Every reason this policy gives; constant, so that it can be a label."""

_REASONS: ReasonArray = np.array(REASONS, dtype=object)
_LEVELS: LevelArray = np.array([0, 1, 2, 1, 2, *[Level.UNKNOWN] * 4], np.int8)
"""The level that goes with each reason."""
_NO_BASELINE_ROWS, _NO_ROWS, _TOO_FEW_ROWS, _NOT_DEFINED = range(5, 9)


class Thresholds(Protocol):
    """What the policy reads of a detector's Spec."""

    @property
    def warning(self) -> float:
        """The threshold of the level warning."""
        ...

    @property
    def critical(self) -> float:
        """The threshold of the level critical."""
        ...

    @property
    def level_on(self) -> Literal["bound", "raw"]:
        """Whether the lower bound or the raw score must exceed them."""
        ...

    @property
    def min_rows(self) -> int:
        """The values a window needs for a level at all."""
        ...


class ThresholdPolicySpec(Spec):
    """Every window is judged alone, by its detector's thresholds."""

    kind: Literal["threshold"] = "threshold"

    def build(self) -> ThresholdPolicy:
        """Return the policy."""
        return ThresholdPolicy()


class ThresholdPolicy:
    """Judges one window's scores by their detector's thresholds; keeps nothing between windows."""

    def levels(self, score: Score, spec: Thresholds) -> tuple[LevelArray, ReasonArray]:
        """Return level (int8, values of `Level`) and reason of every group; see `levels`."""
        return levels(score, spec)


def levels(score: Score, spec: Thresholds) -> tuple[LevelArray, ReasonArray]:
    """Return level (int8, values of `Level`) and reason (one of `REASONS`) of every group.

    What counts is `lower_bound` (`level_on: bound`) or `score` (`raw`), and it must be strictly above a
    threshold. UNKNOWN, in this order of precedence: no baseline rows, no rows, fewer rows than `min_rows`,
    or a number that is NaN.

    No drift: with `raw` the share of false levels is whatever the noise floor makes of the threshold; with
    `bound` it is at most about 5 % at threshold 0 and falls fast above it.
    """
    on_bound = spec.level_on == "bound"
    number = score.lower_bound if on_bound else score.score
    above = (number > spec.warning).astype(np.int8) + (number > spec.critical)
    reasons = above if on_bound else np.where(above > 0, above + 2, above)
    # The last one that applies stays; `np.select` says the same in ten times the time, for every detector.
    reasons[np.isnan(number)] = _NOT_DEFINED
    reasons[score.n_current < spec.min_rows] = _TOO_FEW_ROWS
    reasons[score.n_current == 0] = _NO_ROWS
    reasons[score.n_baseline == 0] = _NO_BASELINE_ROWS
    return _LEVELS[reasons], _REASONS[reasons]
