"""Driftline's side: monitors as columns of one e-detector, with the effect and the audits of the engine's budget."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.policy.budget import EDetector, audit_ratio, raise_of
from monitor.types import FloatArray, IntArray, MaskArray
from tests.bench.verdicts.data import Data
from tests.bench.verdicts.streams import POLICY, Streams

PROMISED_SLOTS = 1000
"""A: one false page is promised in so many slots."""
_AUDIT_EVERY, _AUDIT_AGAIN = 10, 100
_AUDITED_RUNS = 3
_QUANTILE = 0.95


@dataclass(frozen=True, eq=False)
class Heard:
    """What one slot brought to every run (runs x streams): alarms of the evidence, and pages, which have an effect."""

    alarms: MaskArray
    pages: MaskArray
    ratios: FloatArray
    onsets: IntArray


class Monitors:
    """Several runs of one monitor, each with a budget of its own; steps through them side by side.

    As in `monitor.budgeting`: what alarms is latched, and pages as soon as its effect is beyond a threshold; audits
    raise A of their own monitor when streams are armed, and after every `capacity` slots. Since an audit costs as much
    as two thousand slots, only the first runs are audited; the others have the more alarms for it.
    """

    def __init__(
        self,
        data: Data,
        streams: Streams,
        runs: int,
        *,
        seed: int = 0,
        promised_slots: int = PROMISED_SLOTS,
        **rules: Any,
    ) -> None:
        """Start with nothing heard; `rules` are switches of the detector, for tests."""
        self._streams, self._runs, self._width = streams, runs, len(streams.names)
        names = [f"{seed} {run} {name}" for run in range(runs) for name in streams.names]
        policy = POLICY.model_copy(update={"false_pages": 1.0, "per": promised_slots * data.slot_ms}).build()
        self.rules = policy.rules(data.slot_ms)
        if rules:
            self.rules = type(self.rules)(**{**vars(self.rules), **rules})
        self.detector = EDetector(names, np.full(len(names), 1 / self._width), self.rules)
        self._tolerances = np.tile(streams.tolerances, runs)
        self._slot_ms, self._at = data.slot_ms, data.start_ms - data.start_ms % (7 * 86_400_000)
        self._held = np.zeros(len(names), np.bool_)
        self._audited = np.zeros(len(names), np.bool_)
        self._audited_at = np.full(runs, -1)
        self._raised: FloatArray = np.zeros(runs)
        self.audits: list[float] = []

    def copy(self) -> Monitors:
        """Return monitors that go on from here by themselves."""
        return copy.deepcopy(self)

    def armed(self) -> FloatArray:
        """Return the share of the streams of each run that can alarm."""
        return np.asarray(self.detector.armed.reshape(self._runs, -1).mean(axis=1))

    def step(self, scores: FloatArray, beyond: MaskArray) -> Heard:
        """Take one slot of every run: scores and effects (runs x streams)."""
        detector = self.detector
        slot = detector.step(self._at, scores.ravel())
        self._at += self._slot_ms
        self._held &= detector.latched
        pages = detector.latched & ~self._held & self._effect(slot.residuals, beyond.ravel())
        self._held |= pages
        self._audit()
        shape = self._runs, self._width
        onsets = (detector.evidence.onset_ms - self._at) // self._slot_ms + 1
        return Heard(*(x.reshape(shape) for x in (slot.alarms, pages, slot.log_ratios, onsets)))

    def _effect(self, residuals: FloatArray, beyond: MaskArray) -> MaskArray:
        found = beyond.copy()
        for place in np.flatnonzero(self.detector.latched & ~self._held & ~np.isnan(self._tolerances)).tolist():
            usual = self.detector.calibration.quantile(place, _QUANTILE)
            found[place] = residuals[place] - usual > self._tolerances[place]
        return found

    def _audit(self) -> None:
        detector = self.detector
        if detector.heard % _AUDIT_EVERY:
            return
        armed = detector.armed & ~detector.latched
        again = self.rules.capacity * self.rules.stride
        new = (armed & ~self._audited).reshape(self._runs, -1).any(axis=1)
        since = detector.heard - self._audited_at
        begun = self._audited_at >= 0
        due = (new & (~begun | (since >= _AUDIT_AGAIN))) | (begun & (since >= again))
        for run in np.flatnonzero(due[:_AUDITED_RUNS]).tolist():
            columns = np.flatnonzero(armed[run * self._width : (run + 1) * self._width]) + run * self._width
            self._audited[columns], self._audited_at[run] = True, detector.heard
            ratio = audit_ratio(detector, columns)
            self.audits.append(ratio)
            self._raised[run] = raise_of(ratio, self.rules.run_slots)
        raised: Any = np.repeat(self._raised, self._width)  # a number in the engine, which has one monitor
        detector.raised = raised


@dataclass(frozen=True, eq=False)
class Calm:
    """What runs without a change brought: slots in which streams were armed, alarms and pages, and their audits."""

    slots: float
    alarms: int
    pages: int
    by_stream: dict[str, int]
    audit: float


def calm(data: Data, streams: Streams, order: IntArray, **rules: Any) -> Calm:
    """Return the alarms of runs in which nothing changes; `order` (runs x slots) says which slot is heard when."""
    monitors = Monitors(data, streams, len(order), **rules)
    slots, alarms, pages = 0.0, np.zeros(len(streams.names), np.int64), 0
    for column in order.T:
        slots += float(monitors.armed().sum())
        heard = monitors.step(streams.scores[column], streams.beyond[column])
        alarms += heard.alarms.sum(axis=0)
        pages += int(heard.pages.sum())
    named = {name: int(n) for name, n in zip(streams.names, alarms, strict=True) if n}
    return Calm(slots, int(alarms.sum()), pages, named, float(np.nanmean(monitors.audits or [np.nan])))
