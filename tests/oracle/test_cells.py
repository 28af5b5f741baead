"""The cells of numbers and categories against decision 0003 written out a second time."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from monitor.accumulators.categories import CategoriesSpec
from monitor.accumulators.frame import Frame
from monitor.accumulators.histogram import HistogramSpec
from monitor.types import Column, Groups
from tests.support.drift_by_hand import CategoryRuler, NumberRuler

RNG = np.random.default_rng(20250701)
KINDS = {
    "smooth": lambda n: RNG.normal(size=n),
    "many zeros": lambda n: RNG.poisson(0.5, n) * 1.0,
    "ties": lambda n: np.round(RNG.normal(size=n) * RNG.integers(1, 20)),
    "three values": lambda n: RNG.integers(0, 3, n) * 1.0,
}


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_fall_into_the_cells_of_the_decision(kind):
    merged = 0
    for _ in range(200):
        baseline = KINDS[kind](RNG.integers(1, 300))
        current = np.concatenate((baseline, RNG.normal(size=50) * 3))
        ruler = NumberRuler(baseline)
        merged += ruler.merged
        histogram = HistogramSpec(field="x").build(Frame.of_numbers(baseline), 1)
        histogram.update(Column(current, np.zeros(current.size, np.uint8)), Groups())
        for buckets in (10, 50):
            assert histogram.cells(buckets)[0].tolist() == ruler.cells(current, buckets).tolist()
    assert merged


def test_categories_fall_into_the_cells_of_the_decision():
    for _ in range(50):
        baseline = RNG.zipf(1.4, RNG.integers(1, 2000)).clip(max=500).astype(str)
        current = RNG.zipf(1.3, 500).clip(max=900).astype(str)
        frame = Frame.of_categories(pa.array(baseline, pa.string()), max_categories=20)
        counts = CategoriesSpec(field="x").build(frame, 1)
        counts.update(Column(pa.array(current, pa.string()), np.zeros(current.size, np.uint8)), Groups())
        ruler = CategoryRuler(Counter(baseline.tolist()), 20)
        assert counts.cells()[0].tolist() == ruler.cells(Counter(current.tolist())).tolist()
