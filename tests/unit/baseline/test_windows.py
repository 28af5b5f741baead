"""The windows of a baseline: counted by its own accumulators, on its own frames, whatever the order of the rows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monitor.accumulators import CategoriesSpec, HistogramSpec, PresenceSpec
from monitor.baseline import Baseline, BaselineBuilder, view_of
from monitor.baseline import windows as module
from monitor.baseline.correlation import estimate
from monitor.errors import StoreError
from monitor.judge import judge
from tests.support.monitors import FIELDS, FIRST_MS, batch_of, make_plan, record

SEGMENTS = (("country", 2, None),)
WINDOW_MS = 1_000
START_MS = FIRST_MS // WINDOW_MS * WINDOW_MS


def rows_of(window, n, share, rng, level=0.0):
    """Return n records of one window: amounts around a level, a share of them German, the rest French."""
    amounts = rng.normal(100 + level, 10, n).round(2)
    countries = np.where(rng.random(n) < share, "DE", "FR").tolist()
    first_ms = START_MS + window * WINDOW_MS
    return [record(first_ms + i % WINDOW_MS, amounts[i], countries[i]) for i in range(n)]


def history(windows=40, n=200, spread=0.0, drift=0.0, seed=1):
    """Return records of windows whose share of Germans, and whose level of amounts, vary from one to another."""
    rng = np.random.default_rng(seed)
    shares = np.clip(0.5 + spread * rng.standard_normal(windows), 0.02, 0.98)
    levels = drift * rng.standard_normal(windows)
    return [row for w in range(windows) for row in rows_of(w, n, shares[w], rng, levels[w])]


def built(records, window_ms=WINDOW_MS, segments=(), pieces=1):
    builder = BaselineBuilder(FIELDS, segments, max_categories=100, max_rows=10**6, window_ms=window_ms)
    for first in range(0, len(records), max(len(records) // pieces, 1)):
        builder.add(batch_of(records[first : first + max(len(records) // pieces, 1)], at=first))
    return builder.build()


def profile_of(plan, records):
    batch = batch_of(records)
    profile = plan.profile.empty()
    masks = [check.failures(batch) for check in plan.row_checks]
    profile.update(batch.columns, plan.segmenter.groups(batch.columns), masks, len(batch))
    return profile


def rho(baseline, kind, field):
    return next(e for s, e in baseline.correlation.estimates.items() if (s.kind, s.field) == (kind, field))


def test_windows_that_vary_are_correlated_and_others_are_not():
    varied, steady = built(history(spread=0.1)), built(history())
    assert rho(varied, "categories", "country").rho[0] == pytest.approx(0.1**2 / 0.25, rel=0.4)
    assert rho(steady, "categories", "country").rho[0] < 3 * rho(steady, "categories", "country").error[0]
    assert rho(built(history(drift=3.0)), "histogram", "amount").rho[0] > 0.004
    assert rho(varied, "histogram", "amount").rho[0] < 0.002
    assert varied.correlation.windows == 40


def test_it_is_the_estimate_of_the_counts_of_every_window():
    baseline = built(history(25, spread=0.1), segments=SEGMENTS)
    plan = make_plan(baseline=baseline)
    counts = {spec: [] for spec in (HistogramSpec(field="amount"), CategoriesSpec(field="country"))}
    for records in np.array_split(np.array(history(25, spread=0.1), object), 25):
        profile = profile_of(plan, list(records))
        for spec, found in counts.items():
            found.append(profile.accumulators[spec].cells(10))
    for spec, found in counts.items():
        expected = estimate(np.array(found)).shrunk()
        np.testing.assert_allclose(rho(baseline, spec.kind, spec.field).cautious, expected.cautious)
        np.testing.assert_array_equal(rho(baseline, spec.kind, spec.field).windows, expected.windows)


def test_it_does_not_depend_on_how_the_rows_came_and_belongs_to_the_version():
    records = history(20, spread=0.1)
    assert built(records, pieces=7).version == built(records).version
    assert built(records).version != built(records, window_ms=None).version


def test_rows_beyond_a_block_are_counted_in_their_windows(monkeypatch):
    whole = built(history(20, spread=0.1), segments=SEGMENTS)
    monkeypatch.setattr("monitor.baseline.build._BLOCK_ROWS", 33)
    again = built(history(20, spread=0.1), segments=SEGMENTS)
    assert again.correlation.content() == whole.correlation.content()


@pytest.mark.parametrize("windows", [1, 9])
def test_of_few_windows_nothing_is_said(windows):
    baseline = built(history(windows, spread=0.2))
    assert baseline.correlation.estimates == {}
    assert view_of(baseline).rho == {}


def test_no_rows_have_no_windows():
    assert built([]).correlation is None


def test_windows_of_a_single_row_say_nothing():
    assert built(history(200, n=1, spread=0.3)).correlation.estimates == {}


def test_more_windows_than_the_cap_are_chosen_evenly(monkeypatch):
    monkeypatch.setattr(module, "MAX_WINDOWS", 12)
    found = rho(built(history(100, n=50, spread=0.1)), "categories", "country")
    assert found.windows[0] == 12
    monkeypatch.setattr(module, "MAX_WINDOWS", 2_000)
    monkeypatch.setattr(module, "_MAX_COUNTS", 4 * 20)  # DE, FR, unseen, other
    found = rho(built(history(100, n=50, spread=0.1)), "categories", "country")
    assert found.windows[0] == 20


def test_every_segment_has_its_own_estimate():
    baseline = built(history(60, spread=0.1), segments=SEGMENTS)
    found = rho(baseline, "categories", "country")
    assert found.rho.shape == (baseline.segmenter.size,)
    view = view_of(baseline)
    assert {spec.kind for spec in view.rho} <= {"histogram", "categories", "presence"}
    assert all(numbers.shape == (baseline.segmenter.size,) for numbers in view.rho.values())


def test_it_survives_json_exactly():
    baseline = built(history(spread=0.1), segments=SEGMENTS)
    again = Baseline.of_content(json.loads(json.dumps(baseline.content)))
    assert again.version == baseline.version
    assert again.correlation.content() == baseline.correlation.content()
    assert view_of(again).rho.keys() == view_of(baseline).rho.keys()


def test_a_baseline_of_before_is_taken_as_of_independent_rows():
    content = json.loads(json.dumps(built(history(spread=0.1)).content))
    del content["rho"]
    assert view_of(Baseline.of_content(content)).rho == {}


@pytest.mark.parametrize(
    "damage",
    [
        3,
        {},
        {"window_ms": 1000, "windows": 40, "fields": []},
        {"window_ms": 1000, "windows": 40, "fields": {"amount": {"histogram": {}}}},
        {"window_ms": 1000, "windows": 40, "fields": {"amount": {"histogram": 7}}},
        *(
            {"window_ms": 1000, "windows": 40, "fields": {"amount": {"histogram": numbers}}}
            for numbers in (
                {"rho": [2.0], "error": [0.1], "cautious": [0.1], "windows": [40]},
                {"rho": [0.1, 0.1], "error": [0.1, 0.1], "cautious": [0.1, 0.1], "windows": [40, 40]},
                {"rho": ["x"], "error": [0.1], "cautious": [0.1], "windows": [40]},
                {"rho": [None], "error": [0.1], "cautious": [0.1], "windows": [40]},
            )
        ),
    ],
)
def test_a_damaged_one_is_refused(damage):
    content = json.loads(json.dumps(built(history(12)).content)) | {"rho": damage}
    with pytest.raises(StoreError):
        Baseline.of_content(content)


def test_windows_that_vary_as_the_baselines_did_are_not_drift():
    """The way from the rows of a baseline to a verdict: with `rho: 0` the same window has a bound above zero."""
    baseline = built(history(60, n=400, spread=0.1))
    plan = make_plan(baseline=baseline)
    view = view_of(baseline)
    rng = np.random.default_rng(9)
    fired = {"estimated": 0, "independent": 0}
    for share in np.clip(0.5 + 0.1 * rng.standard_normal(60), 0.02, 0.98):
        profile = profile_of(plan, rows_of(0, 400, share, rng))
        for name, used in (("estimated", view), ("independent", type(view)(view.accumulators))):
            result = judge(plan, START_MS, START_MS + WINDOW_MS, profile, unknown="", baseline=used)
            [bound] = [v.lower_bound for v in result.verdicts if (v.field, v.detector) == ("country", "psi")]
            fired[name] += bound > 0
    assert fired["independent"] > 35
    assert fired["estimated"] <= 8


def test_presence_is_counted_too():
    rng = np.random.default_rng(3)
    records = [
        record(START_MS + w * WINDOW_MS + i, 10.0, None if rng.random() < share else "DE")
        for w, share in enumerate(rng.uniform(0.05, 0.5, 40))
        for i in range(100)
    ]
    found = built(records).correlation.estimates[PresenceSpec(field="country")]
    assert found.rho[0] == pytest.approx(0.13**2 / (0.275 * 0.725), rel=0.4)
