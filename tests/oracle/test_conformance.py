"""Our drift numbers against scipy's and against what other tools answered, to 1e-9 once the convention is the same."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tests.conformance import conventions as by
from tests.conformance import differences, page, recorded
from tests.conformance.cases import Case, cases
from tests.conformance.comparisons import COMPARISONS, FLOAT32, NAN, OWN, TOLERANCE, TWO, apart, peer_cells
from tests.conformance.inputs import digests
from tests.conformance.ours import Pair, kept
from tests.conformance.recorded import PEERS, answers

PINS = Path(__file__).parents[1] / "conformance" / "peers"
IDS = [f"{c.kind}-{c.statistic or c.kind}-{c.peer}-{c.given}-{c.own_cells}" for c in COMPARISONS]
UNIVARIATE = {"psi", "kl", "js", "hellinger", "tv", "ks", "wasserstein", "chi2"}
THEIR_CUTS = [
    *(("evidently", cells, name) for cells in ("divergences", "hellinger") for name in differences.numbers()),
    *(("nannyml", "divergences", name) for name in differences.numbers()),
]


@pytest.mark.parametrize("comparison", COMPARISONS, ids=IDS)
def test_our_number_is_theirs_by_their_convention(comparison):
    assert comparison.tolerance == (FLOAT32 if comparison.peer == "alibi-detect" else TOLERANCE)
    found = comparison.differences()
    assert found
    assert {name: x for name, x in found.items() if not x <= comparison.tolerance} == {}


def test_every_detector_on_cells_is_compared_with_scipy_and_with_a_peer():
    assert {c.kind for c in COMPARISONS if c.peer == "scipy"} == UNIVARIATE
    assert {c.kind for c in COMPARISONS if c.peer != "scipy"} == UNIVARIATE
    assert {c.peer for c in COMPARISONS} == {"scipy", *PEERS}


@pytest.mark.parametrize(("peer", "cells", "name"), THEIR_CUTS)
def test_our_histogram_counts_on_a_peers_cuts_as_the_peer_does(peer, cells, name):
    edges, before, now = answers(peer).counts(name, cells)
    pair = peer_cells(peer, cells, name)
    counted = [pair.baseline.cells(50)[0], pair.current.cells(50)[0]]
    if np.isnan(edges).all():  # values of their own instead of cuts
        edges = np.array([])
    elif peer == "nannyml":  # what lies below the first edge is with what lies above the last one
        counted = [np.append(side[1:-1], side[0] + side[-1]) for side in counted]
    np.testing.assert_array_equal(counted, [before, now])


@pytest.mark.parametrize("peer", PEERS)
def test_the_answers_are_those_of_the_pinned_version(peer):
    pins = (PINS / f"{peer}.txt").read_text().replace("[viz]", "").splitlines()
    assert f"{peer}=={answers(peer).version}" in pins


def test_the_page_says_what_the_answers_and_our_code_say():
    assert page.committed() == page.section()


def test_a_peer_that_was_not_asked_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    with pytest.raises(LookupError, match=r"evidently.csv is missing"):
        answers.__wrapped__("evidently")


def test_a_number_or_cells_that_a_peer_has_not_given_are_an_error():
    with pytest.raises(LookupError, match="no psi of 'shifted'"):
        answers("nannyml").value("shifted", OWN, "psi")
    with pytest.raises(LookupError, match="no cells for psi"):
        answers("nannyml").counts("shifted", "psi")


@pytest.mark.parametrize("given", ["own", "cells", "means"])
def test_answers_about_other_samples_or_other_cells_are_an_error(tmp_path, monkeypatch, given):
    text = (recorded.FOLDER / "evidently.csv").read_text()
    (tmp_path / "evidently.csv").write_text(text.replace(digests(cases()["ties"])[given], "000000000000"))
    (tmp_path / "evidently_cells.csv").write_text((recorded.FOLDER / "evidently_cells.csv").read_text())
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    with pytest.raises(LookupError, match=f"another 'ties', {given}"):
        answers.__wrapped__("evidently").value("ties", given, "wasserstein" if given == "means" else "psi")


@pytest.mark.parametrize(("theirs", "equal"), [(0.1, True), (0.1 + 2e-9, False), (math.nan, False), (math.inf, False)])
def test_numbers_are_equal_to_1e_9_and_never_to_nan(theirs, equal):
    assert (apart(0.1, theirs) <= TOLERANCE) is equal


def test_half_counts_vanish_as_the_rows_grow():
    """They are all that keeps PSI from being the plain one, where no cell is empty."""
    before, now = kept(cases()["shops"]).counts("psi")
    plain = answers("evidently").value("shops", "cells", "psi")
    gaps = [abs(Pair.of_counts(before * k, now * k).score("psi") - plain) for k in (1, 100, 10_000)]
    assert gaps[0] > 5e-5
    assert gaps[0] > 90 * gaps[1] > 8000 * gaps[2]


@pytest.mark.parametrize("name", differences.numbers())
def test_the_grid_makes_ks_smaller_by_the_heaviest_cell_at_most(name):
    loss, heaviest = differences.ks_loss(name)
    assert -1e-12 <= loss <= heaviest


@pytest.mark.parametrize("name", differences.numbers())
def test_the_limit_law_errs_on_the_side_of_no_drift(name):
    ours, theirs = differences.ks_p_values(name)
    assert ours >= theirs


@pytest.mark.parametrize("name", [name for name, case in cases().items() if not case.numbers])
def test_a_baseline_that_is_a_sample_gives_larger_p_values_than_one_taken_for_the_truth(name):
    assert by.p_value("chi2", kept(cases()[name])) > answers("evidently").value(name, OWN, "chi2_p")


@pytest.mark.parametrize("peer", ["evidently", "whylogs"])
def test_one_unseen_value_makes_a_one_sample_p_value_0(peer):
    assert answers(peer).value("unseen", OWN, "chi2_p") == 0 < by.p_value("chi2", kept(cases()["unseen"]))


@pytest.mark.parametrize("peer", ["nannyml", "alibi-detect"])
def test_yates_correction_is_all_that_differs_with_two_values(peer):
    table = np.stack(kept(cases()[TWO]).counts("chi2"))
    theirs = answers(peer).value(TWO, OWN, "chi2")
    assert apart(stats.chi2_contingency(table).statistic, theirs) <= FLOAT32
    assert by.contingency("chi2", kept(cases()[TWO])) > theirs + 0.1


@pytest.mark.parametrize("kind", sorted(UNIVARIATE))
def test_nan_infinity_and_null_change_no_distance(kind):
    for name in [NAN] if kind in {"ks", "wasserstein"} else [NAN, "with missing"]:
        case = cases()[name]
        baseline, current = case.usable
        assert len(current) < len(case.current)
        assert kept(case).score(kind) == kept(Case(case.numbers, baseline, current)).score(kind)


def test_one_nan_makes_alibi_detects_ks_nan():
    assert math.isnan(answers("alibi-detect").value(NAN, OWN, "ks"))
