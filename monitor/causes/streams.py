"""The streams of one window as arrays: every detector's and check's word on every field and segment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from monitor.budgeting.words import PAGED
from monitor.plan import MonitorPlan
from monitor.results import WindowResult
from monitor.sequential import CHANGE, HELD
from monitor.types import FloatArray, IntArray, Level, MaskArray

_SMALLEST = 1e-9
_MAX_STRENGTH = 1e6


StreamKey = tuple[str, str, str]
"""Names a stream of verdicts: detector or check, field, segment."""
_VERDICT, _CHECK = attrgetter("detector", "field", "segment"), attrgetter("check", "field", "segment")
_LEVEL = attrgetter("level")


class Threshold(NamedTuple):
    """What a detector's number must exceed for a warning, and whether it is the bound."""

    warning: float
    on_bound: bool


@dataclass(frozen=True, eq=False)
class Streams:
    """The streams of a window: keys, levels, p-values, scores, noise floors and strengths, in one order.

    `sudden` are those that one window suffices for: changes that sequential detectors found.
    `strengths` are 0 below warning, else the number that counts over its warning threshold; of a check 1 or 2, its
    level.
    """

    keys: tuple[StreamKey, ...]
    levels: IntArray
    p_values: FloatArray
    scores: FloatArray
    noise_floors: FloatArray
    strengths: FloatArray
    sudden: MaskArray

    @classmethod
    def of(cls, window: WindowResult, thresholds: Mapping[tuple[str, str], Threshold]) -> Streams:
        """Return the streams of a judged window."""
        verdicts, checks = window.verdicts, window.checks
        keys = (*map(_VERDICT, verdicts), *map(_CHECK, checks))
        nothing = [None] * len(checks)
        levels = np.array([*map(_LEVEL, verdicts), *map(_LEVEL, checks)], np.int64)
        strengths, sudden = np.zeros(len(keys)), np.zeros(len(keys), np.bool_)
        for place in np.flatnonzero(levels >= Level.WARNING).tolist():
            verdict = verdicts[place] if place < len(verdicts) else None
            sudden[place] = verdict is not None and verdict.reason in (CHANGE, HELD, PAGED)
            strengths[place] = levels[place] if verdict is None else _strength(verdict, thresholds)
        return cls(
            keys,
            levels,
            np.array([*(v.p_value for v in verdicts), *nothing], np.float64),
            np.array([*(v.score for v in verdicts), *nothing], np.float64),
            np.array([*(v.noise_floor for v in verdicts), *nothing], np.float64),
            strengths,
            sudden,
        )


def thresholds_of(plan: MonitorPlan) -> dict[tuple[str, str], Threshold]:
    """Return the warning threshold of every detector, by field and name."""
    return {
        (item.field, item.name): Threshold(float(item.spec.warning), item.spec.level_on == "bound")
        for item in plan.detectors
    }


def _strength(verdict: Any, thresholds: Mapping[tuple[str, str], Threshold]) -> float:
    """Return how far a verdict is beyond its threshold, as a factor; by the level where there is no threshold."""
    threshold = thresholds.get((verdict.field, verdict.detector))
    number = None if threshold is None else verdict.lower_bound if threshold.on_bound else verdict.score
    if threshold is None or number is None or not math.isfinite(number):
        return float(verdict.level)
    return float(min(number / max(threshold.warning, _SMALLEST), _MAX_STRENGTH))
