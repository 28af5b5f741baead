"""The streams of one window as arrays: every detector's and check's word on every field and segment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from monitor.plan import MonitorPlan
from monitor.results import WindowResult
from monitor.types import FloatArray, IntArray, Level

_SMALLEST = 1e-9
_MAX_STRENGTH = 1e6


class StreamKey(NamedTuple):
    """Names a stream of verdicts: detector or check, field, segment."""

    rule: str
    field: str
    segment: str


class Threshold(NamedTuple):
    """What a detector's number must exceed for a warning, and whether it is the bound."""

    warning: float
    on_bound: bool


@dataclass(frozen=True, eq=False)
class Streams:
    """The streams of a window: keys, levels, p-values, scores, noise floors and strengths, in one order.

    `strength` is the number that counts over its warning threshold; of a check, 1 or 2 by its level.
    """

    keys: tuple[StreamKey, ...]
    levels: IntArray
    p_values: FloatArray
    scores: FloatArray
    noise_floors: FloatArray
    strengths: FloatArray

    @classmethod
    def of(cls, window: WindowResult, thresholds: Mapping[tuple[str, str], Threshold]) -> Streams:
        """Return the streams of a judged window."""
        verdicts, checks = window.verdicts, window.checks
        keys = [StreamKey(v.detector, v.field, v.segment) for v in verdicts]
        keys += [StreamKey(c.check, c.field, c.segment) for c in checks]
        nothing = [None] * len(checks)
        return cls(
            tuple(keys),
            np.array([*(v.level for v in verdicts), *(c.level for c in checks)], np.int64),
            np.array([*(v.p_value for v in verdicts), *nothing], np.float64),
            np.array([*(v.score for v in verdicts), *nothing], np.float64),
            np.array([*(v.noise_floor for v in verdicts), *nothing], np.float64),
            np.array(
                [*(_strength(v, thresholds) for v in verdicts), *(float(max(c.level, 0)) for c in checks)], np.float64
            ),
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
    if verdict.level < Level.WARNING:
        return 0.0
    number = None if threshold is None else verdict.lower_bound if threshold.on_bound else verdict.score
    if threshold is None or number is None or not math.isfinite(number):
        return float(verdict.level)
    return float(min(number / max(threshold.warning, _SMALLEST), _MAX_STRENGTH))
