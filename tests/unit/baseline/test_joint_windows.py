"""How rows of windows correlate, for groups of fields: found where windows differ, absent where they do not."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from monitor.accumulators import ComomentSpec, FourierSpec
from monitor.baseline import Baseline, BaselineBuilder, NumberGroup, view_of
from monitor.types import Batch, Column, TopicPartition
from tests.support.groups import columns_of

PAIR = NumberGroup("pair", ("x", "y"), 64)
COMOMENT = ComomentSpec(group="pair", fields=("x", "y"))
FOURIER = FourierSpec(group="pair", fields=("x", "y"), features=64)


def build(windows: int, rows: int, shared: float, seed: int = 1) -> Baseline:
    """Return the baseline of windows whose rows share a normal move of x and y each, of that standard deviation."""
    rng = np.random.default_rng(seed)
    moves = np.repeat(rng.normal(0, shared, (windows, 2)), rows, axis=0)
    x, y = columns_of(rng.standard_normal((windows * rows, 2)) + moves)
    n = windows * rows
    names = Column(pa.array(np.where(np.arange(n) % 2, "a", "b")), np.zeros(n, np.uint8))
    builder = BaselineBuilder(
        {"x": "number", "y": "number", "k": "category"},
        [("k", 2, None)],
        max_categories=10,
        max_rows=10**6,
        window_ms=1_000,
        groups=[PAIR],
    )
    times = np.repeat(np.arange(windows, dtype=np.int64) * 1_000, rows)
    offsets = np.arange(n, dtype=np.int64)
    builder.add(Batch(TopicPartition("t", 0), offsets, times, times, {"x": x, "y": y, "k": names}))
    return builder.build()


def test_independent_rows_have_a_correlation_of_about_0():
    found = view_of(build(60, 200, 0.0)).rho
    assert max(found[COMOMENT].max(), found[FOURIER].max()) < 0.003


def test_rows_that_share_a_move_are_correlated_by_its_share_of_the_variance():
    shared = 0.25
    found = build(150, 200, shared).correlation.estimates
    expected = shared**2 / (1 + shared**2)
    assert found[COMOMENT].rho[0] == pytest.approx(expected, rel=0.35)
    assert expected / 4 < found[FOURIER].rho[0] < expected
    assert found[COMOMENT].rho[1:] == pytest.approx(expected, rel=0.5)
    assert (found[COMOMENT].cautious >= found[COMOMENT].rho).all()


def test_it_is_part_of_the_content_and_survives_it():
    baseline = build(20, 50, 0.1)
    again = Baseline.of_content(json.loads(json.dumps(baseline.content)))
    assert again.version == baseline.version
    np.testing.assert_allclose(view_of(again).rho[COMOMENT], view_of(baseline).rho[COMOMENT], rtol=1e-5)


def test_of_few_windows_nothing_is_said():
    assert not {COMOMENT, FOURIER} & view_of(build(9, 50, 0.5)).rho.keys()
