"""Agreement against the packages `krippendorff` and scikit-learn."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from monitor.checks import AgreementSpec, WindowView
from tests.support.ratings import batch_of, random_ratings, reliability

CLASSES = {
    "nominal": ["ant", "bee", "cat", "dog"],
    "ordinal": [1.0, 2.0, 3.0, 4.0, 5.0],
    "interval": [-3.5, 0.0, 0.25, 7.0, 1e6],
    "ratio": [0.0, 0.5, 1.0, 10.0, 300.0],
}


def spec_of(**settings):
    return AgreementSpec(item="item", annotator="who", label="label", min_units=2, resamples=100, **settings)


def found(spec, *batches):
    check = spec.build()
    for batch in batches:
        check.fold(batch, 1_000)
    (finding,) = check.judge(WindowView(0, 1_000, 0))
    return finding


@pytest.mark.parametrize("scale", CLASSES)
@pytest.mark.parametrize(
    ("units", "annotators", "missing", "error"), [(12, 2, 0, 0.3), (60, 5, 0.5, 0.5), (300, 9, 0.3, 0.1)]
)
def test_alpha_equals_the_package_on_every_scale_with_missing_ratings(scale, units, annotators, missing, error):
    classes = CLASSES[scale]
    for seed in range(4):
        ratings = random_ratings(np.random.default_rng(seed), units, annotators, classes, missing=missing, error=error)
        finding = found(spec_of(scale=scale), batch_of(ratings))
        expected = krippendorff.alpha(reliability_data=reliability(ratings, classes), level_of_measurement=scale)
        assert finding.value == pytest.approx(expected, abs=1e-9)


def test_an_order_of_texts_is_an_ordinal_scale():
    order = ["low", "mid", "high", "top"]
    ratings = random_ratings(np.random.default_rng(1), 80, 4, order, missing=0.2, error=0.4)
    finding = found(spec_of(scale="ordinal", order=tuple(order)), batch_of(ratings))
    expected = krippendorff.alpha(reliability_data=reliability(ratings, order), level_of_measurement="ordinal")
    assert finding.value == pytest.approx(expected, abs=1e-9)


def test_kappa_alpha_and_agreement_of_a_pair_equal_the_packages_of_the_two_alone():
    classes = CLASSES["nominal"]
    ratings = random_ratings(np.random.default_rng(2), 200, 4, classes, missing=0.4, error=0.4)
    details = found(spec_of(), batch_of(ratings)).details
    table = reliability(ratings, classes)
    for one in range(4):
        for other in range(one + 1, 4):
            both = ~np.isnan(table[one]) & ~np.isnan(table[other])
            left, right = table[one, both], table[other, both]
            name = f"a{one} | a{other}"
            assert details[f"pair_kappa.{name}"] == pytest.approx(cohen_kappa_score(left, right), abs=1e-9)
            assert details[f"pair_agreement_ratio.{name}"] == pytest.approx((left == right).mean(), abs=1e-9)
            alone = krippendorff.alpha(reliability_data=np.stack((left, right)), level_of_measurement="nominal")
            assert details[f"pair_alpha.{name}"] == pytest.approx(alone, abs=1e-9)


def test_alpha_of_a_class_is_that_of_the_class_against_the_rest():
    classes = CLASSES["nominal"]
    ratings = random_ratings(np.random.default_rng(3), 150, 4, classes, missing=0.3, error=0.4)
    details = found(spec_of(), batch_of(ratings)).details
    table = reliability(ratings, classes)
    for place, name in enumerate(classes):
        rest = np.where(np.isnan(table), np.nan, table == place)
        expected = krippendorff.alpha(reliability_data=rest, level_of_measurement="nominal")
        assert details[f"class_alpha.{name}"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("scale", ["nominal", "ordinal", "ratio"])
def test_the_interval_is_that_of_a_plain_bootstrap_over_units(scale):
    classes = CLASSES[scale]
    ratings = random_ratings(np.random.default_rng(4), 250, 3, classes, missing=0.2, error=0.3)
    details = found(spec_of(scale=scale).model_copy(update={"resamples": 1000}), batch_of(ratings)).details
    table = reliability(ratings, classes)
    table = table[:, (~np.isnan(table)).sum(axis=0) >= 2]
    rng = np.random.default_rng(0)
    drawn = [
        krippendorff.alpha(
            reliability_data=table[:, rng.integers(0, table.shape[1], table.shape[1])], level_of_measurement=scale
        )
        for _ in range(400)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert details["alpha_lower"] == pytest.approx(low, abs=0.25 * (high - low))
    assert details["alpha_upper"] == pytest.approx(high, abs=0.25 * (high - low))
