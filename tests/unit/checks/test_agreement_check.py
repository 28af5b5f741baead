"""Agreement of annotators: which ratings count in which window, and what is said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from monitor.checks import AgreementSpec, WindowView, misfits
from monitor.checks.agreement_ratings import Ratings
from monitor.checks.agreement_tally import GROUP_BITS, LEAST_BITS, MAX_ENTRIES, Counted, Tally, pairs_within
from monitor.engine import Engine
from monitor.errors import StoreError
from monitor.lines import window_lines
from monitor.memory import memory_key
from monitor.partition import PartitionState
from monitor.types import Level, Presence
from tests.support.monitors import fetch, make_plan, tp
from tests.support.ratings import RatingDecoder, batch_of, random_ratings, rating

PANE_MS = 1_000
SPEC = AgreementSpec(item="item", annotator="who", label="label", min_units=1, resamples=100, horizon=10_000)


def spec_of(**changes):
    return AgreementSpec.model_validate(SPEC.model_dump() | changes)


def found(check, start=0, end=PANE_MS):
    (finding,) = check.judge(WindowView(start, end, 7))
    return finding


def rated(*ratings, spec=SPEC, lateness_ms=0):
    check = spec.build()
    check.fold(batch_of(list(ratings)), PANE_MS, lateness_ms)
    return check


FOUR = (("i", "a", "x", 0), ("i", "b", "x", 1), ("j", "a", "y", 2), ("j", "b", "x", 3))


def test_the_value_is_alpha_and_rows_are_the_windows():
    finding = found(rated(*FOUR))
    # Coincidences x·x 2, x·y 1, y·x 1: D_o = 2/4, D_e = 2·3·1/(4·3), so α = 0.
    assert finding.value == pytest.approx(0.0)
    assert (finding.rows, finding.details["rated_units"], finding.details["agreement_ratio"]) == (7, 2, 0.5)
    assert finding.details["pairable_ratings"] == 4


def test_an_item_counts_in_the_window_of_its_last_rating_with_all_ratings():
    check = rated(("i", "a", "x", 0), ("j", "a", "y", 10), ("j", "b", "y", 20), ("i", "b", "y", 1_500))
    assert found(check).details["rated_units"] == 1
    later = found(check, 1_000, 2_000)
    assert (later.details["rated_units"], later.value) == (1, pytest.approx(0.0))


def test_a_window_of_several_panes_counts_an_item_once():
    ratings = [
        ("i", "a", "x", 0),
        ("i", "b", "x", 10),
        ("j", "a", "y", 20),
        ("j", "b", "y", 30),
        ("i", "c", "y", 1_500),
    ]
    check = rated(*ratings)
    whole = found(check, 0, 2_000)
    assert whole.details["rated_units"] == 2
    assert whole.value == pytest.approx(found(rated(*[(i, a, x, 5) for i, a, x, _ in ratings])).value)


def test_the_last_rating_of_an_annotator_counts_however_they_come():
    check = rated(
        ("i", "a", "y", 500), ("i", "b", "y", 100), ("i", "a", "x", 100), ("j", "a", "x", 1), ("j", "b", "x", 1)
    )
    assert found(check).value == pytest.approx(1.0)


def test_an_item_begins_anew_after_the_horizon():
    check = rated(("i", "a", "x", 0), ("i", "b", "y", 12_000))
    assert found(check, 12_000, 13_000).reason == "too few units (0 of 1 with two ratings)"
    check = rated(("k", "a", "x", 500), ("k", "b", "x", 10_400))
    assert found(check, 10_000, 11_000).reason == "all ratings are of one class"


def test_a_late_rating_counts_in_the_newest_pane_of_its_partition():
    check = rated(("i", "a", "x", 0), ("x", "a", "x", 5_000), ("i", "b", "y", 100), lateness_ms=500)
    assert found(check, 0, 1_000).details["rated_units"] == 0
    assert found(check, 5_000, 6_000).details["rated_units"] == 1
    check = rated(("i", "a", "x", 0), ("x", "a", "x", 1_400), ("i", "b", "y", 100), lateness_ms=500)
    assert found(check, 0, 1_000).details["rated_units"] == 1


def test_what_comes_for_a_window_that_was_judged_counts_in_the_next():
    check = rated(("i", "a", "x", 0))
    assert found(check).level is Level.UNKNOWN
    check.fold(batch_of([("i", "b", "y", 5)], partition=1), PANE_MS, 0)
    assert found(check, 1_000, 2_000).details["rated_units"] == 1


def test_a_failure_needs_the_whole_interval_below_the_threshold_unless_the_estimate_is_judged():
    ratings = random_ratings(np.random.default_rng(5), 40, 3, ["x", "y", "z"], missing=0.1, error=0.08)
    by_bound, by_estimate = (
        found(rated(*ratings, spec=spec_of(judge_by=by, min_alpha=0.85))) for by in ("bound", "estimate")
    )
    assert by_bound.value == by_estimate.value < 0.85 < by_bound.details["alpha_upper"]
    assert (by_bound.level, by_estimate.level) == (Level.OK, Level.WARNING)
    assert by_bound.evidence == "" != by_estimate.evidence
    assert by_estimate.reason == f"alpha is {by_estimate.value:.3f}, below 0.85"
    bad = random_ratings(np.random.default_rng(5), 200, 3, ["x", "y", "z"], error=0.6)
    finding = found(rated(*bad, spec=spec_of(severity="critical")))
    assert finding.level is Level.CRITICAL
    low, high = finding.details["alpha_lower"], finding.details["alpha_upper"]
    assert finding.reason == f"alpha is {finding.value:.3f} (95 % interval {low:.3f} to {high:.3f}), below 0.85"


def test_the_evidence_names_the_worst_annotator_pair_and_labels():
    rng = np.random.default_rng(7)
    ratings = [r for r in random_ratings(rng, 120, 4, ["ant", "bee", "cat"], missing=0, error=0.02) if r[1] != "a3"]
    truth = {item: label for item, who, label, _ in ratings if who == "a0"}
    mixed = {"ant": "bee", "bee": "ant", "cat": "cat"}
    ratings += [(item, "mallory", mixed[label], 50) for item, label in truth.items()]
    finding = found(rated(*ratings))
    assert finding.evidence.startswith("Agree least with the others: mallory (alpha ")
    assert "with each other: " in finding.evidence
    assert "between ant and bee (9" in finding.evidence or "between bee and ant (9" in finding.evidence
    worst = min((name for name in finding.details if name.startswith("annotator_alpha.")), key=finding.details.get)
    assert worst == "annotator_alpha.mallory"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"min_units": 3}, "too few units (2 of 3 with two ratings)"),
        ({"max_classes": 2}, "too many classes (more than 2)"),
    ],
)
def test_what_cannot_be_known_is_unknown(changes, reason):
    check = rated(
        *FOUR,
        ("k", "a", "z", 4),
        ("l", "a", "x", 4),
        *([("l", "b", "z", 4)] if "max_classes" in changes else []),
        spec=spec_of(**changes),
    )
    finding = found(check)
    assert (finding.level, finding.reason, finding.value) == (Level.UNKNOWN, reason, None)


def test_rows_that_are_no_ratings_are_left_out():
    batch = batch_of([*FOUR, ("k", "a", "x", 5), ("k", "b", "y", 6)])
    unusable = np.array([0, 0, 0, 0, Presence.NULL, 0], np.uint8)
    check = SPEC.build()
    check.fold(
        replace(batch, columns={**batch.columns, "who": replace(batch.columns["who"], presence=unusable)}), PANE_MS
    )
    assert found(check).details["rated_units"] == 2
    ratio = spec_of(scale="ratio").build()
    ratio.fold(batch_of([("i", "a", 1.0, 0), ("i", "b", -1.0, 0), ("j", "a", 2.0, 0), ("j", "b", 1.0, 0)]), PANE_MS)
    assert found(ratio).details["rated_units"] == 1
    ordered = spec_of(scale="ordinal", order=("low", "high")).build()
    ordered.fold(
        batch_of([("i", "a", "low", 0), ("i", "b", "?", 0), ("j", "a", "low", 0), ("j", "b", "high", 0)]), PANE_MS
    )
    assert found(ordered).details["rated_units"] == 1


def test_no_more_ratings_are_kept_than_allowed_and_the_oldest_items_are_forgotten():
    check = spec_of(max_ratings=100).build()
    for second in range(5):
        ratings = [(f"i{second}.{n}", who, "x", second * 1_000) for n in range(30) for who in "ab"]
        check.fold(batch_of(ratings), PANE_MS)
        assert found(check, second * 1_000, second * 1_000 + 1_000).details["rated_units"] == 30
    assert check.sizes == (60, 0) or check.sizes[0] <= 100
    check.fold(batch_of([("i0.1", "c", "y", 5_000), ("i4.1", "c", "y", 5_000)]), PANE_MS)
    finding = found(check, 5_000, 6_000)
    assert finding.details["rated_units"] == 1


def test_too_many_waiting_ratings_are_a_sample_of_whole_items_and_said_to_be():
    check = spec_of(max_ratings=100).build()
    check.fold(batch_of([(f"i{n}", who, "xy"[n % 2], 0) for n in range(200) for who in "abc"]), PANE_MS)
    assert check.sizes[1] <= 100
    finding = found(check)
    assert finding.details["left_out"] == 600 - finding.details["pairable_ratings"]
    assert finding.details["pairable_ratings"] % 3 == 0
    assert finding.value == pytest.approx(1.0)


def test_an_item_has_no_more_annotators_than_allowed():
    check = spec_of(max_per_item=5).build()
    check.fold(batch_of([("i", f"a{n}", "xy"[n % 2], 0) for n in range(50)]), PANE_MS)
    assert found(check).details["pairable_ratings"] == 5


def test_counts_that_become_too_many_are_given_up_for_good():
    keys = np.stack([np.arange(MAX_ENTRIES + 1), np.zeros(MAX_ENTRIES + 1, np.int64)], axis=1)
    ones = np.ones(MAX_ENTRIES + 1, np.int64)
    counted = Counted.none(2).plus(keys, ones).capped()
    assert counted.full
    assert counted.plus(keys[:1], ones[:1]).capped().full
    assert Counted.none(2).plus(keys[:1], ones[:1]).and_of(counted).full
    assert not Counted.none(2).plus(keys[1:], ones[1:]).capped().full


def test_items_are_in_fewer_groups_where_their_pairs_are_too_many_and_alpha_is_the_same(monkeypatch):
    ratings = random_ratings(np.random.default_rng(1), 2_000, 3, [float(n) for n in range(4)], missing=0.1, error=0.3)
    spec = spec_of(scale="interval", max_classes=100)
    more = [(f"{item}'", who, label, time + 1_000) for item, who, label, time in ratings if int(item[1:]) < 100]
    more += [(item, "d", label, 2_000) for item, who, label, _ in ratings if who == "a0" and int(item[1:]) < 50]
    plain = rated(*ratings, *more, spec=spec)
    expected = [found(plain), found(plain, 0, 2_000), found(plain, 0, 3_000)]
    monkeypatch.setattr("monitor.checks.agreement_tally.MAX_ENTRIES", 1_000)
    check = rated(*ratings, *more, spec=spec)
    few = [found(check), found(check, 0, 2_000), found(check, 0, 3_000)]
    assert LEAST_BITS <= check._panes[0].bits < check._panes[1_000].bits == GROUP_BITS
    assert [finding.value for finding in few] == pytest.approx([finding.value for finding in expected], abs=1e-12)
    assert [f.details["rated_units"] for f in few] == [f.details["rated_units"] for f in expected]
    assert few[0].details["alpha_upper"] == pytest.approx(expected[0].details["alpha_upper"], abs=0.05)
    monkeypatch.setattr("monitor.checks.agreement_tally.MAX_ENTRIES", 50)
    assert found(rated(*ratings, spec=spec)).reason == "too many classes (more than 100)"


def test_pairs_within_an_item_are_all_of_them_once():
    items = np.array([1, 1, 1, 2, 3, 3], np.uint64)
    one, other, sizes = pairs_within(items)
    assert list(zip(one.tolist(), other.tolist(), sizes.tolist(), strict=True)) == [
        (0, 1, 3),
        (0, 2, 3),
        (1, 2, 3),
        (4, 5, 2),
    ]
    assert all(part.size == 0 for part in pairs_within(items[:0]))


def test_what_is_added_and_taken_back_leaves_nothing():
    units = Ratings(*(np.array([1, 1, 2]).astype(kind) for kind in ("u8", "i8", "i8", "i8", "i8")))
    tally = Tally.none().plus(units, 1).plus(units, -1)
    assert (tally.cells.counts.size, tally.pairs.counts.size) == (0, 0)


@pytest.mark.parametrize(
    "damage",
    [
        {"of": []},
        {"kept": {}},
        {"kept": {"items": [1], "annotators": [], "labels": [], "times_ms": [], "panes_ms": []}},
        {"panes": {"x": {}}},
        {"panes": {"0": {"cells": 3}}},
        {"names": {"x": "y"}},
        {"left_out": 3},
    ],
)
def test_a_state_that_does_not_fit_is_refused(damage):
    check = rated(*FOUR)
    found(check)
    with pytest.raises(StoreError, match="reset the checkpoint"):
        SPEC.build().load(check.state() | damage)


def test_names_that_nobody_uses_are_forgotten_and_others_go_by_their_hash():
    check = spec_of(min_units=1).build()
    many = [(f"i{n}", f"who{n}", "x", 0) for n in range(1_990)]
    check.fold(batch_of([*many, ("z", "late comer", "x", 0), ("z", "another", "y", 0)]), PANE_MS)
    found(check)
    assert len(check.state()["names"]) <= 2_000
    check.fold(batch_of([("k", "a", "x", 30_000), ("k", "b", "y", 30_000)]), PANE_MS)
    found(check, 30_000, 31_000)
    check.forget(30_000)
    assert set(check.state()["names"].values()) <= {"a", "b", "x", "y"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotator": "item"}, "named twice"),
        ({"order": ["low", "high"]}, "only an ordinal scale"),
        ({"scale": "ordinal", "order": ["low", "low"]}, "names a label twice"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        spec_of(**changes)


def test_the_fields_must_be_there_and_a_scale_of_numbers_needs_numbers():
    fields = {"item": "text", "who": "category", "label": "category"}
    assert list(misfits(SPEC, fields)) == []
    assert [m.setting for m in misfits(spec_of(scale="interval"), fields)] == ["label"]
    assert [m.setting for m in misfits(spec_of(item="itm"), fields)] == ["item"]
    assert list(misfits(spec_of(scale="ordinal", order=["a", "b"]), fields)) == []
    assert [m.setting for m in misfits(spec_of(scale="ordinal", order=["a", "b"]), fields | {"label": "number"})] == [
        "label"
    ]


def test_another_threshold_keeps_what_is_remembered_and_another_horizon_does_not():
    keys = [
        memory_key(spec.build()) for spec in (SPEC, spec_of(min_alpha=0.5, judge_by="estimate"), spec_of(horizon=9))
    ]
    assert keys[0] == keys[1] != keys[2]


def test_the_engine_shows_ratings_and_judges_windows():
    spec = AgreementSpec(item="item", annotator="country", label="label", min_units=5, resamples=100)
    fields = {"amount": "number", "country": "category", "item": "number", "label": "number"}
    plan = make_plan(window_checks=[spec], row_checks=[], lateness_ms=0, fields=fields)
    engine = Engine(plan, RatingDecoder())
    engine.assign(PartitionState(tp(), 0, 0))
    rows = [rating(n, who, (n + (who == "FR" and n % 3 == 0)) % 2, n) for n in range(60) for who in ("DE", "FR")]
    (window,) = engine.step([fetch([*rows, rating(0, "DE", 0, 5_000)])], 0).windows[:1]
    (outcome,) = window.checks
    assert (outcome.level, outcome.details["rated_units"]) == (Level.WARNING, 60)
    assert "DE | FR" in outcome.evidence
    (line,) = [line for line in window_lines(engine.plan, window) if line["kind"] == "check"]
    assert (line["evidence"], line["details"]["alpha"]) == (outcome.evidence, outcome.value)
    assert plan.window_checks[0].sizes == (0, 0)
