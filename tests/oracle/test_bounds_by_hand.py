"""Bounds and p-values against the same law written a second time, without its tables."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detectors import ChiSquaredSpec, HellingerSpec, JensenShannonSpec, PsiSpec
from tests.support.cells import FixedCells
from tests.support.drift_by_hand import Pair

SPECS = {spec.kind: spec for spec in (PsiSpec(), JensenShannonSpec(), HellingerSpec(), ChiSquaredSpec())}


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize(("rows", "cells"), [(60, 10), (400, 40), (30_000, 10), (500, 2)])
def test_bound_and_p_value_are_those_of_the_law(kind, rows, cells):
    rng = np.random.default_rng([rows, cells])
    for _ in range(8):
        before = rng.multinomial(20_000, rng.dirichlet(np.ones(cells)))
        alike = rng.random() < 0.4
        now = rng.multinomial(rows, rng.dirichlet(before + 1.0 if alike else np.ones(cells)))
        pair = Pair(before, now)
        score = SPECS[kind].build().compare(FixedCells.of(before), FixedCells.of(now))
        assert score.lower_bound[0] == pytest.approx(pair.bounds()[kind], rel=5e-3, abs=1e-4)
        assert score.p_value[0] == pytest.approx(pair.p_values()[kind], abs=3e-3)
