"""The detectors against scipy and against their formulas written out in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special, stats
from scipy.spatial import distance

from monitor.accumulators.frame import Frame
from monitor.detectors import (
    ChiSquaredSpec,
    HellingerSpec,
    JensenShannonSpec,
    KolmogorovSmirnovSpec,
    KullbackLeiblerSpec,
    MissingSpec,
    PsiSpec,
    TotalVariationSpec,
    WassersteinSpec,
)
from tests.support.cells import FixedCells, histogram_of

RNG = np.random.default_rng(20240601)
TABLES = [
    (RNG.multinomial(m, RNG.dirichlet(np.ones(b))), RNG.multinomial(n, RNG.dirichlet(np.ones(b))))
    for b, m, n in [(2, 1000, 60), (5, 5000, 5000), (10, 10_000, 500), (20, 400, 3000), (52, 100_000, 1000)]
]
SAMPLES = {
    "normal, shifted": (RNG.normal(size=5000), RNG.normal(0.3, 1, 700)),
    "normal, wider": (RNG.normal(size=2000), RNG.normal(0, 2, 3000)),
    "heavy tails": (RNG.standard_cauchy(4000), 1 + RNG.standard_cauchy(400)),
    "many zeros": (RNG.poisson(0.2, 3000) * 1.0, RNG.poisson(0.5, 500) * 1.0),
    "disjoint": (RNG.uniform(0, 1, 1000), RNG.uniform(5, 6, 1000)),
    "all below": (RNG.uniform(0, 1, 1000), RNG.uniform(-6, -5, 100)),
    "one value": (np.full(300, 7.0), np.full(200, 9.0)),
    "alike": (RNG.exponential(size=2000), RNG.exponential(size=2000)),
}


@pytest.mark.parametrize(("baseline", "current"), TABLES)
def test_psi_is_the_sum_over_smoothed_cells(baseline, current):
    score = PsiSpec().build().compare(FixedCells.of(baseline), FixedCells.of(current))
    b = len(baseline)
    p = (baseline + 0.5) / (baseline.sum() + 0.5 * b)
    q = (current + 0.5) / (current.sum() + 0.5 * b)
    assert score.score[0] == pytest.approx(sum((qi - pi) * np.log(qi / pi) for pi, qi in zip(p, q, strict=True)))
    assert score.score[0] == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p))
    assert score.contributions is not None
    assert np.abs(score.contributions[0]).sum() == pytest.approx(score.score[0])
    assert (np.sign(score.contributions[0]) == np.sign(q - p)).all()


@pytest.mark.parametrize("n", [400, 2000, 200_000])
def test_psi_noise_p_value_and_bound_are_those_of_the_noncentral_chi_squared(n):
    """With many rows in every cell the law of small cells (test_chance.py) is the plain one, to the order of 1/λ."""
    baseline = np.full(10, 1000)
    current = np.round(n * np.array([0.15, 0.05, 0.1, 0.12, 0.08, 0.1, 0.1, 0.1, 0.13, 0.07])).astype(int)
    score = PsiSpec().build().compare(FixedCells.of(baseline), FixedCells.of(current))
    noise = 1 / 10_000 + 1 / n
    x = score.score[0] / noise
    assert score.noise_floor[0] == pytest.approx(9 * noise)
    rest = 3 / min(n / 10, 1000)
    assert score.p_value[0] == pytest.approx(stats.chi2.sf(x, 9), rel=50 * rest, abs=1e-9)
    nc = optimize.brentq(lambda nc: stats.ncx2.sf(x, 9, nc) - 0.05, 1e-9, 2 * x, xtol=1e-12)
    assert score.lower_bound[0] == pytest.approx(noise * nc, rel=rest)


def test_psi_bound_beyond_the_exact_range_continues_it():
    small, large = (
        PsiSpec().build().compare(FixedCells.of([k, k, k]), FixedCells.of([k // 2, k, k + k // 2]))
        for k in (3_500_000, 4_500_000)
    )
    below, above = (s.score[0] / (2 * (1 / s.n_current[0])) for s in (small, large))
    assert below < 1e6 < above
    assert large.lower_bound[0] / large.score[0] == pytest.approx(small.lower_bound[0] / small.score[0], rel=1e-3)
    exact = special.chndtrinc(above, 2.0, 0.95)
    assert large.lower_bound[0] * large.n_current[0] / 2 == pytest.approx(exact, rel=1e-5)


def test_psi_ignores_the_noise_of_cells_that_are_empty_on_both_sides():
    """Categories have cells for unseen and other, which are mostly empty; they must not look like drift."""
    with_empty = PsiSpec().build().compare(FixedCells.of([500, 500, 0, 0]), FixedCells.of([50, 50, 0, 0]))
    noise = 1 / 1000 + 1 / 100
    assert with_empty.score[0] > 0
    assert with_empty.lower_bound[0] == 0
    assert with_empty.noise_floor[0] > noise
    assert with_empty.p_value[0] > 0.5


def test_psi_with_correlated_rows_has_fewer_effective_rows():
    plain = PsiSpec().build().compare(FixedCells.of([5000, 5000]), FixedCells.of([600, 400]))
    correlated = PsiSpec(rho=0.01).build().compare(FixedCells.of([5000, 5000]), FixedCells.of([600, 400]))
    assert correlated.score == plain.score
    assert correlated.noise_floor[0] == pytest.approx(plain.noise_floor[0] * (1 + 999 * 0.01))
    assert correlated.lower_bound[0] < plain.lower_bound[0]


@pytest.mark.parametrize(("baseline", "current"), TABLES)
def test_kl_is_scipys_relative_entropy_of_smoothed_shares(baseline, current):
    score = KullbackLeiblerSpec().build().compare(FixedCells.of(baseline), FixedCells.of(current))
    assert score.score[0] == pytest.approx(stats.entropy(current + 0.5, baseline + 0.5))
    assert score.contributions is not None
    assert score.contributions[0].sum() == pytest.approx(score.score[0])


@pytest.mark.parametrize(("baseline", "current"), TABLES)
def test_js_is_the_square_of_scipys_distance(baseline, current):
    score = JensenShannonSpec().build().compare(FixedCells.of(baseline), FixedCells.of(current))
    assert score.score[0] == pytest.approx(distance.jensenshannon(baseline, current, base=2) ** 2)


@pytest.mark.parametrize(("baseline", "current"), TABLES)
def test_hellinger_is_one_minus_the_affinity(baseline, current):
    score = HellingerSpec().build().compare(FixedCells.of(baseline), FixedCells.of(current))
    affinity = np.sqrt(baseline / baseline.sum() * current / current.sum()).sum()
    assert score.score[0] == pytest.approx(np.sqrt(1 - affinity))


@pytest.mark.parametrize(("baseline", "current"), TABLES)
def test_tv_is_half_the_city_block_distance(baseline, current):
    score = TotalVariationSpec().build().compare(FixedCells.of(baseline), FixedCells.of(current))
    expected = distance.cityblock(baseline / baseline.sum(), current / current.sum()) / 2
    assert score.score[0] == pytest.approx(expected)
    b, noise = len(baseline), 1 / baseline.sum() + 1 / current.sum()
    bound = expected - np.sqrt((b - 1) * noise) / 2 - np.sqrt(noise * np.log(20) / 2)
    assert score.lower_bound[0] == pytest.approx(max(0, bound))


@pytest.mark.parametrize(("baseline", "current"), TABLES)
def test_chi2_p_value_is_that_of_scipys_contingency_test(baseline, current):
    score = ChiSquaredSpec().build().compare(FixedCells.of(baseline), FixedCells.of(current))
    table = np.array([baseline, current])
    expected = stats.chi2_contingency(table[:, table.sum(axis=0) > 0], correction=False)
    assert score.p_value[0] == pytest.approx(expected.pvalue, rel=1e-6)


def test_chi2_score_is_cramers_v_when_both_sides_have_as_many_rows():
    table = np.array([RNG.multinomial(900, p) for p in ([0.2, 0.3, 0.5, 0.0], [0.3, 0.3, 0.3, 0.1])])
    score = ChiSquaredSpec().build().compare(FixedCells.of(table[0]), FixedCells.of(table[1]))
    assert score.score[0] == pytest.approx(stats.contingency.association(table, method="cramer"))


def test_chi2_score_does_not_shrink_with_a_larger_baseline():
    scores = [
        ChiSquaredSpec().build().compare(FixedCells.of([5 * k, 5 * k]), FixedCells.of([600, 400])).score[0]
        for k in (100, 10_000)
    ]
    assert scores[0] == pytest.approx(scores[1])


@pytest.mark.parametrize("name", SAMPLES)
def test_ks_is_scipys_on_data_snapped_to_the_grid(name):
    baseline, current = SAMPLES[name]
    frame = Frame.of_numbers(baseline)
    score = KolmogorovSmirnovSpec().build().compare(histogram_of(baseline, frame), histogram_of(current, frame))
    edges = frame.edges(50)
    snapped = [np.searchsorted(edges, x, side="right") for x in (baseline, current)]
    expected = stats.ks_2samp(*snapped, method="asymp").statistic
    assert score.score[0] == pytest.approx(expected, abs=1e-12)
    effective = len(baseline) * len(current) / (len(baseline) + len(current))
    assert score.p_value[0] == pytest.approx(stats.kstwobign.sf(expected * np.sqrt(effective)), rel=1e-9, abs=1e-300)
    exact = stats.ks_2samp(baseline, current, method="asymp").statistic
    heaviest = max(np.bincount(x).max() / len(x) for x in snapped)
    assert expected <= exact + 1e-12
    assert exact <= expected + heaviest + 1e-12


def test_ks_noise_floor_is_the_mean_under_no_drift():
    n, m, groups = 400, 4000, 4000
    flat = np.full(50, 1 / 50)
    rng = np.random.default_rng(5)
    score = (
        KolmogorovSmirnovSpec()
        .build()
        .compare(FixedCells(rng.multinomial(m, flat, groups)), FixedCells(rng.multinomial(n, flat, groups)))
    )
    assert score.noise_floor[0] == pytest.approx(stats.kstwobign.mean() * np.sqrt(1 / n + 1 / m))
    assert 0.85 * score.noise_floor[0] < score.score.mean() < score.noise_floor[0]


@pytest.mark.parametrize("name", SAMPLES)
def test_wasserstein_is_scipys_on_the_means_of_the_cells(name):
    baseline, current = SAMPLES[name]
    frame = Frame.of_numbers(baseline)
    score = WassersteinSpec().build().compare(histogram_of(baseline, frame), histogram_of(current, frame))

    def snapped(values):
        cells = np.searchsorted(frame.grid, values, side="right")
        sums, counts = np.bincount(cells, values), np.maximum(np.bincount(cells), 1)
        return (sums / counts)[cells]

    before, now = snapped(baseline), snapped(current)
    low, high = np.quantile(before, [0.25, 0.75], method="inverted_cdf")
    far_low, far_high = np.quantile(before, [0.05, 0.95], method="inverted_cdf")
    spread = (high - low) or (far_high - far_low) or np.ptp(before) or 1.0
    assert score.score[0] == pytest.approx(stats.wasserstein_distance(before, now) / spread, rel=1e-9)


@pytest.mark.parametrize("shift", [-3.0, -0.2, 0.05, 0.5, 100.0])
def test_wasserstein_of_a_shifted_sample_is_the_shift_in_interquartile_ranges(shift):
    baseline = np.random.default_rng(2).normal(10, 2, 20_000)
    frame = Frame.of_numbers(baseline)
    score = WassersteinSpec().build().compare(histogram_of(baseline, frame), histogram_of(baseline + shift, frame))
    assert score.score[0] == pytest.approx(abs(shift) / stats.iqr(baseline), rel=0.02, abs=0.002)
    assert 0 <= score.lower_bound[0] < score.score[0]


@pytest.mark.parametrize(("bad", "n", "bad_before", "m"), [(0, 100, 0, 1000), (30, 100, 10, 1000), (100, 100, 0, 50)])
def test_missing_bound_is_the_near_end_of_newcombes_interval(bad, n, bad_before, m):
    score = (
        MissingSpec()
        .build()
        .compare(
            FixedCells.of([m - bad_before, 0, bad_before, 0, 0, 0, 0]), FixedCells.of([n - bad, 0, bad, 0, 0, 0, 0])
        )
    )
    q, p = bad / n, bad_before / m
    assert score.score[0] == pytest.approx(abs(q - p))
    now = stats.binomtest(bad, n).proportion_ci(method="wilson")
    before = stats.binomtest(bad_before, m).proportion_ci(method="wilson")
    expected = (q - p) - np.sqrt((q - now.low) ** 2 + (before.high - p) ** 2)
    assert score.lower_bound[0] == pytest.approx(max(0, expected), abs=1e-12)
    table = np.array([[bad, n - bad], [bad_before, m - bad_before]])
    if (table.sum(axis=0) > 0).all():
        assert score.p_value[0] == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    else:
        assert score.p_value[0] == 1
