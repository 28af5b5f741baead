"""What lies between two versions."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.accumulators import Frame
from monitor.baseline.diff import diff
from monitor.detectors.ks import KolmogorovSmirnovSpec
from monitor.detectors.psi import PsiSpec
from tests.support.monitors import FIRST_MS, make_baseline, record, usual


def amounts(values, country="DE"):
    """Return the baseline of these amounts."""
    return make_baseline([record(FIRST_MS + i, float(value), country) for i, value in enumerate(values)])


def test_a_version_does_not_differ_from_itself():
    one = make_baseline(usual(500))
    for each in diff(one, one):
        assert each.exact
        assert each.psi == pytest.approx(0)
        assert each.before == each.after
        assert (each.added, each.removed, each.cuts_differ) == ((), (), False)


def test_on_equal_cuts_the_scores_are_those_of_the_detectors():
    rng = np.random.default_rng(1)
    one, other = amounts(np.repeat(np.arange(20), 50)), amounts(np.repeat(np.arange(20), 50))
    values = np.clip(np.arange(20).repeat(50) + rng.integers(0, 2, 1000), 0, 19)
    histogram = next(acc for spec, acc in other.profile.accumulators.items() if spec.kind == "histogram")
    histogram.counts[:] = 0
    np.add.at(histogram.counts[0], np.searchsorted(histogram.frame.grid, values, side="right"), 1)
    found = next(each for each in diff(one, other) if each.field == "amount")
    reference = next(acc for spec, acc in one.profile.accumulators.items() if spec.kind == "histogram")
    assert found.exact
    assert found.psi == pytest.approx(PsiSpec().build().compare(reference, histogram).score[0])
    assert found.ks == pytest.approx(KolmogorovSmirnovSpec().build().compare(reference, histogram).score[0])


def test_on_other_cuts_they_are_near_those_of_the_rows_themselves():
    rng = np.random.default_rng(2)
    before, after = rng.gamma(4, 10, 5_000), rng.gamma(4, 10, 5_000) * 1.3
    found = next(each for each in diff(amounts(before), amounts(after)) if each.field == "amount")
    frame = Frame.of_numbers(before)
    cells = [np.bincount(np.searchsorted(frame.grid, x, side="right"), minlength=50) for x in (before, after)]
    ks = np.abs(np.cumsum(cells[0] / 5_000) - np.cumsum(cells[1] / 5_000)).max()
    assert not found.exact
    assert found.cuts_differ
    assert found.ks == pytest.approx(ks, abs=0.02)
    assert found.psi == pytest.approx(0.23, abs=0.12)
    assert found.before.mean == pytest.approx(before.mean())
    assert found.after.max == pytest.approx(after.max())


def test_values_that_came_and_went_are_named():
    found = next(each for each in diff(amounts([1] * 50, "DE"), amounts([1] * 50, "FR")) if each.field == "country")
    assert (found.added, found.removed) == (("FR",), ("DE",))
    assert found.tv == pytest.approx(1.0)


@pytest.mark.parametrize("values", [[], [5.0] * 20, [float("nan")] * 20])
def test_degenerate_versions_have_no_or_finite_scores(values):
    for each in [*diff(amounts(values), make_baseline()), *diff(make_baseline(), amounts(values))]:
        for score in (each.psi, each.ks, each.tv):
            assert score is None or np.isfinite(score)


def test_a_field_of_one_version_only_is_said():
    one, other = make_baseline(fields={"amount": "number"}), make_baseline()
    found = {each.field: each for each in diff(one, other)}
    assert found["country"].before is None
    assert found["country"].after.rows == 2_000
