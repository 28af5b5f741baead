"""What a fault in one field is made of: since when, in which segments, mix or within, and in which cells."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from monitor.accumulators.moments import Moments
from monitor.causes.ring import Ring, cells_of, labels_of
from monitor.plan import MonitorPlan
from monitor.profile import frame_key
from monitor.results import CheckOutcome, WindowResult
from monitor.rootcause import DimensionCause, Fault, Moving, best_split, rank_segments
from monitor.segments import Segmenter
from monitor.snapshot import SegmentPart
from monitor.types import IntArray, Level, MaskArray

_CELLS_SHOWN = 3
_MOST = 0.5
_MOST_OF_OWN = 0.67
"""A field that is a dimension itself names its own values, unless so much of the movement is in one other segment."""
_SURE = 2.58
_LOOK_BACK = 16
"""A change may have begun so many windows before the evidence of single windows adds up."""
_CONTRAST = 3.0
"""Named segments must have moved so many times as far as the rest of the rows."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """A fault and its cause: the segment (empty: all rows), its onset, and the parts of the movement.

    `spec` is of the cells that were compared, `means` those of the field in the segment, in the baseline and
    since the onset, and whether they differ by more than noise.
    """

    fault: Fault
    field: str
    rule: str
    segment: str
    onset_ms: int
    segments: tuple[SegmentPart, ...] = ()
    mix_share: float | None = None
    within_share: float | None = None
    cells: tuple[tuple[str, float], ...] = ()
    spec: Any = None
    means: tuple[float, float, bool] | None = None

    @property
    def is_mix(self) -> bool:
        """Whether what moves is mostly that segments changed their size."""
        return bool(self.named) and (self.mix_share or 0.0) > _MOST

    @property
    def named(self) -> tuple[str, ...]:
        """The segments that explain the fault."""
        return tuple(part.segment for part in self.segments if part.named)


@dataclass(frozen=True, eq=False)
class _Sides:
    """Counts (groups x cells) of the baseline and of the windows since the onset."""

    before: IntArray
    now: IntArray
    labels: tuple[str, ...]
    rho: float


def explain(plan: MonitorPlan, ring: Ring, window: WindowResult, fault: Fault, rule: str, onset_ms: int) -> Explanation:
    """Return what a fault is made of, as far as the statistics that are kept say."""
    anchor = fault.anchor
    label = f"{anchor.dimension}={anchor.value}" if anchor.dimension else ""
    spec = _spec_of(plan, ring, window, anchor.field, rule)
    if spec is None:
        return _explain_check(plan, window, fault, rule, label, onset_ms)
    group = plan.segmenter.shown.index(label)
    onset_ms = refined_onset_ms(ring, spec, group, onset_ms)
    sides = _sides(plan, ring, window, spec, onset_ms)
    if sides is None:
        return Explanation(fault, anchor.field, rule, label, onset_ms, spec=spec)
    moved = _moved(sides, group)
    whole = any(not stream.dimension for stream in fault.streams)
    segment, parts, best = _segment(plan.segmenter, anchor.field, sides, moved, "" if whole else label)
    found = Explanation(fault, anchor.field, rule, segment, onset_ms, parts, *_shares(best), spec=spec)
    # What is mix did not happen within the segment: all rows are what changed.
    shown = 0 if found.is_mix else plan.segmenter.shown.index(segment)
    means = _means(ring, window, anchor.field, shown, onset_ms, sides.rho)
    return replace(found, cells=top_cells(sides, shown), means=means)


def _means(
    ring: Ring, window: WindowResult, field: str, group: int, onset_ms: int, rho: float
) -> tuple[float, float, bool] | None:
    """Return the mean of a field in the baseline and since the onset, and whether that is more than noise."""
    found = ring.mean(field, group, onset_ms)
    accumulators = {} if window.baseline is None else window.baseline.accumulators
    before = next((a for spec, a in accumulators.items() if isinstance(a, Moments) and frame_key(spec) == field), None)
    if found is None or before is None:
        return None
    n, mean = found
    base, variance = float(before.mean[group]), float(before.variance[group])
    rows = max(window.rows, 1) if group == 0 else n
    if not all(map(math.isfinite, (base, mean, variance))):
        return None
    error = math.sqrt(variance * (1 + (min(rows, n) - 1) * rho) / n)
    return base, mean, abs(mean - base) > _SURE * error


def own_streams(cause: Explanation) -> tuple[Explanation, list[Moving]]:
    """Return the cause with the streams that it explains, and the others.

    A stream in a segment that is not named, of a dimension in which others are, is a fault of its own.
    """
    dimension = cause.named[0].partition("=")[0] if cause.segment and cause.named else ""
    streams = cause.fault.streams
    others = [
        stream
        for stream in streams[1:]
        if dimension and stream.dimension == dimension and f"{dimension}={stream.value}" not in cause.named
    ]
    mine = tuple(stream for stream in streams if stream not in others)
    return (replace(cause, fault=Fault(mine)), others) if others else (cause, [])


def refined_onset_ms(ring: Ring, spec: Any, group: int, onset_ms: int) -> int:
    """Return the start of the window, near `onset_ms`, from which on the cells differ most from the windows before."""
    cells, times = ring.cells(spec, group), ring.times_ms()
    if cells is None or onset_ms not in times:
        return onset_ms
    found = best_split(cells, times.index(onset_ms) - _LOOK_BACK, len(times) - 1)
    return onset_ms if found is None else times[found]


def parts_of(segmenter: Segmenter, start: int, cause: DimensionCause) -> tuple[SegmentPart, ...]:
    """Return the segments of a dimension whose groups begin at `start`, by their labels."""
    return tuple(
        SegmentPart(segmenter.shown[start + s.number], s.power, s.surprise, s.mix, s.within, s.named)
        for s in cause.segments
    )


def _spec_of(plan: MonitorPlan, ring: Ring, window: WindowResult, field: str, rule: str) -> Any:
    """Return what the detector compares, or other cells of its field; None for a check and where no cells are kept."""
    if any((check.check, check.field) == (rule, field) for check in window.checks):
        return None
    own = [item.needs for item in plan.detectors if (item.field, item.name) == (field, rule)]
    others = [spec for spec in ring.specs if spec.field == field]
    return next((spec for spec in (*own, *others) if spec in ring.specs), None)


def _sides(plan: MonitorPlan, ring: Ring, window: WindowResult, spec: Any, onset_ms: int) -> _Sides | None:
    """Return baseline and pooled counts; None where there is nothing to compare."""
    baseline, profile = window.baseline, window.profile
    if baseline is None or profile is None or spec not in baseline.accumulators:
        return None
    before, now = cells_of(baseline.accumulators[spec]), cells_of(profile.accumulators[spec])
    kept = ring.cells(spec)
    if kept is not None and kept.shape[1] == len(now):
        # Sliding windows share panes: of those since the onset every one that shares none is taken, from the last on.
        times = ring.times_ms()
        step = max(plan.grid.size_ms // plan.grid.pane_ms, 1)
        chosen = [i for i in range(len(times) - 1, -1, -step) if times[i] >= onset_ms]
        now = kept[chosen].sum(axis=0) if chosen else now
    rho = baseline.rho.get(spec, 0.0)
    return _Sides(before, now, labels_of(profile.accumulators[spec]), float(np.max(rho)))


def _moved(sides: _Sides, group: int) -> MaskArray:
    """Return the cells whose share grew in a group."""
    p, q = (side[group] / max(int(side[group].sum()), 1) for side in (sides.before, sides.now))
    moved: MaskArray = q > p
    return moved


def top_cells(sides: Any, group: int) -> tuple[tuple[str, float], ...]:
    """Return the cells that moved most in a group, with their signed shares of all that moved."""
    p, q = (side[group] / max(int(side[group].sum()), 1) for side in (sides.before, sides.now))
    change = q - p
    total = float(np.abs(change).sum())
    if not total:
        return ()
    order = np.argsort(-np.abs(change), kind="stable")[:_CELLS_SHOWN]
    return tuple((sides.labels[i], float(change[i] / total)) for i in order.tolist() if change[i])


def _segment(
    segmenter: Segmenter, field: str, sides: _Sides, moved: MaskArray, default: str
) -> tuple[str, tuple[SegmentPart, ...], DimensionCause | None]:
    """Return the segment to name, the parts of its dimension, and that dimension's cause.

    The dimension whose named segments surprise most, if they moved clearly more than the rest, and of these the first
    one if it alone explains most. Else `default`, and nothing is named: with its own dimension, or of all rows the one
    with the most mix. A field's own dimension says nothing about where its values changed, it is all mix.
    """
    causes = [
        (name, where, rank_segments(sides.before[where], sides.now[where], moved, sides.rho))
        for name, where in segmenter.dimension_groups
    ]
    if not causes:
        return default, (), None
    fields = {name for name, _ in segmenter.dimension_groups}
    sharp = [c for c in causes if c[0] != field and _stands_out(sides.now[c[1]].sum(axis=1), c[2])]
    if sharp:
        _, where, best = max(sharp, key=lambda c: c[2].surprise)
        segment = _first(segmenter, where.start, best, default, _MOST_OF_OWN if field in fields else _MOST)
    if not sharp or (not segment and field in fields):
        own = [c for c in causes if c[0] == (default.partition("=")[0] or field)]
        _, where, best = max(own or causes, key=lambda c: abs(c[2].mix))
        return default, _unnamed(parts_of(segmenter, where.start, best)), best
    return segment, _consistent(parts_of(segmenter, where.start, best), segment), best


def _unnamed(parts: tuple[SegmentPart, ...]) -> tuple[SegmentPart, ...]:
    return tuple(replace(part, named=False) for part in parts)


def _consistent(parts: tuple[SegmentPart, ...], segment: str) -> tuple[SegmentPart, ...]:
    """Return the parts without names where it is another segment that is named."""
    return parts if not segment or any(part.named and part.segment == segment for part in parts) else _unnamed(parts)


def _first(segmenter: Segmenter, start: int, cause: DimensionCause, default: str, most: float = _MOST) -> str:
    """Return the segment that alone explains more than `most` of the movement, else `default`."""
    strongest = max(cause.named, key=lambda s: s.power)
    return segmenter.shown[start + strongest.number] if strongest.power > most else default


def _stands_out(rows: IntArray, cause: DimensionCause) -> bool:
    """Return whether the named segments moved more than three times as far, for their size, as all others."""
    if not cause.named:
        return False
    size = float(rows[[s.number for s in cause.named]].sum() / max(int(rows.sum()), 1))
    power = sum(s.power for s in cause.named)
    if not 0 < size < 1:
        return False
    return power / size > _CONTRAST * (1 - power) / (1 - size)


def _shares(cause: DimensionCause | None) -> tuple[float | None, float | None]:
    """Return mix and within as shares of the movement; None where all rows do not move that way."""
    whole = 0.0 if cause is None else cause.mix + cause.within
    if cause is None or whole <= 0:
        return None, None
    return cause.mix / whole, cause.within / whole


def _explain_check(
    plan: MonitorPlan, window: WindowResult, fault: Fault, rule: str, label: str, onset_ms: int
) -> Explanation:
    """Return which segments the failures of a check are in, against their share of the rows."""
    outcomes = {c.segment: c for c in window.checks if c.check == rule and c.field == fault.anchor.field}
    whole = "" if any(not stream.dimension for stream in fault.streams) else label
    # Segments that no value has taken yet have no outcome, and no row that could fail.
    nobody, nothing = plan.segmenter.nobody, CheckOutcome(rule, "", "", Level.UNKNOWN, 0, 0, None, "")
    causes = []
    for dimension, where in plan.segmenter.dimension_groups:
        if dimension == fault.anchor.field:
            continue
        rows = [outcomes.get(name, nothing if name in nobody else None) for name in plan.segmenter.shown[where]]
        found = [outcome for outcome in rows if outcome is not None]
        if len(found) == len(rows) and not any(outcome.whole for outcome in found):
            before, now = _failures(found)
            causes.append((where.start, rank_segments(before, now, np.array([False, True])), now))
    sharp = [c for c in causes if _stands_out(c[2].sum(axis=1), c[1])]
    if not sharp:
        return Explanation(fault, fault.anchor.field, rule, whole, onset_ms)
    start, best, _ = max(sharp, key=lambda c: c[1].surprise)
    segment = _first(plan.segmenter, start, best, whole)
    parts = _consistent(parts_of(plan.segmenter, start, best), segment)
    return Explanation(fault, fault.anchor.field, rule, segment, onset_ms, parts, *_shares(best))


def _failures(outcomes: list[CheckOutcome]) -> tuple[IntArray, IntArray]:
    """Return rows (segments x [passed, failed]) as they should be and as they are.

    One row in a thousand fails beforehand, in every segment, so that there is something to compare with.
    """
    rows = np.array([outcome.rows for outcome in outcomes], np.int64)
    failed = np.array([outcome.failures for outcome in outcomes], np.int64)
    return np.stack((rows * 999, rows), axis=1), np.stack((rows - failed, failed), axis=1)
