"""The quantile of counted cells against numpy's, and that it is the same however the rows came."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.accumulators.log_cells import LogCellsSpec
from monitor.types import Column, Groups


def counted(values):
    cells = LogCellsSpec(field="f").build(None, 1)
    cells.update(Column(np.asarray(values, np.float64), np.zeros(len(values), np.uint8)), Groups())
    return cells


@pytest.mark.parametrize("share", [0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("draw", ["lognormal", "normal", "exponential", "standard_cauchy"])
def test_a_quantile_is_within_one_percent(draw, share):
    values = getattr(np.random.default_rng(3), draw)(size=5_001) * 1000
    # The rank is floor(share * n), so the value is that order statistic or a neighbour of equal cell.
    ordered = np.sort(values)
    exact = ordered[min(int(np.floor(share * values.size)), values.size - 1)]
    assert counted(values).quantile(share) == pytest.approx(exact, rel=0.0101)


def test_zeros_tiny_and_huge_values_have_cells_of_their_own():
    assert counted([0.0, 1e-200, -1e-200]).quantile(0.5) == 0.0
    assert counted([1e300]).quantile(0.5) == pytest.approx(1e18, rel=0.03)
    assert counted([-5.0, -5.0, 7.0]).quantile(0.5) == pytest.approx(-5.0, rel=0.01)
    assert np.isnan(counted([]).quantile(0.5))
