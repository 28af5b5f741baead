"""The budget of false pages at work: every judged window is one slot of the e-detector, whose word is the level."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from monitor.budget_views import BudgetView
from monitor.budgeting.said import Alarms, Said
from monitor.budgeting.streams import (
    DELAY_P99,
    STATISTICS,
    VOLUME,
    Scores,
    Stream,
    VerdictKey,
    statistic_keys,
    streams_of,
    weights_of,
)
from monitor.budgeting.words import CALIBRATING, CALM, PAGED, RESEMBLING, UNWATCHED, evidence_words, stream_name
from monitor.errors import DAMAGE, StoreError
from monitor.outcomes import EPOCH_CHANGE, PARTIAL
from monitor.plan import MonitorPlan
from monitor.policy import BudgetPolicy
from monitor.policy.budget import EDetector, Rules, Slot, audit_ratio, raise_of
from monitor.protocols import State
from monitor.results import WindowResult
from monitor.snapshot import VerdictView
from monitor.types import FloatArray, IntArray, Level

__all__ = ["PAGED", "STATISTICS", "Budget", "evidence_words", "statistic_keys"]

_MAX_PAGES = 10_000
_MAX_ALSO = 10
_AUDIT_EVERY, _AUDIT_AGAIN = 10, 100
_QUANTILE = 0.95
_SIGNS = {1: "up", -1: "down", 0: ""}


class Budget:
    """Steps through judged windows in order and gives their verdicts the level of the evidence.

    A window is one slot; of sliding windows only those that do not overlap are heard. Empty and partial windows and
    those of another epoch are not heard: evidence stays as it was. State is keyed by stream: what has another Spec,
    segment or baseline begins anew and is unknown until it is calibrated.
    """

    def __init__(self, plan: MonitorPlan) -> None:
        """Start with nothing heard; without a budget in the plan it does nothing."""
        self._plan = plan
        self._policy = plan.policy if isinstance(plan.policy, BudgetPolicy) else None
        found = streams_of(plan)
        limit = 0 if self._policy is None else self._policy.spec.max_streams
        self._streams: tuple[Stream, ...] = found[:limit]
        watched = {stream.key for stream in self._streams}
        self._statistics = tuple(key for key in statistic_keys(plan) if key in watched)
        self._unwatched = {stream.key for stream in found[limit:]} - watched
        self._over = len(found) - len(self._streams)
        self._scores = Scores(plan, self._streams)
        self._places: dict[VerdictKey, list[int]] = {}
        for place, stream in enumerate(self._streams):
            self._places.setdefault(stream.key, []).append(place)
        n = len(self._streams)
        self._detector: EDetector | None = None
        if self._policy is not None and n:
            self._detector = EDetector([s.name for s in self._streams], weights_of(self._streams), self._rules)
        self._held: IntArray = np.zeros(n, np.int64)
        self._since: FloatArray = np.full(n, -np.inf)
        self._onset_ms: IntArray = np.full(n, -1, np.int64)
        self._residuals: FloatArray = np.full(n, np.nan)
        self._p_values: FloatArray = np.full(n, np.nan)
        self._also: dict[int, list[str]] = {}
        self._pages: list[int] = []
        self._audited: IntArray = np.zeros(n, np.int64)
        self._audit_ratio, self._audited_at = math.nan, -1
        self.restarted = 0
        """Streams that could not go on from the stored state, because something about them is another."""

    @property
    def _rules(self) -> Rules:
        assert self._policy is not None
        return self._policy.rules(self._plan.grid.size_ms)

    def step(self, window: WindowResult, *, epoch_ms: int, only: str | None = None) -> WindowResult:
        """Return the window with the levels that the evidence gives it, and the verdicts of statistics.

        With `only`, of the statistics those of one field: all are heard, but saying it of all costs most of the time.
        """
        detector = self._detector
        if detector is None:
            return window
        unknown = PARTIAL if window.partial else EPOCH_CHANGE if window.start_ms < epoch_ms else ""
        if window.gap or window.profile is None:
            return replace(window, verdicts=(*window.verdicts, *self._silent(unknown or "no rows")))
        verdicts = {(v.detector, v.field, v.segment): v for v in window.verdicts}
        if not unknown and window.start_ms % self._plan.grid.size_ms == 0:
            slot = detector.step(window.start_ms, self._scores.of(window, verdicts))
            self._hear(detector, window.start_ms, slot, verdicts)
            self._audit(detector)
        if unknown:
            return replace(window, verdicts=(*window.verdicts, *self._silent(unknown)))
        judged = self._judged(detector, window, verdicts, only)
        return replace(window, verdicts=judged)

    def _hear(self, detector: EDetector, start_ms: int, slot: Slot, verdicts: Mapping[VerdictKey, VerdictView]) -> None:
        """Take a slot: what alarms is held at the level of its effect until it recovers."""
        self._residuals, self._p_values = slot.residuals, slot.p_values
        self._since = np.where(slot.alarms, slot.log_ratios, self._since)
        self._onset_ms = np.where(slot.alarms, detector.evidence.onset_ms, self._onset_ms)
        calm = ~detector.latched
        self._held[calm], self._since[calm] = 0, -np.inf
        self._also = {place: also for place, also in self._also.items() if not calm[place]}
        also = [stream_name(self._streams[place].key) for place in np.flatnonzero(slot.also | slot.alarms).tolist()]
        for place in np.flatnonzero(slot.alarms).tolist():
            own = stream_name(self._streams[place].key)
            self._also[place] = [name for name in dict.fromkeys(also) if name != own][:_MAX_ALSO]
        for place in np.flatnonzero(detector.latched).tolist():
            level = self._effect(detector, place, verdicts)
            if level and not self._held[place]:
                self._pages = [*self._pages[-_MAX_PAGES + 1 :], start_ms]
            self._held[place] = max(int(self._held[place]), level)
        assert self._policy is not None
        self._pages = [at for at in self._pages if at > start_ms - self._policy.spec.per]

    def _effect(self, detector: EDetector, place: int, verdicts: Mapping[VerdictKey, VerdictView]) -> int:
        """Return the level of a stream's effect: of a detector by its thresholds, if it looks the same way."""
        stream = self._streams[place]
        verdict = verdicts.get(stream.key)
        if verdict is not None:
            same = stream.sign == 0 or verdict.direction == _SIGNS[stream.sign]
            return int(verdict.level) if same and verdict.level is not Level.UNKNOWN else 0
        beyond = self._beyond(detector, place)
        return int(Level.CRITICAL) if beyond is not None and beyond > stream.tolerance else 0

    def _beyond(self, detector: EDetector, place: int) -> float | None:
        """Return by how much a statistic is above all but 5 % of its usual values; None where that is not known."""
        found = float(self._residuals[place]) - detector.calibration.quantile(place, _QUANTILE)
        return found if math.isfinite(found) else None

    def _audit(self, detector: EDetector) -> None:
        """Audit when streams were armed since the last time, and once in a while."""
        if detector.heard % _AUDIT_EVERY:
            return
        armed = detector.armed & ~detector.latched
        again = self._rules.capacity * self._rules.stride
        since = detector.heard - self._audited_at
        due = bool((armed & (self._audited == 0)).any()) and (self._audited_at < 0 or since >= _AUDIT_AGAIN)
        if not due and not (self._audited_at >= 0 and since >= again):
            return
        columns: IntArray = np.flatnonzero(armed)
        self._audited[columns], self._audited_at = 1, detector.heard
        self._audit_ratio = audit_ratio(detector, columns)
        detector.raised = raise_of(self._audit_ratio, detector.rules.run_slots)

    def _judged(
        self, detector: EDetector, window: WindowResult, verdicts: Mapping[VerdictKey, VerdictView], only: str | None
    ) -> tuple[VerdictView, ...]:
        """Return the detectors' verdicts by the evidence, then those of the statistics."""
        said = Said(detector, Alarms(self._held, self._since, self._onset_ms, self._also), self._p_values)
        found = []
        for key, verdict in verdicts.items():
            places = self._places.get(key)
            if places is not None:
                found.append(said.of(verdict, places))
            elif key in self._unwatched and verdict.level is not Level.UNKNOWN:
                found.append(replace(verdict, level=Level.UNKNOWN, reason=UNWATCHED))
            else:
                found.append(verdict)
        values = self._scores.values(window)
        return (
            *found,
            *(
                said.of(self._statistic(detector, window, key, values), self._places[key])
                for key in self._statistics
                if only is None or key[1] == only
            ),
        )

    def _statistic(
        self, detector: EDetector, window: WindowResult, key: VerdictKey, values: Mapping[VerdictKey, float]
    ) -> VerdictView:
        """Return the verdict of a statistic as it is before anything is known of its evidence."""
        what, field, segment = key
        value, places = values.get(key), self._places[key]
        if value is None:
            reason = "no timestamps" if what == DELAY_P99 else "no rows"
            return VerdictView(field, segment, what, Level.UNKNOWN, reason, None, None, None, None, 0, 0)
        # A quantile of the calibration costs more than all else, and a calm stream has no effect to show.
        alarmed = [place for place in places if detector.latched[place]]
        beyond = [found for place in alarmed if (found := self._beyond(detector, place)) is not None]
        size = int(detector.calibration.sizes[places[0]])
        shown = round(math.exp(value)) if what == VOLUME else math.expm1(value) if what == DELAY_P99 else value
        bound = max(0.0, *beyond) if beyond else None
        return VerdictView(field, segment, what, Level.OK, CALM, shown, bound, None, None, size, window.rows)

    def _silent(self, reason: str) -> list[VerdictView]:
        """Return the verdicts of the statistics of a window that says nothing."""
        return [
            VerdictView(field, segment, what, Level.UNKNOWN, reason, None, None, None, None, 0, 0)
            for what, field, segment in self._statistics
        ]

    @property
    def view(self) -> BudgetView | None:
        """What is promised, what is spent, and who watches; None without a budget."""
        detector, policy = self._detector, self._policy
        if detector is None or policy is None:
            return None
        armed, resembling = detector.armed, detector.resembling
        reasons = Counter({CALIBRATING: int((~armed & ~resembling).sum()), RESEMBLING: int(resembling.sum())})
        reasons[UNWATCHED] = self._over
        slots = detector.rules.run_slots * math.exp(detector.raised)
        return BudgetView(
            promised=policy.spec.false_pages,
            per_ms=policy.spec.per,
            spent=len(self._pages),
            run_length_ms=slots * detector.rules.slot_ms,
            audit_ratio=None if math.isnan(self._audit_ratio) else self._audit_ratio,
            armed=int(armed.sum()),
            not_armed={reason: reasons[reason] for reason in (CALIBRATING, RESEMBLING, UNWATCHED)},
        )

    def state(self) -> State:
        """Return everything needed to continue; arrays are to be read before the next window."""
        if self._detector is None:
            return {}
        packed = json.dumps([stream.name for stream in self._streams]).encode()
        return {
            "names": {"sealed": {_digest(packed): np.frombuffer(packed, np.uint8)}},
            "rules": _shape_of(self._rules),
            "detector": self._detector.state(),
            "held": self._held,
            "since": self._since,
            "onset_ms": self._onset_ms,
            "audited": self._audited,
            "also": {self._streams[place].name: also for place, also in self._also.items()},
            "pages": np.array(self._pages, np.int64),
            "audit": [None if math.isnan(self._audit_ratio) else self._audit_ratio, self._audited_at],
        }

    def load(self, state: State) -> None:
        """Continue the streams that `state` has; the others begin. Raises StoreError on damage."""
        if self._detector is None or not state:
            return
        try:
            if state["rules"] != _shape_of(self._rules):
                self.restarted = len(self._streams)
                return
            ((_, packed),) = state["names"]["sealed"].items()
            self._take(state, [str(name) for name in json.loads(packed.tobytes())])
        except DAMAGE as error:
            raise StoreError(f"the stored budget is damaged ({error}); reset the checkpoint") from error

    def _take(self, state: State, names: Sequence[str]) -> None:
        """Take over the columns of the streams that were there."""
        stored = EDetector(names, np.full(len(names), 1 / max(len(names), 1)), self._rules)
        stored.load(state["detector"])
        mine = [stream.name for stream in self._streams]
        stored.pick(mine, weights_of(self._streams))
        self._detector = stored
        places = {name: place for place, name in enumerate(names)}
        columns = np.array([places.get(name, -1) for name in mine], np.int64)
        self.restarted = int((columns < 0).sum())
        known = columns >= 0
        for name, empty in (("held", 0), ("since", -np.inf), ("onset_ms", -1), ("audited", 0)):
            array = np.asarray(state[name])[np.maximum(columns, 0)]
            setattr(self, f"_{name}", np.where(known, array, empty).astype(array.dtype))
        at = {name: place for place, name in enumerate(mine)}
        self._also = {at[n]: [str(each) for each in also] for n, also in state["also"].items() if n in at}
        self._pages = [int(at) for at in np.asarray(state["pages"]).tolist()]
        ratio, audited_at = state["audit"]
        self._audit_ratio, self._audited_at = math.nan if ratio is None else float(ratio), int(audited_at)


def _shape_of(rules: Rules) -> list[int]:
    """Return what the arrays of a state depend on; A is no part of it."""
    return [rules.slot_ms, rules.cycle_ms, rules.bin_ms, rules.capacity, rules.stride, rules.lag]


def _digest(packed: bytes) -> str:
    return hashlib.blake2b(packed, digest_size=12).hexdigest()
