"""Driftline's side: the real accumulators filled with a case, and the real detectors on them or on counts of a peer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from monitor.accumulators.categories import CategoriesSpec
from monitor.accumulators.frame import GRID_LEVELS, Frame
from monitor.accumulators.histogram import HistogramSpec
from monitor.accumulators.small_cells import SMALL_CELL
from monitor.detectors import DetectorSpec
from monitor.types import Column, FloatArray, Groups, IntArray, Presence, Score
from tests.conformance.cases import Case, Values
from tests.support.cells import FixedCells

_DETECTORS: TypeAdapter[Any] = TypeAdapter(DetectorSpec)
_MAX_CATEGORIES = 100


@dataclass(frozen=True, eq=False)
class Pair:
    """Two accumulators of one group; `buckets` is how many cells a detector is to use, None: its default.

    `foreign` are the cells of a peer, which knows of those that are empty on both sides.
    """

    baseline: Any
    current: Any
    buckets: int | None = None
    foreign: bool = False

    @classmethod
    def of_counts(cls, baseline: IntArray, current: IntArray) -> Pair:
        """Return the pair of counts given outright."""
        return cls(FixedCells.of(baseline), FixedCells.of(current), foreign=True)

    def compare(self, kind: str) -> Score:
        """Return all that a detector says."""
        found: Score = self._spec(kind).build().compare(self.baseline, self.current)
        return found

    def score(self, kind: str) -> float:
        """Return a detector's score."""
        return float(self.compare(kind).score[0])

    def counts(self, kind: str) -> tuple[IntArray, IntArray]:
        """Return the counts of the cells that a peer sees when it is handed the cells that a detector compares."""
        before, now = self.cells(kind)
        seen = (before + now > 0) | self.foreign
        return before[seen], now[seen]

    def cells(self, kind: str) -> tuple[IntArray, IntArray]:
        """Return the counts of all cells that a detector compares."""
        buckets = self._spec(kind).buckets
        if kind == "ks" and buckets == GRID_LEVELS:  # the whole grid, for which no cells are merged
            return self.baseline.counts[0], self.current.counts[0]
        return self.baseline.cells(buckets)[0], self.current.cells(buckets)[0]

    def means(self) -> tuple[FloatArray, FloatArray]:
        """Return each value of two histograms drawn to the mean of its side's grid cell, as `wasserstein` has them."""
        sides = []
        for side in (self.baseline, self.current):
            counts, sums = side.counts[0], side.sums[0]
            sides.append(np.repeat(sums / np.maximum(counts, 1), counts))
        return sides[0], sides[1]

    def spread(self) -> float:
        """Return what `wasserstein` divides by where the quartiles differ, as they do in every case: their distance."""
        low, high = np.quantile(self.means()[0], [0.25, 0.75], method="inverted_cdf")
        return float(high - low)

    def _spec(self, kind: str) -> Any:
        spec = _DETECTORS.validate_python({"kind": kind})
        bucketed = self.buckets is not None and "buckets" in type(spec).model_fields
        return _DETECTORS.validate_python({"kind": kind, "buckets": self.buckets}) if bucketed else spec


@cache
def kept(case: Case) -> Pair:
    """Return the case as Driftline keeps it, on the frame it makes of this baseline by default."""
    baseline, current = (column(values, numbers=case.numbers) for values in (case.baseline, case.current))
    if case.numbers:
        frame = Frame.of_numbers(baseline.valid)
        spec: Any = HistogramSpec(field="x")
    else:
        frame = Frame.of_categories(baseline.valid, max_categories=_MAX_CATEGORIES)
        spec = CategoriesSpec(field="x")
    return Pair(_filled(spec.build(frame, 1), baseline), _filled(spec.build(frame, 1), current))


def on_cuts(case: Case, cuts: FloatArray) -> Pair:
    """Return the case on cuts of somebody else, all of them in use; detectors with buckets can use 49 at most."""
    levels = np.minimum(np.arange(GRID_LEVELS - 1), cuts.size - 1)
    frame = Frame(grid=cuts, levels=levels, counts=np.full(cuts.size + 1, SMALL_CELL))
    spec = HistogramSpec(field="x")
    sides = [_filled(spec.build(frame, 1), column(each, numbers=True)) for each in (case.baseline, case.current)]
    return Pair(*sides, buckets=GRID_LEVELS, foreign=True)


def value_by_value(case: Case) -> Pair:
    """Return the counts of a case with every value that occurs as a cell of its own."""
    before, now = (np.array(side) for side in case.usable)
    values, places = np.unique(np.concatenate((before, now)), return_inverse=True)
    sides = places[: before.size], places[before.size :]
    return Pair.of_counts(*(np.bincount(side, minlength=values.size) for side in sides))


def column(values: Values, *, numbers: bool) -> Column:
    """Return the column that a decoder would make of the values."""
    if not numbers:
        null = np.array([value is None for value in values])
        return Column(pa.array([v or "" for v in values], pa.string()), null.astype(np.uint8) * Presence.NULL)
    array = np.array(values, np.float64)
    kinds = {
        Presence.NAN: np.isnan(array),
        Presence.POSITIVE_INFINITY: array == np.inf,
        Presence.NEGATIVE_INFINITY: array == -np.inf,
    }
    return Column(array, np.select(list(kinds.values()), list(kinds), Presence.OK).astype(np.uint8))


def _filled(accumulator: Any, values: Column) -> Any:
    accumulator.update(values, Groups())
    return accumulator
