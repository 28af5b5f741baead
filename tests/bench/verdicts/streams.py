"""What Driftline makes of every slot: the streams of a budget, by the production code of accumulators and detectors.

A slot is a group of the accumulators, so that one call of a detector judges them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.accumulators.comoment import ComomentSpec
from monitor.accumulators.frame import Frame
from monitor.accumulators.presence import PresenceSpec
from monitor.baseline.correlation import estimate
from monitor.baseline.groups import NumberGroup, group_frame
from monitor.budgeting.streams import INVALID, LATE, MISSING, VOLUME
from monitor.detectors import MeanShiftSpec, ModeShareSpec, PsiSpec, SpeSpec, UnseenSpec
from monitor.policy import BudgetPolicySpec
from monitor.policy.threshold import levels
from monitor.segments import Segmenter
from monitor.types import Column, FloatArray, Groups, IntArray, Level, MaskArray, Presence, Score

DETECTORS: dict[str, tuple[Any, ...]] = {
    "number": (PsiSpec(), MeanShiftSpec(), ModeShareSpec()),
    "category": (PsiSpec(), ModeShareSpec(), UnseenSpec()),
}
POLICY = BudgetPolicySpec(season="auto")
GROUP = "numbers"
_MAX_CATEGORIES = 100
_BUCKETS = 10


@dataclass(frozen=True, eq=False)
class Streams:
    """Scores (slots x streams), larger is stranger, NaN where unknown, and whether the effect is beyond a threshold.

    `tolerances` are those of statistics, whose effect depends on the calibration; NaN for detectors, of which `beyond`
    (slots x streams) says it. `fields` is the field that a stream speaks for, empty for the rows as such. A group
    speaks for the field whose part in the score is largest: `blamed` (slots x 1, or 0 without a group) is its number.
    """

    names: tuple[str, ...]
    fields: tuple[str, ...]
    scores: FloatArray
    beyond: MaskArray
    tolerances: FloatArray
    blamed: IntArray

    def named(self, slot: int, streams: IntArray, numbers: tuple[str, ...]) -> list[str]:
        """Return what these streams speak for in a slot, in their order; `numbers` are the group's fields."""
        return [numbers[self.blamed[slot, 0]] if self.fields[s] == GROUP else self.fields[s] for s in streams.tolist()]


class Ruler:
    """Frames and baseline of every field, from the baseline's rows; scores slots of any rows of the same fields."""

    def __init__(self, table: pa.Table, slots: IntArray) -> None:
        """Freeze the frames; `slots` are those of the baseline's rows, which say how rows correlate."""
        self.fields = {field.name: _kind(field.type) for field in table.schema}
        dense = np.unique(slots, return_inverse=True)[1]
        everyone = Groups(1)
        self._frames, self._baseline, self._rho = {}, {}, {}
        for name, kind in self.fields.items():
            column = column_of(table, name)
            if kind == "number":
                self._frames[name] = Frame.of_numbers(column.valid)
            else:
                self._frames[name] = Frame.of_categories(column.valid, max_categories=_MAX_CATEGORIES)
            spec = DETECTORS[kind][0].build().needs(name, kind)
            self._baseline[name] = spec.build(self._frames[name], 1)
            self._baseline[name].update(column, everyone)
            counts = _folded(spec, self._frames[name], column, dense, int(dense[-1]) + 1).cells(_BUCKETS)
            self._rho[name] = float(estimate(counts[1:, None, :]).cautious[0])
        self._group(table)

    def _group(self, table: pa.Table) -> None:
        """Freeze the frame of the group of all numbers, where there are two at least."""
        numbers = tuple(name for name, kind in self.fields.items() if kind == "number")
        self._joint = None
        if len(numbers) > 1:
            columns = tuple(column_of(table, name) for name in numbers)
            named = dict(zip(numbers, columns, strict=True))
            frame = group_frame(NumberGroup(GROUP, numbers), lambda _: iter([named]), Segmenter(()))
            spec = ComomentSpec(group=GROUP, fields=numbers)
            baseline = spec.build(frame, 1)
            baseline.update(columns, Groups(1))
            self._joint = spec, frame, baseline

    def rho(self, name: str) -> float:
        """Return how the rows of a slot correlate in a field."""
        return self._rho[name]

    def streams(self, table: pa.Table, slots: IntArray, n: int) -> Streams:
        """Return the streams of `n` slots."""
        found = [one for name in self.fields for one in self.of_field(table, name, slots, n)]
        return joined([*found, *self.of_rows(table, slots, n)])

    def of_field(self, table: pa.Table, name: str, slots: IntArray, n: int) -> Iterator[Streams]:
        """Yield the streams of one field."""
        kind, column = self.fields[name], column_of(table, name)
        specs = DETECTORS[kind]
        current = _folded(specs[0].build().needs(name, kind), self._frames[name], column, slots, n)
        for spec in specs:
            score = spec.build().compare(self._baseline[name], current, self._rho[name])
            yield from _of_detector(spec, name, score)
        presence = _folded(PresenceSpec(field=name), None, column, slots, n)
        rows = np.maximum(presence.rows[1:], 1)
        for what, counted in ((MISSING, presence.missing[1:]), (INVALID, presence.invalid[1:])):
            share = np.where(presence.rows[1:] > 0, counted / rows, np.nan)
            yield _one(f"{what} of {name}", name, share, POLICY.build().tolerances[0])

    def of_rows(self, table: pa.Table, slots: IntArray, n: int) -> Iterator[Streams]:
        """Yield the streams of the rows as such: how many, how late, and how their numbers belong together."""
        share, more, fewer, _ = POLICY.build().tolerances
        rows = np.bincount(slots, minlength=n).astype(np.float64)
        logs = np.log(np.where(rows > 0, rows, np.nan))
        yield _one(f"{VOLUME} up", "", logs, more)
        yield _one(f"{VOLUME} down", "", -logs, fewer)
        yield _one(LATE, "", np.where(rows > 0, 0.0, np.nan), share)
        if self._joint is not None:
            spec, frame, baseline = self._joint
            current = spec.build(frame, 1 + n)
            current.update(tuple(column_of(table, name) for name in spec.fields), _groups(slots, n))
            score = SpeSpec().build().compare(baseline, current)
            assert score.contributions is not None
            blamed = np.nan_to_num(np.abs(score.contributions[1:])).argmax(axis=1)[:, None]
            yield from (replace(one, blamed=blamed) for one in _of_detector(SpeSpec(), GROUP, score))


