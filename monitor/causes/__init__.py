"""Causes: every judged window's drift and failures, grouped into incidents with an onset and a first cause."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import numpy as np

from monitor.causes.explaining import Explanation, explain, own_streams
from monitor.causes.ring import Ring
from monitor.causes.stored import open_of, state_of
from monitor.causes.streams import StreamKey, Streams, thresholds_of
from monitor.causes.tracking import Tracked, incident_id, tracked
from monitor.causes.words import name, opening, sentence
from monitor.errors import DAMAGE, StoreError
from monitor.plan import MonitorPlan
from monitor.protocols import State
from monitor.results import WindowResult
from monitor.rootcause import CORRELATED, TOLERANCE, Moving, Onsets, faults, together
from monitor.snapshot import IncidentView, MovingView
from monitor.types import IntArray, Level

_MAX_STREAMS = 500
_MAX_INCIDENTS = 50
_FEW_WINDOWS = 8


class Causes:
    """Explains window after window; keeps the streams' onsets, the ring and the open incidents.

    A quiet window costs the onsets' arithmetic and a row of the ring; only streams at warning or worse, and those
    that lately were, are grouped and explained, at most the 500 strongest. Memory: see `Onsets` and `Ring`.
    """

    def __init__(self, plan: MonitorPlan) -> None:
        """Start calm."""
        self._plan = plan
        self._thresholds = thresholds_of(plan)
        specs = (*(check.spec for check in plan.row_checks), *(check.spec for check in plan.window_checks))
        self._checks = {(spec.name, getattr(spec, "field", "")) for spec in specs}
        self._keys: tuple[StreamKey, ...] = ()
        self._keys_id, self._packed_keys = "", np.frombuffer(b"[]", np.uint8)
        self._raise_after: IntArray = np.zeros(0, np.int64)
        self._onsets = Onsets(0, plan.hysteresis.clear_after)
        self._ring = Ring(plan)
        self._open: list[Tracked] = []
        self._over: list[Tracked] = []

    def explain(self, window: WindowResult) -> WindowResult:
        """Return the window with its incidents; those of an empty or partial window are as they were."""
        if window.gap or window.profile is None:
            return self._unchanged(window)
        at_ms = window.end_ms - self._plan.grid.pane_ms
        streams = Streams.of(window, self._thresholds)
        self._follow(streams.keys)
        raise_after = np.where(streams.sudden, 1, self._raise_after)
        self._onsets.step(at_ms, streams.levels, streams.p_values, streams.scores, streams.noise_floors, raise_after)
        if not window.partial:
            self._ring.add(at_ms, window.profile)
        if not (streams.levels >= Level.WARNING).any():
            self._close([item for item in self._open if self._alive(item)])
            return self._unchanged(window)
        found = self._found(window, streams, at_ms)
        self._close(tracked([*self._open, *self._over], found, at_ms, self._plan.grid.pane_ms))
        return replace(window, incidents=tuple(item.view for item in self._open))

    def _unchanged(self, window: WindowResult) -> WindowResult:
        self._open = [replace(item, view=replace(item.view, fresh=False)) for item in self._open]
        return replace(window, incidents=tuple(item.view for item in self._open)) if self._open else window

    def _close(self, still: list[Tracked]) -> None:
        """Go on with the incidents that still move; the last 50 that are over keep their ids, should they come back."""
        ids = {item.view.id for item in still}
        over = [item for item in (*self._over, *self._open) if item.view.id not in ids]
        self._over = [replace(item, since_ms={}) for item in over][-_MAX_INCIDENTS:]
        self._open = still

    def _follow(self, keys: tuple[StreamKey, ...]) -> None:
        """Keep the onsets in the order of the window's streams, which seldom changes."""
        if keys != self._keys:
            places = {key: place for place, key in enumerate(self._keys)}
            self._onsets = self._onsets.picked(np.array([places.get(key, -1) for key in keys], np.int64))
            self._keys = keys
            packed = json.dumps(keys).encode()
            self._keys_id = hashlib.blake2b(packed, digest_size=12).hexdigest()
            self._packed_keys = np.frombuffer(packed, np.uint8)
            self._raise_after = np.array([self._windows_to_raise(rule, field) for rule, field, _ in keys], np.int64)

    def _windows_to_raise(self, rule: str, field: str) -> int:
        """Return after how many windows on end a stream raises an alert."""
        hysteresis = self._plan.hysteresis
        return hysteresis.checks_raise_after if (rule, field) in self._checks else hysteresis.raise_after

    def _alive(self, item: Tracked) -> bool:
        """Return whether a stream of an incident still moves, or was lately seen to."""
        return any(
            key in item.since_ms for key, noticed in zip(self._keys, self._onsets.noticed, strict=True) if noticed
        )

    def _found(self, window: WindowResult, streams: Streams, at_ms: int) -> list[Tracked]:
        """Return the incidents of a window in which something is at warning or worse, the strongest first."""
        moving = self._moving(streams, at_ms)
        origin_ms, stride_ms = at_ms, self._plan.grid.pane_ms
        causes: list[Explanation] = []
        waiting = faults(moving)
        while waiting and len(causes) < _MAX_STREAMS:
            fault = waiting.pop(0)
            onset_ms = origin_ms + fault.anchor.onset * stride_ms
            rule = streams.keys[fault.anchor.number][0]
            cause, others = own_streams(explain(self._plan, self._ring, window, fault, rule, onset_ms))
            causes.append(cause)
            waiting += faults(others)
        causes.sort(key=lambda cause: -cause.fault.anchor.strength)
        groups = together(len(causes), lambda i, j: self._linked(causes[i], causes[j]))
        return [self._incident(window, streams, [causes[i] for i in group]) for group in groups[:_MAX_INCIDENTS]]

    def _moving(self, streams: Streams, at_ms: int) -> list[Moving]:
        """Return the streams at warning or worse and those that lately were, the 500 strongest."""
        places: IntArray = np.flatnonzero(self._onsets.noticed)
        strongest = places[np.argsort(-streams.strengths[places], kind="stable")][:_MAX_STREAMS]
        found, known = [], self._plan.segmenter
        segments = dict(zip(known.shown, known.segments, strict=True))
        for place in strongest.tolist():
            _, field, segment = streams.keys[place]
            since_ms = int(self._onsets.since_ms[place])
            onset = (since_ms - at_ms) // self._plan.grid.pane_ms if since_ms >= 0 else 0
            ((dimension, value),) = segments[segment].items() or (("", ""),)
            found.append(Moving(place, field, dimension, value, onset, float(streams.strengths[place])))
        return found

    def _linked(self, one: Explanation, other: Explanation) -> bool:
        """Return whether two faults are of one incident: in one segment, in correlated fields, or one mix of other.

        Nor may the weaker one, the second, have begun more than two windows before: it notices late, not early.
        """
        if other.onset_ms < one.onset_ms - TOLERANCE * self._plan.grid.pane_ms:
            return False
        if (one.segment and one.segment == other.segment) or _follows(one, other) or _follows(other, one):
            return True
        if one.segment and one.named and other.segment and other.named:
            return False
        if one.field == other.field:
            return True
        r = self._correlation(one, other)
        return r is not None and abs(r) >= CORRELATED

    def _correlation(self, one: Explanation, other: Explanation) -> float | None:
        """Return the correlation of two fields over the windows before the onset; None from fewer than 8.

        That of window means is that of the rows; of shares of missing values it says whether they go together.
        """
        before_ms = min(one.onset_ms, other.onset_ms)
        kind = "missing" if _is_presence(one) and _is_presence(other) else "mean"
        x, y = (self._ring.levels(kind, cause.field, before_ms) for cause in (one, other))
        if x is None or y is None:
            return None
        known = np.isfinite(x) & np.isfinite(y)
        if known.sum() < _FEW_WINDOWS or not np.ptp(x[known]) > 0 or not np.ptp(y[known]) > 0:
            return None
        # Rounded, so that no batching of the rows shows in its last digits.
        return round(float(np.corrcoef(x[known], y[known])[0, 1]), 4)

    def _incident(self, window: WindowResult, streams: Streams, group: list[Explanation]) -> Tracked:
        """Return one incident of faults that belong together, the first of them the strongest."""
        first = group[0]
        related = {c.field: self._correlation(first, c) for c in group if c.field != first.field}
        moving = sorted((m for c in group for m in c.fault.streams), key=lambda m: (-m.strength, m.number))
        keys = [streams.keys[m.number] for m in moving]
        rows = zip(moving, keys, streams.levels[[m.number for m in moving]].tolist(), strict=True)
        anchor = streams.keys[first.fault.anchor.number]
        strange = bool((streams.levels[[m.number for m in moving]] >= Level.WARNING).any())
        raised = bool(self._onsets.raised[[m.number for m in moving]].any())
        text = sentence(self._plan, window, first, tuple(related.items()))
        view = IncidentView(
            incident_id(self._plan.monitor, first.onset_ms, anchor),
            first.onset_ms,
            first.rule,
            first.field,
            first.segment,
            opening(first.onset_ms) + text,
            tuple(MovingView(*key, Level(level), m.strength) for m, key, level in rows),
            first.segments,
            first.mix_share,
            first.within_share,
            tuple((name(label), share) for label, share in first.cells),
            tuple(related.items()),
            raised=raised,
            fresh=raised and strange,
        )
        since_ms = {key: int(self._onsets.since_ms[m.number]) for m, key in zip(moving, keys, strict=True)}
        return Tracked(view, since_ms, strange, text)

    def state(self) -> State:
        """Return everything needed to continue; the arrays of the ring never change."""
        return {
            "keys": {"id": self._keys_id, "sealed": {self._keys_id: self._packed_keys}},
            "onsets": self._onsets.state(),
            "ring": self._ring.state(),
            "open": [state_of(item) for item in self._open],
            "over": [state_of(item) for item in self._over],
        }

    def load(self, state: State) -> None:
        """Continue from `state`, as far as it is of the same cells; raises StoreError on damage."""
        try:
            packed = state["keys"]["sealed"][state["keys"]["id"]].tobytes()
            keys = tuple((str(rule), str(field), str(segment)) for rule, field, segment in json.loads(packed))
            onsets = Onsets(len(keys), self._plan.hysteresis.clear_after)
            onsets.load(state["onsets"])
            self._ring.load(state["ring"])
            self._open, self._over = ([open_of(stored) for stored in state[name]] for name in ("open", "over"))
        except DAMAGE as error:
            raise StoreError(f"stored causes are damaged ({error}); reset the checkpoint") from error
        self._keys, self._onsets = (), onsets
        self._follow(keys)
        self._onsets = onsets


def _follows(one: Explanation, other: Explanation) -> bool:
    """Return whether a fault is but the mix that another one, in the field of its dimension, brings about."""
    return one.is_mix and one.named[0].partition("=")[0] == other.field


def _is_presence(cause: Any) -> bool:
    return getattr(cause.spec, "kind", "") == "presence"
