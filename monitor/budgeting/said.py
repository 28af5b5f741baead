"""One window's verdicts under a budget: what the evidence of their streams makes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from monitor.budget_views import BudgetEvidence
from monitor.budgeting.words import CALIBRATING, CALM, PAGED, RESEMBLING, SMALL
from monitor.policy.budget import EDetector
from monitor.snapshot import VerdictView
from monitor.types import FloatArray, IntArray, Level

_LARGEST_LOG = math.log(1e12)


@dataclass(frozen=True, eq=False)
class Alarms:
    """What is remembered of the streams that alarmed: held level, ln M over the threshold, onset, what else moved."""

    held: IntArray
    since: FloatArray
    onset_ms: IntArray
    also: Mapping[int, Sequence[str]]


class Said:
    """Gives verdicts their levels; made anew for each window, so that arrays are read once."""

    def __init__(self, detector: EDetector, alarms: Alarms, p_values: FloatArray) -> None:
        """Read the state of the streams."""
        self._alarms = alarms
        self._armed, self._latched = detector.armed.tolist(), detector.latched.tolist()
        self._resembling = detector.resembling.tolist()
        self._seen, self._wanted = detector.seen.tolist(), detector.wanted.tolist()
        ratios = np.where(detector.latched, alarms.since, detector.log_ratios)
        self._ratios = np.exp(np.minimum(ratios, _LARGEST_LOG)).tolist()
        self._p_values = p_values.tolist()

    def of(self, verdict: VerdictView, places: Sequence[int]) -> VerdictView:
        """Return the verdict of these streams: at the highest level that one of them holds.

        It is unknown while none of them is armed. What was unknown for a reason of its own stays so.
        """
        first = max(places, key=lambda place: (self._latched[place], self._ratios[place]))
        said = self._evidence(first)
        if verdict.level is Level.UNKNOWN:
            return replace(verdict, budget=said)
        if not any(self._armed[place] or self._latched[place] for place in places):
            return replace(verdict, level=Level.UNKNOWN, reason=self._why(places[0]), budget=said)
        held = Level(max(int(self._alarms.held[place]) for place in places))
        alarmed = any(self._latched[place] for place in places)
        return replace(
            verdict, level=held, reason=PAGED if held > Level.OK else SMALL if alarmed else CALM, budget=said
        )

    def _why(self, place: int) -> str:
        word = RESEMBLING if self._resembling[place] else CALIBRATING
        return f"{word} ({min(self._seen[place], self._wanted[place])} of {self._wanted[place]})"

    def _evidence(self, place: int) -> BudgetEvidence:
        p: Any = self._p_values[place]
        onset_ms = int(self._alarms.onset_ms[place]) if self._latched[place] else -1
        return BudgetEvidence(
            self._ratios[place],
            None if math.isnan(p) else p,
            onset_ms if onset_ms >= 0 else None,
            tuple(self._alarms.also.get(place, ())) if self._latched[place] else (),
        )
