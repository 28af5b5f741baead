"""Driftline's side: the real accumulators filled with a case, and the real detectors on them or on counts of a peer."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter

from monitor.accumulators.categories import Categories, CategoriesSpec
from monitor.accumulators.frame import GRID_LEVELS, SMALL_CELL, Frame
from monitor.accumulators.histogram import Histogram, HistogramSpec
from monitor.detectors import DetectorSpec
from monitor.types import Column, FloatArray, Groups, IntArray, Presence, Score
from tests.conformance.cases import Case, Values
from tests.support.cells import FixedCells

_DETECTORS: TypeAdapter[Any] = TypeAdapter(DetectorSpec)
MAX_CATEGORIES = 100


@cache
def detector(kind: str) -> Any:
    """Return the detector of a kind with its default settings."""
    return _DETECTORS.validate_python({"kind": kind}).build()


def score(kind: str, baseline: Any, current: Any) -> float:
    """Return the score of two accumulators of one group."""
    return float(compare(kind, baseline, current).score[0])


def compare(kind: str, baseline: Any, current: Any) -> Score:
    """Return all that the detector says of two accumulators."""
    found: Score = detector(kind).compare(baseline, current)
    return found


@cache
def accumulators(case: Case) -> tuple[Any, Any]:
    """Return baseline and current as Driftline keeps them, on the frame it makes of this baseline by default."""
    columns = column(case.baseline, numbers=case.numbers), column(case.current, numbers=case.numbers)
    if case.numbers:
        frame = Frame.of_numbers(columns[0].valid)
        return filled(Histogram(frame, 1), columns[0]), filled(Histogram(frame, 1), columns[1])
    frame = Frame.of_categories(columns[0].valid, max_categories=MAX_CATEGORIES)
    return tuple(filled(CategoriesSpec(field="x").build(frame, 1), each) for each in columns)  # type: ignore[return-value]


def column(values: Values, *, numbers: bool) -> Column:
    """Return the column that a decoder would make of the values."""
    if not numbers:
        null = np.array([value is None for value in values])
        return Column(pa.array(["" if v is None else v for v in values], pa.string()), null * np.uint8(Presence.NULL))
    array = np.array(values, np.float64)
    presence = np.select(
        [np.isnan(array), array == np.inf, array == -np.inf],
        [Presence.NAN, Presence.POSITIVE_INFINITY, Presence.NEGATIVE_INFINITY],
        Presence.OK,
    )
    return Column(array, presence.astype(np.uint8))


def filled(accumulator: Any, values: Column) -> Any:
    """Return the accumulator with the column counted in."""
    accumulator.update(values, Groups())
    return accumulator


def histograms(case: Case, cuts: FloatArray) -> tuple[Histogram, Histogram]:
    """Return baseline and current on cuts of somebody else; all cuts are in use where there are 49 at most."""
    levels = np.minimum(np.arange(GRID_LEVELS - 1), cuts.size - 1)
    frame = Frame(grid=cuts, levels=levels, counts=np.full(cuts.size + 1, SMALL_CELL))
    before, now = (column(values, numbers=True) for values in (case.baseline, case.current))
    build = HistogramSpec(field="x").build
    return filled(build(frame, 1), before), filled(build(frame, 1), now)


def on_counts(baseline: IntArray, current: IntArray) -> tuple[FixedCells, FixedCells]:
    """Return counts of one group as detectors read them."""
    return FixedCells.of(baseline), FixedCells.of(current)


def labels(case: Case) -> tuple[list[str], list[str]]:
    """Return, for each usable value, the name of the Driftline cell (of 10, or of the categories) it falls into."""
    sides = []
    for accumulator in accumulators(case):
        if isinstance(accumulator, Categories):
            names, counts = accumulator.frame.labels(), accumulator.cells()[0]
        else:
            counts = accumulator.cells(10)[0]
            names = tuple(f"cell {i:02}" for i in range(counts.size))
        sides.append([name for name, n in zip(names, counts.tolist(), strict=True) for _ in range(n)])
    return sides[0], sides[1]


def steps(case: Case) -> tuple[list[float], list[float]]:
    """Return, for each usable number, the number of the cell it falls into on the grid of `ks`."""
    before, now = (np.repeat(np.arange(c.size, dtype=float), c) for c in (a.cells(50)[0] for a in accumulators(case)))
    return before.tolist(), now.tolist()


def means(case: Case) -> tuple[list[float], list[float]]:
    """Return each usable number drawn to the mean of its side's values in its grid cell, as `wasserstein` has them."""
    sides = []
    for accumulator in accumulators(case):
        counts, sums = accumulator.counts[0], accumulator.sums[0]
        sides.append(np.repeat(sums / np.maximum(counts, 1), counts).tolist())
    return sides[0], sides[1]
