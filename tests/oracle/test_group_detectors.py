"""Detectors of groups against numpy and scipy, their false alarms by simulation, and what they find."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import distance

from monitor.accumulators import GroupFrame
from monitor.baseline.groups import KEPT_SHARE
from monitor.detectors.correlation import CorrelationSpec
from monitor.detectors.hotelling import HotellingSpec
from monitor.detectors.mmd import MmdSpec
from monitor.detectors.spe import SpeSpec
from tests.support.groups import compared, folded, frame_of, names

SPECS = (HotellingSpec(), SpeSpec(), CorrelationSpec(), MmdSpec())
each_detector = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)


def mixed(n: int, d: int, seed: int, heavy: bool = False) -> np.ndarray:
    """Return correlated rows, normal or t with 3 degrees of freedom."""
    turn = np.eye(d) + 0.4 * np.random.default_rng(99).standard_normal((d, d)) / np.sqrt(d)
    rng = np.random.default_rng(seed)
    return (rng.standard_t(3, (n, d)) if heavy else rng.standard_normal((n, d))) @ turn.T


def plain(kind: str, before: np.ndarray, now: np.ndarray) -> tuple:
    """Return accumulators on a frame that leaves values as they are."""
    frame = GroupFrame.plain(names(before.shape[1]), 64)
    return folded(kind, frame, before), folded(kind, frame, now)


def test_the_frame_standardises_to_mean_0_and_variance_1_within_the_limits():
    rows = mixed(5_000, 4, 1, heavy=True) * [1, 10, 1e-6, 1e9] + [0, 5, 1, -1e12]
    frame = frame_of(rows)
    low, high = np.quantile(rows, [0.001, 0.999], axis=0)
    np.testing.assert_allclose((frame.low, frame.high), (low, high), rtol=1e-9)
    limited = np.clip(rows, low, high)
    np.testing.assert_allclose(frame.centre, limited.mean(axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(frame.scale, limited.std(axis=0), rtol=1e-6)


def test_the_residual_basis_is_that_of_the_correlation_matrix():
    rows = mixed(3_000, 6, 2)
    frame = frame_of(rows)
    standard = (np.clip(rows, frame.low, frame.high) - frame.centre) / frame.scale
    values, vectors = np.linalg.eigh(np.cov(standard.T, bias=True))
    shares = np.cumsum(values[::-1]) / values.sum()
    left = 6 - (int(np.searchsorted(shares, KEPT_SHARE)) + 1)
    assert frame.residual.shape == (6, left)
    np.testing.assert_allclose(frame.residual @ frame.residual.T, vectors[:, :left] @ vectors[:, :left].T, atol=1e-9)
    whole = folded("comoment", frame, rows)
    kept = vectors[:, left:]
    reconstructed = standard @ kept @ kept.T
    spe = np.square(standard - reconstructed).sum(axis=1)
    assert whole.spe[0] == pytest.approx(spe.mean(), rel=1e-9)
    assert whole.spe_variance[0] == pytest.approx(spe.var(ddof=1), rel=1e-9)


def test_hotelling_is_the_mahalanobis_distance_and_its_law_that_of_f():
    before, now = mixed(4_000, 3, 3), mixed(300, 3, 4) + np.array([0.05, 0, 0])
    score = HotellingSpec().build().compare(*plain("comoment", before, now))
    difference = now.mean(axis=0) - before.mean(axis=0)
    expected = np.sqrt(difference @ np.linalg.inv(np.cov(before.T)) @ difference)
    assert score.score[0] == pytest.approx(expected, rel=1e-9)
    t2 = expected**2 / (1 / 4_000 + 1 / 300)
    assert score.p_value[0] == pytest.approx(stats.f.sf(t2 * 3_997 / (3 * 3_999), 3, 3_997), rel=0.25)
    terms = difference * (np.linalg.inv(np.cov(before.T)) @ difference)
    np.testing.assert_allclose(np.abs(score.contributions[0]), np.abs(terms), rtol=1e-9)
    assert score.noise_floor[0] == pytest.approx(np.sqrt((1 / 4_000 + 1 / 300) * 3) * 0.92, rel=0.05)


def test_spe_is_the_ratio_of_the_mean_squared_residuals():
    before = mixed(4_000, 5, 5)
    now = mixed(500, 5, 6)
    now[:, 0] = np.random.default_rng(1).permutation(now[:, 0])
    frame = frame_of(before)
    base, current = folded("comoment", frame, before), folded("comoment", frame, now)
    score = SpeSpec().build().compare(base, current)
    ratio = current.spe[0] / (base.spe[0] * (1 + frame.optimism))
    assert score.score[0] == pytest.approx(abs(ratio - 1), rel=1e-4)
    change = current.spe[0] - base.spe[0]
    assert score.contributions[0].sum() == pytest.approx(change, rel=1e-9)
    assert score.direction[0] == np.sign(change)


def test_correlation_is_the_largest_difference_of_fishers_z():
    before, now = mixed(4_000, 4, 7), mixed(400, 4, 8)
    now[:, 2] += now[:, 0]
    score = CorrelationSpec().build().compare(*plain("comoment", before, now))
    upper = np.triu_indices(4, 1)
    expected = np.arctanh(np.corrcoef(now.T)[upper]) - np.arctanh(np.corrcoef(before.T)[upper])
    np.testing.assert_allclose(score.contributions[0], expected, rtol=1e-9, atol=1e-12)
    assert score.score[0] == pytest.approx(np.abs(expected).max())
    assert score.direction[0] == np.sign(expected[np.abs(expected).argmax()])
    error = np.sqrt(1 / 397 + 1 / 3_997)
    p = 2 * stats.t.sf(np.abs(expected).max() / error, 1 / error**2)
    assert score.p_value[0] == pytest.approx(1 - (1 - p) ** 6, rel=1e-6)


def test_mmd_is_the_unbiased_statistic_of_the_features_and_near_that_of_the_kernel():
    before, now = mixed(700, 3, 9), mixed(500, 3, 10) + np.array([0.8, 0, 0])
    frame = frame_of(before, 1_024)
    score = MmdSpec(features=1_024).build().compare(folded("fourier", frame, before), folded("fourier", frame, now))
    x, y = ((np.clip(rows, frame.low, frame.high) - frame.centre) / frame.scale for rows in (before, now))

    def unbiased(xx, yy, xy):
        m, n = len(xx), len(yy)
        return (xx.sum() - m) / (m * (m - 1)) + (yy.sum() - n) / (n * (n - 1)) - 2 * xy.mean()

    u, v = frame.fourier(x), frame.fourier(y)
    assert score.score[0] ** 2 == pytest.approx(unbiased(u @ u.T, v @ v.T, u @ v.T), rel=1e-4)

    def kernel(a, b):
        return np.exp(-np.square(distance.cdist(a, b)) / (2 * frame.bandwidth**2))

    exact = unbiased(kernel(x, x), kernel(y, y), kernel(x, y))
    assert score.score[0] == pytest.approx(np.sqrt(exact), rel=0.15)
    assert score.p_value[0] < 1e-6


@pytest.mark.parametrize("heavy", [False, True], ids=["normal", "t3"])
def test_without_drift_the_bound_is_above_0_in_about_5_percent_of_windows(heavy):
    """A simulation with 6 baselines of 3000 rows and 300 windows of 200; three standard errors are 4 %."""
    exceeded = dict.fromkeys((spec.kind for spec in SPECS), 0)
    small = dict(exceeded)
    for seed in range(6):
        before = mixed(3_000, 5, seed, heavy)
        frame = frame_of(before, 256)
        bases = {kind: folded(kind, frame, before) for kind in ("comoment", "fourier")}
        for window in range(50):
            now = mixed(200, 5, 1_000 + 50 * seed + window, heavy)
            for spec in SPECS:
                kind = "fourier" if spec.kind == "mmd" else "comoment"
                score = spec.build().compare(bases[kind], folded(kind, frame, now))
                exceeded[spec.kind] += int(score.lower_bound[0] > 0)
                small[spec.kind] += int(score.p_value[0] < 0.05)
    assert {kind: n / 300 for kind, n in exceeded.items() if n / 300 > 0.09} == {}
    assert exceeded == small


def test_correlated_rows_widen_the_noise():
    before, now = mixed(5_000, 3, 1), mixed(500, 3, 2) + 0.2
    for spec in SPECS:
        alone, together = compared(spec, before, now), compared(spec, before, now, rho=0.02)
        assert together.lower_bound[0] <= alone.lower_bound[0]
        assert together.noise_floor[0] > 2 * alone.noise_floor[0]
        assert together.score[0] == pytest.approx(alone.score[0], abs=0.1)


def test_a_changed_relation_with_equal_marginals_is_found():
    rng = np.random.default_rng(5)
    before = rng.standard_normal((5_000, 3))
    now = rng.standard_normal((1_000, 3))
    now[:, 2] = 0.6 * now[:, 0] + 0.8 * now[:, 2]
    assert compared(CorrelationSpec(), before, now).lower_bound[0] > 0.5
    assert compared(MmdSpec(), before, now).lower_bound[0] > 0.05
    assert compared(HotellingSpec(), before, now).lower_bound[0] < 0.1


def test_a_broken_relation_is_found_by_spe_and_named():
    rng = np.random.default_rng(6)
    first = rng.gamma(2.0, 3.0, 6_000)
    rows = np.column_stack([first, 2 * first + rng.normal(0, 0.3, 6_000), rng.normal(0, 1, 6_000)])
    before, now = rows[:5_000], rows[5_000:].copy()
    now[:, 1] = rng.permutation(now[:, 1])
    score = compared(SpeSpec(), before, now)
    assert score.lower_bound[0] > 10
    assert score.direction[0] == 1
    assert np.abs(score.contributions[0])[:2].min() > 5 * abs(score.contributions[0][2])
    assert compared(SpeSpec(), before, rows[5_000:]).lower_bound[0] < 0.25


def test_a_small_move_of_the_means_across_the_relation_is_found_by_hotelling():
    """Each field moves by a tenth of its spread, but against each other."""
    rng = np.random.default_rng(7)
    common = rng.standard_normal(11_000)
    rows = np.column_stack([common + 0.1 * rng.standard_normal(11_000), common + 0.1 * rng.standard_normal(11_000)])
    before, now = rows[:10_000], rows[10_000:] + np.array([0.05, -0.05])
    score = compared(HotellingSpec(), before, now)
    assert score.lower_bound[0] > 0.5
    assert score.contributions[0][0] > 0 > score.contributions[0][1]
