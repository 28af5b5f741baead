"""Correlations that were estimated apart, as one."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.baseline.correlation import Correlated, estimate
from monitor.baseline.pooling import pooled


def counts(rng, windows, rho, n=400, cells=5):
    """Return the counts of windows whose rows are correlated."""
    strength = (1 - rho) / rho
    shares = rng.dirichlet(np.full(cells, strength / cells), windows)
    return np.array([rng.multinomial(n, share) for share in shares])[:, None, :]


def test_of_one_part_it_is_that_part():
    part = estimate(counts(np.random.default_rng(1), 20, 0.05))
    assert pooled([part]) is part


def test_parts_of_one_correlation_are_nearer_to_it_together():
    rng = np.random.default_rng(2)
    parts = [estimate(counts(rng, 12, 0.05)) for _ in range(24)]
    together = pooled(parts)
    assert together.rho[0] == pytest.approx(0.05, rel=0.35)
    assert together.windows[0] == 24 * 12
    assert together.error[0] < min(part.error[0] for part in parts)
    assert together.rho[0] < together.cautious[0] < np.mean([part.cautious[0] for part in parts])


def test_what_knows_nothing_has_no_weight():
    known = estimate(counts(np.random.default_rng(3), 20, 0.05))
    unknown = Correlated(np.zeros(1), np.full(1, np.nan), np.array([3]), np.zeros(1))
    together = pooled([unknown, known])
    assert together.rho[0] == pytest.approx(known.rho[0])
    assert together.windows[0] == 20
    assert not pooled([unknown, unknown]).known[0]
