"""What the detectors promise of their bounds and noise floors, held against simulated windows.

Each simulated window is a group, so a thousand of them are one call.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from monitor.detectors import (
    ChiSquaredSpec,
    HellingerSpec,
    InvalidSpec,
    JensenShannonSpec,
    KolmogorovSmirnovSpec,
    KullbackLeiblerSpec,
    MissingSpec,
    PsiSpec,
    TotalVariationSpec,
    WassersteinSpec,
)
from monitor.policy.threshold import levels
from monitor.types import Level
from tests.support.cells import FixedCells

WINDOWS = 2000
FLAT = np.full(10, 0.1)
TILTED = np.array([0.16, 0.13, 0.11, 0.1, 0.1, 0.1, 0.09, 0.09, 0.07, 0.05])
ON_CELLS = [
    PsiSpec(),
    KullbackLeiblerSpec(),
    JensenShannonSpec(),
    HellingerSpec(),
    ChiSquaredSpec(),
    TotalVariationSpec(),
    KolmogorovSmirnovSpec(),
    WassersteinSpec(),
]


def simulated(shares, rows, seed, windows=WINDOWS):
    return FixedCells(np.random.default_rng(seed).multinomial(rows, shares, windows))


def true_effect(kind, p, q):
    middle = (p + q) / 2
    below = np.abs(np.cumsum(q - p))
    return {
        "psi": special.rel_entr(p, q).sum() + special.rel_entr(q, p).sum(),
        "kl": special.rel_entr(q, p).sum(),
        "js": (special.rel_entr(p, middle).sum() + special.rel_entr(q, middle).sum()) / (2 * np.log(2)),
        "hellinger": np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2),
        "chi2": np.sqrt(((p - q) ** 2 / (p + q)).sum() / 2),
        "tv": np.abs(p - q).sum() / 2,
        "ks": below.max(),
        "wasserstein": below.sum() / 5,  # the interquartile range of ten flat cells one apart
    }[kind]


@pytest.mark.parametrize("rows", [200, 1000, 5000])
def test_the_bound_of_psi_covers_the_true_psi_in_about_95_of_100_windows(rows):
    score = PsiSpec().build().compare(simulated(FLAT, 20_000, 1), simulated(TILTED, rows, 2))
    coverage = np.mean(score.lower_bound <= true_effect("psi", FLAT, TILTED))
    assert 0.93 <= coverage <= 0.975


@pytest.mark.parametrize("spec", ON_CELLS, ids=lambda spec: spec.kind)
@pytest.mark.parametrize("rows", [300, 3000])
def test_every_bound_covers_the_true_effect(spec, rows):
    score = spec.build().compare(simulated(FLAT, 20_000, 3), simulated(TILTED, rows, 4))
    assert np.mean(score.lower_bound <= true_effect(spec.kind, FLAT, TILTED)) >= 0.93


@pytest.mark.parametrize("spec", ON_CELLS, ids=lambda spec: spec.kind)
def test_every_bound_approaches_the_true_effect_as_rows_grow(spec):
    score = spec.build().compare(simulated(FLAT, 10**8, 5, 20), simulated(TILTED, 10**8, 6, 20))
    effect = true_effect(spec.kind, FLAT, TILTED)
    if spec.kind == "wasserstein":  # its bound leaves out the open ends
        effect = np.trapezoid(np.abs(np.cumsum(TILTED - FLAT))[:-1]) / 5
    assert score.lower_bound == pytest.approx(effect, rel=0.02)


@pytest.mark.parametrize("spec", ON_CELLS, ids=lambda spec: spec.kind)
def test_the_noise_floor_is_the_mean_score_without_drift(spec):
    score = spec.build().compare(simulated(FLAT, 20_000, 7), simulated(FLAT, 500, 8))
    loose = 0.3 if spec.kind == "ks" else 0.06  # ten cells hide a part of the Kolmogorov distance
    assert score.noise_floor.mean() == pytest.approx(score.score.mean(), rel=loose)


@pytest.mark.parametrize("spec", ON_CELLS, ids=lambda spec: spec.kind)
@pytest.mark.parametrize("rows", [60, 100, 500])
def test_without_drift_hardly_any_window_has_a_level(spec, rows):
    score = spec.build().compare(simulated(FLAT, 5000, 9), simulated(FLAT, rows, 10))
    found, _ = levels(score, spec)
    assert np.mean(found >= Level.WARNING) <= 0.01


def test_without_drift_the_raw_psi_of_small_windows_is_mostly_noise():
    """Why `level_on: bound` is the default: at 100 rows a third of quiet windows exceed 0.1."""
    spec = PsiSpec(level_on="raw")
    score = spec.build().compare(simulated(FLAT, 10_000, 11), simulated(FLAT, 100, 12))
    found, _ = levels(score, spec)
    assert 0.25 <= np.mean(found >= Level.WARNING) <= 0.4


@pytest.mark.parametrize(
    "spec",
    [PsiSpec(), KullbackLeiblerSpec(), JensenShannonSpec(), HellingerSpec(), ChiSquaredSpec()],
    ids=lambda spec: spec.kind,
)
@pytest.mark.parametrize("cells", [10, 12])
def test_p_values_are_uniform_without_drift(spec, cells):
    """With twelve cells two are always empty, as unseen and other are."""
    shares = np.concatenate((FLAT, np.zeros(cells - 10)))
    score = spec.build().compare(simulated(shares, 100_000, 13), simulated(shares, 500, 14))
    for level in (0.05, 0.2, 0.5):
        assert np.mean(score.p_value < level) == pytest.approx(level, abs=0.035)


def test_p_values_stay_uniform_when_rows_of_a_window_are_correlated():
    """A window's own shares scatter as a Dirichlet: the correlation of two of its rows is 1/(a + 1)."""
    rng = np.random.default_rng(15)
    rows, rho = 2000, 0.005
    own = rng.dirichlet(FLAT * (1 / rho - 1), WINDOWS)
    current = FixedCells(np.array([rng.multinomial(rows, shares) for shares in own]))
    baseline = simulated(FLAT, 10**7, 16)
    naive = PsiSpec().build().compare(baseline, current)
    aware = PsiSpec(rho=rho).build().compare(baseline, current)
    assert np.mean(naive.p_value < 0.05) > 0.9
    assert np.mean(aware.p_value < 0.05) == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize(("before", "now"), [(0.0, 0.0), (0.01, 0.01), (0.3, 0.3), (0.02, 0.1), (0.5, 0.1)])
def test_the_bound_of_missing_covers_the_true_change(before, now):
    rng = np.random.default_rng(17)

    def rows_by_presence(share, rows):
        counts = np.zeros((WINDOWS, 7), np.int64)
        counts[:, 2] = rng.binomial(rows, share, WINDOWS)
        counts[:, 0] = rows - counts[:, 2]
        return FixedCells(counts)

    score = MissingSpec().build().compare(rows_by_presence(before, 5000), rows_by_presence(now, 200))
    assert np.mean(score.lower_bound <= abs(now - before) + 1e-12) >= 0.94


def test_invalid_rows_are_not_missing_rows():
    baseline, current = FixedCells.of([1000, 0, 0, 0, 0, 0, 0]), FixedCells.of([700, 0, 0, 100, 50, 25, 125])
    assert MissingSpec().build().compare(baseline, current).score[0] == 0
    assert InvalidSpec().build().compare(baseline, current).score[0] == pytest.approx(0.3)
