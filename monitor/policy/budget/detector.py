"""The e-detector: streams of slot scores in, alarms out, with a promised maximum of false ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.policy.budget.arrays import picked, stored
from monitor.policy.budget.calibration import Calibration
from monitor.policy.budget.evidence import Evidence, log_bets
from monitor.policy.budget.quarantine import Quarantine
from monitor.policy.budget.rules import Rules
from monitor.policy.budget.season import Season
from monitor.policy.budget.tempering import Tempering
from monitor.policy.budget.uniforms import seeds, uniforms
from monitor.types import FloatArray, IntArray, MaskArray

_ESTIMATE_EVERY = 10
_LARGEST = 1e30
_FALSE_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Slot:
    """What one slot brought: ln M over its threshold as it was before any reset, and the streams that alarm with it."""

    p_values: FloatArray
    residuals: FloatArray
    log_ratios: FloatArray
    alarms: MaskArray
    recovered: MaskArray
    also: MaskArray
    """Those that e-BH lists at 10 % beside the alarms; all False where there is no alarm."""


class EDetector:
    """Watches J streams on one axis of slots; any number, larger is stranger. Vectorised, without a clock or a lot.

    Promise: while nothing changes, the alarms of all streams in T slots are at most T/A on average, A = `run_slots`,
    however the streams depend on each other. Proof: E[e | past] ≤ 1 makes Σ w_j (M_j + A/w_j · alarms_j) - T a
    supermartingale. It is exact for exchangeable scores and growing calibration; the cap, the lag, the freeze and the
    tempering are approximations (docs/explanation/budget.md says what was measured).

    A stream is armed once max(50, 20 τ) calm scores have left quarantine. An alarm resets M to 0 and latches the stream
    until it has recovered; scores that wait in quarantine then are dropped. A stream is suspect, and calibrates no
    more, from 30 % of its threshold on (at 1 % a calibration that is too small by chance stays as it is, and the
    promise broke). NaN: nothing is known of the stream in this slot, and nothing changes for it.
    """

    def __init__(self, names: Sequence[str], weights: FloatArray, rules: Rules) -> None:
        """Start with nothing heard; `names` must differ, `weights` be positive with a sum of at most 1."""
        n = len(names)
        self.names, self.rules = tuple(names), rules
        self.log_weights: FloatArray = np.log(weights)
        self._seeds = seeds(names)
        self.calibration = Calibration(n, rules.capacity)
        self.tempering = Tempering(n)
        self.season = Season(n, rules)
        self.evidence = Evidence(n)
        self._quarantine = Quarantine(n, rules.lag if rules.quarantined else 0)
        self.latched: MaskArray = np.zeros(n, np.bool_)
        self.seen: IntArray = np.zeros(n, np.int64)
        self.heard = 0
        self.raised = 0.0
        """ln of the factor by which an audit has raised A."""

    @property
    def log_thresholds(self) -> FloatArray:
        """Logarithm of A/w of each stream."""
        return np.asarray(np.log(self.rules.run_slots) + self.raised - self.log_weights)

    @property
    def wanted(self) -> IntArray:
        """How many calm scores of each stream must have left quarantine before it is armed."""
        tau = self.tempering.tau if self.rules.tempered else np.ones(len(self.names))
        return np.asarray(np.ceil(np.maximum(self.rules.min_scores, self.rules.scores_per_tau * tau)), np.int64)

    @property
    def resembling(self) -> MaskArray:
        """The streams whose neighbouring slots resemble each other so much that all that is kept is too little."""
        return np.asarray(self.wanted > self.rules.capacity * self.rules.stride)

    @property
    def armed(self) -> MaskArray:
        """The streams that can alarm."""
        enough = (self.seen >= self.wanted) & (self.calibration.sizes >= self.rules.min_scores)
        return np.asarray(enough & ~self.resembling)

    @property
    def log_ratios(self) -> FloatArray:
        """Logarithm of M over its threshold; an alarm is at 0."""
        return np.asarray(self.evidence.logs - self.log_thresholds)

    def step(self, start_ms: int, scores: FloatArray) -> Slot:
        """Take the scores of the slot that begins at `start_ms`, which must be later than the last one."""
        scores = np.clip(scores, -_LARGEST, _LARGEST)
        residuals = self.season.residuals(start_ms, scores).astype(np.float32)
        p = self.calibration.p_values(residuals, uniforms(self._seeds, start_ms))
        known = ~np.isnan(p)
        tau = self.tempering.tau if self.rules.tempered else np.ones(p.size)
        gathering = known & self.armed & ~self.latched
        self.evidence.step(start_ms, log_bets(p, tau), gathering, known)
        ratios = self.log_ratios
        alarms = np.asarray(gathering & (ratios >= 0))
        recovered = np.asarray(self.latched & known & (self.evidence.recovered >= self.rules.recovery))
        also = self._also(alarms)
        kept_out = self.latched | alarms | self._suspect(ratios)
        admitted = ~kept_out if self.rules.quarantined else np.ones(p.size, np.bool_)
        self._remember(start_ms, scores, residuals, p, admitted)
        self.latched = (self.latched | alarms) & ~recovered
        self.evidence.reset(alarms | recovered)
        self._quarantine.drop(recovered)
        return Slot(p, residuals.astype(np.float64), ratios, alarms, recovered, also)

    def _suspect(self, ratios: FloatArray) -> MaskArray:
        """Return the streams with so much evidence that they calibrate no more."""
        least = np.log(self.rules.suspect_least) - self.log_thresholds
        return np.asarray(ratios > np.maximum(np.log(self.rules.suspect_ratio), least))

    def _remember(
        self, start_ms: int, scores: FloatArray, residuals: Any, p_values: FloatArray, admitted: MaskArray
    ) -> None:
        """Learn from the slot, and from the one whose quarantine is over."""
        rules = self.rules
        self.tempering.learn(p_values, admitted & ~np.isnan(p_values))
        self.heard += 1
        if self.heard % _ESTIMATE_EVERY == 0:
            self.tempering.estimate()
        then_ms, waited, known = self._quarantine.exchange(start_ms, scores, residuals)
        self.seen += admitted & ~np.isnan(known)
        if (then_ms // rules.slot_ms) % rules.stride == 0:
            shrunk: Any = known if rules.left_out else (known * self.season.in_sample(then_ms)).astype(np.float32)
            self.calibration.add(shrunk, admitted)
        self.season.learn(then_ms, waited, admitted)

    def _also(self, alarms: MaskArray) -> MaskArray:
        """Return what moved with the alarms: e-BH at 10 % on M over the slots it was gathered in.

        Source: Wang & Ramdas, False discovery rate control with e-values (2022). M/t is an e-value at a fixed t and
        only about one at an alarm, so this is a description and no guarantee.
        """
        found = np.zeros(alarms.size, np.bool_)
        if not alarms.any():
            return found
        values = np.exp(np.minimum(self.evidence.logs - np.log(np.maximum(self.evidence.slots, 1)), 500.0))
        order = np.argsort(-values, kind="stable")
        ranks = np.arange(1, alarms.size + 1)
        passed = np.flatnonzero(values[order] >= alarms.size / (_FALSE_SHARE * ranks))
        if passed.size:
            found[order[: passed[-1] + 1]] = True
        return found & ~alarms

    def pick(self, names: Sequence[str], weights: FloatArray) -> None:
        """Go on with these streams: those known by name as they are, the others new."""
        places = {name: place for place, name in enumerate(self.names)}
        columns = np.array([places.get(name, -1) for name in names], np.int64)
        self.names, self.log_weights, self._seeds = tuple(names), np.log(weights), seeds(names)
        for part in (self.calibration, self.tempering, self.season, self.evidence, self._quarantine):
            part.pick(columns)
        self.latched, self.seen = picked(self.latched, columns, empty=False), picked(self.seen, columns, empty=0)

    def state(self) -> dict[str, Any]:
        """Return everything needed to continue; the arrays are its own, to be read before the next slot."""
        return {
            "calibration": self.calibration.state(),
            "tempering": self.tempering.state(),
            "season": self.season.state(),
            "evidence": self.evidence.state(),
            "quarantine": self._quarantine.state(),
            "latched": self.latched,
            "seen": self.seen,
            "heard": self.heard,
            "raised": self.raised,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from what a detector of the same streams and rules gave; raises StoreError where it does not fit."""
        self.calibration.load(state["calibration"])
        self.tempering.load(state["tempering"])
        self.season.load(state["season"])
        self.evidence.load(state["evidence"])
        self._quarantine.load(state["quarantine"])
        self.latched, self.seen = stored(state, "latched", self.latched), stored(state, "seen", self.seen)
        self.heard, self.raised = int(state["heard"]), float(state["raised"])