def column_of(table: pa.Table, name: str) -> Column:
    """Return a field of a table as the decoder would."""
    array = table[name].combine_chunks()
    missing = array.is_null().to_numpy(zero_copy_only=False)
    presence = np.where(missing, np.uint8(Presence.NULL), np.uint8(Presence.OK))
    if not pa.types.is_floating(array.type):
        return Column(array, presence)
    values = array.to_numpy(zero_copy_only=False)
    strange = ~missing & ~np.isfinite(values)
    presence[strange] = np.where(np.isnan(values[strange]), Presence.NAN, Presence.POSITIVE_INFINITY)
    return Column(values, presence)


def joined(parts: list[Streams]) -> Streams:
    """Return the streams side by side."""
    return Streams(
        tuple(name for part in parts for name in part.names),
        tuple(field for part in parts for field in part.fields),
        np.concatenate([part.scores for part in parts], axis=1),
        np.concatenate([part.beyond for part in parts], axis=1),
        np.concatenate([part.tolerances for part in parts]),
        np.concatenate([part.blamed for part in parts], axis=1),
    )


def _kind(kind: pa.DataType) -> str:
    return "number" if pa.types.is_floating(kind) else "category"


def _groups(slots: IntArray, n: int) -> Groups:
    return Groups(1 + n, ((slots + 1).astype(np.int32),))


def _folded(spec: Any, frame: Frame | None, column: Column, slots: IntArray, n: int) -> Any:
    """Return the accumulator of all slots: group 0 is everything, group i + 1 is slot i."""
    found = spec.build(frame, 1 + n)
    found.update(column, _groups(slots, n))
    return found


def _of_detector(spec: Any, field: str, score: Score) -> Iterator[Streams]:
    """Yield a stream, or two of a detector with a sign, in the units of `monitor.budgeting.streams`."""
    level = levels(score, spec)[0][1:]
    values, noise = score.score[1:], np.nan_to_num(score.noise_floor[1:])
    unknown = (level == Level.UNKNOWN) | np.isnan(values)
    unit = np.where(noise > 0, noise, 1.0)
    nan = np.full(1, np.nan)
    if getattr(spec, "direction", None) is None:
        scores = np.where(noise > 0, (values - noise) / unit, values)
        known = np.where(unknown, np.nan, scores)[:, None]
        yield Streams((f"{spec.kind} of {field}",), (field,), known, (level > Level.OK)[:, None], nan, _nobody(known))
        return
    assert score.direction is not None
    towards = score.direction[1:]
    for sign, word in ((1, "up"), (-1, "down")):
        known = np.where(unknown, np.nan, sign * towards * values / unit)[:, None]
        beyond = ((level > Level.OK) & (towards == sign))[:, None]
        yield Streams((f"{spec.kind} of {field} {word}",), (field,), known, beyond, nan, _nobody(known))


def _one(name: str, field: str, values: FloatArray, tolerance: float) -> Streams:
    scores = values[:, None]
    return Streams((name,), (field,), scores, np.zeros(scores.shape, np.bool_), np.array([tolerance]), _nobody(scores))


def _nobody(scores: FloatArray) -> IntArray:
    return np.zeros((len(scores), 0), np.int64)
