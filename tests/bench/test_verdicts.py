"""The harness of verdicts: its page says what its results say, its formulas are right, its faults are found."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from monitor.budgeting.streams import _standardised
from monitor.detectors import PsiSpec
from monitor.snapshot import VerdictView
from monitor.types import Level, Score
from tests.bench.verdicts import report, results
from tests.bench.verdicts.bench import Bench
from tests.bench.verdicts.data import Data, synthetic
from tests.bench.verdicts.faults import FaultBench, cases
from tests.bench.verdicts.leagues import pages_at, river_pages, tuned_cut
from tests.bench.verdicts.nulls import orders
from tests.bench.verdicts.ours import calm
from tests.bench.verdicts.rules import CategoryRules, NumberRules
from tests.bench.verdicts.streams import _of_detector
from tests.bench.verdicts.words import CONTENDERS

STORED = report.read()
RNG = np.random.default_rng(5)
BASELINE, SLOT = RNG.gamma(2.0, 3.0, 4000).round(1), RNG.gamma(2.5, 3.0, 180).round(1)
KINDS = np.array(["a", "b", "c"])
KINDS_BEFORE, KINDS_NOW = KINDS[RNG.choice(3, 4000, p=[0.6, 0.3, 0.1])], KINDS[RNG.choice(3, 180, p=[0.4, 0.4, 0.2])]


@pytest.fixture(scope="module")
def wandering() -> Bench:
    """A short synthetic stream whose means are an AR(1) of 0.6, in a daily cycle."""
    return Bench(synthetic("seasonal", "short", phi=0.6, season=0.3, weeks=90, rows=100))


def test_the_page_and_its_picture_are_generated_from_the_results():
    assert report.PAGE.read_text() == report.page(STORED), "run: python -m tests.bench.verdicts.report"
    assert report.PICTURE.read_text() == report.picture(STORED)
    ET.fromstring(report.picture(STORED))  # noqa: S314 - written by the line itself


@pytest.mark.parametrize("name", results.COLUMNS)
def test_every_stored_row_has_the_columns_of_its_file(name):
    assert all(tuple(row) == results.COLUMNS[name] for row in STORED[name])


def test_every_contender_has_a_name_and_every_broken_promise_a_sentence():
    calm_rows = STORED[results.FALSE_PAGES]
    assert {row["contender"] for row in calm_rows} <= CONTENDERS.keys()
    page = report.PAGE.read_text()
    for row in calm_rows:
        if row["contender"] in report.OURS and float(row["high"]) > 1.5:
            assert f"- {row['stream']}, {row['null']}: {float(row['per_1000']):.2f} false" in page


def test_rows_of_other_streams_are_kept(tmp_path):
    for stream, value in (("a", 1), ("b", 2), ("a", 3)):
        row = dict.fromkeys(results.COLUMNS[results.DELAYS], "") | {"stream": stream, "runs": value}
        results.replace(results.DELAYS, "stream", [stream], [row], tmp_path)
    assert [(row["stream"], row["runs"]) for row in results.read(results.DELAYS, tmp_path)] == [("b", "2"), ("a", "3")]


def test_rules_of_numbers_are_their_definitions():
    slots = np.sort(np.arange(4000) % 20)
    found = {
        rule: value[0] for rule, value in NumberRules(BASELINE, slots, 2).ratios(SLOT, np.zeros(180, int), 1).items()
    }
    assert found["ks"] == pytest.approx(
        np.log(stats.ks_2samp(BASELINE, SLOT, method="asymp").pvalue) / np.log(0.05), rel=0.03
    )
    assert found["evidently"] == pytest.approx(
        stats.wasserstein_distance(BASELINE, SLOT) / BASELINE.std() / 0.1, rel=0.02
    )
    edges = np.histogram_bin_edges(BASELINE, bins="doane")

    def distance(values):
        shares = np.histogram(values, edges)[0] / len(values)
        before = np.histogram(BASELINE, edges)[0] / 4000
        return jensenshannon([*before, 0.0], [*shares, 1 - shares.sum()], base=2)

    chunks = np.array([distance(BASELINE[slots == slot]) for slot in range(20)])
    assert found["nannyml"] == pytest.approx((distance(SLOT) - chunks.mean()) / (3 * chunks.std()))


def test_rules_of_categories_are_their_definitions():
    rules = CategoryRules(pa.array(KINDS_BEFORE), np.sort(np.arange(4000) % 20), 0)
    found = {rule: value[0] for rule, value in rules.ratios(pa.array(KINDS_NOW), np.zeros(180, int), 1).items()}
    counts = [[np.sum(values == kind) for kind in KINDS] for values in (KINDS_BEFORE, KINDS_NOW)]
    assert found["ks"] == pytest.approx(np.log(stats.chi2_contingency(counts, correction=False).pvalue) / np.log(0.05))
    assert found["evidently"] == pytest.approx(jensenshannon(*counts) / 0.1)
    p, q = (np.array(side) / sum(side) for side in counts)
    assert found["psi"] == pytest.approx(((q - p) * np.log(q / p)).sum() / 0.2)


def test_a_tuned_cut_is_the_lowest_that_keeps_to_one_page_in_a_thousand_slots():
    heard = np.random.default_rng(1).standard_normal((4, 1000, 3))
    cut = tuned_cut(heard)
    assert pages_at(heard, cut).sum() <= 4
    assert pages_at(heard, cut - 0.3).sum() > 4


def test_river_pages_after_a_change():
    fed = np.random.default_rng(1).standard_normal((1, 400, 1))
    fed[:, 200:] += 3
    found = np.flatnonzero(river_pages("river ADWIN", 0.002, fed))
    assert 200 <= found[0] <= 240


@pytest.mark.parametrize("null", ["shuffled", "weeks"])
def test_orders_are_drawn_from_the_pool_and_weeks_stay_whole(null):
    data = Data("x", "", pa.table({"x": np.zeros(70)}), np.arange(70), 86_400_000, 0, 7)
    order = orders(data, null, np.arange(14, 70), 3, 1, 28)
    assert order.shape == (3, 28)
    assert order.min() >= 14
    if null == "weeks":
        assert (order % 7 == np.arange(28) % 7).all()


def test_a_score_is_standardised_as_the_engine_does():
    numbers = [np.array(x) for x in ([np.nan, 0.3, 0.05, 0.2], [np.nan, 0.1, 0.1, 0.0])]
    score, noise = numbers
    score = Score(score, noise, score, score, np.full(4, 900), np.full(4, 100))
    (found,) = _of_detector(PsiSpec(), "x", score)
    views = [
        VerdictView("x", "", "psi", Level.OK, "", s, s, n, s, 900, 100)
        for s, n in zip(score.score[1:].tolist(), noise[1:].tolist(), strict=True)
    ]
    assert found.scores[:, 0].tolist() == pytest.approx([_standardised(view, 0) for view in views])


SMALL = {"promised_slots": 100}


def test_the_promise_holds_on_a_stream_of_rows(wandering):
    found = calm(wandering.data, wandering.streams, wandering.order("as made", 1), **SMALL)
    assert found.slots > 500
    assert found.alarms / found.slots <= 1.5 / 100


def test_without_tempering_it_does_not(wandering):
    """That it breaks without the other safeguards is shown in tests/unit/policy/test_budget_promise.py."""
    found = calm(wandering.data, wandering.streams, wandering.order("as made", 1), **SMALL, tempered=False)
    assert found.alarms / found.slots > 1.5 / 100


def test_gross_faults_are_found_by_everybody_and_named(wandering):
    faulty = FaultBench(wandering, 2, 2)
    (case,) = cases(wandering, ("null_burst",), ("gross",), 1)
    found = faulty.outcomes(case)
    ours = found["driftline", "defaults"]
    assert (ours.delays <= 10).all()
    assert (ours.places == 1).all()
    (case,) = cases(wandering, ("unit_change",), ("gross",), 1)
    assert (faulty.outcomes(case)["psi", "defaults"].delays <= 5).all()
