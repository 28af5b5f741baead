"""Checks of whole windows: their bounds, what they do not know, and what they remember."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from monitor.accumulators import CategoriesSpec, PresenceSpec
from monitor.accumulators.categories import Categories
from monitor.accumulators.frame import Frame
from monitor.accumulators.presence import PresenceCounts
from monitor.checks import (
    BalanceSpec,
    CardinalitySpec,
    ConstantSpec,
    FrequentSpec,
    LateSpec,
    SchemaSpec,
    UniquenessSpec,
    WindowView,
    misfits,
)
from monitor.types import Groups, Level, Presence
from tests.support.checks import column
from tests.support.window_checks import judged, view_of

# --- late


@pytest.mark.parametrize(("late", "level"), [(0, Level.OK), (10, Level.OK), (11, Level.WARNING)])
def test_more_late_rows_than_tolerated_fail(late, level):
    (found,) = LateSpec(max_ratio=0.1).build().judge(WindowView(0, 1, 100 - late, late))
    assert (found.level, found.value, found.rows) == (level, late / 100, 100)


def test_lateness_of_a_few_rows_is_unknown():
    (found,) = LateSpec(min_rows=50).build().judge(WindowView(0, 1, 48, 1))
    assert (found.level, found.reason) == (Level.UNKNOWN, "too few rows")


# --- constant and frequent


def test_a_field_of_one_value_is_constant_and_missing_values_do_not_hide_it():
    stuck = column([21.5] * 10 + [0.0] * 5, [Presence.OK] * 10 + [Presence.NULL] * 5)
    (found,) = judged(ConstantSpec(field="x", min_rows=10), {"x": stuck})
    assert (found.level, found.reason, found.rows) == (Level.WARNING, "every value is '21.5'", 10)


def test_one_other_value_is_enough_not_to_be_constant():
    (found,) = judged(ConstantSpec(field="x", min_rows=10), {"x": [1.0] * 999 + [2.0]})
    assert (found.level, found.value) == (Level.OK, 0.999)


def test_each_segment_is_judged_for_itself():
    values, codes = ["a"] * 10 + ["b", "c"] * 5, [1] * 10 + [2] * 10
    found = judged(ConstantSpec(field="x", min_rows=10), {"x": values}, codes)
    assert [(f.group, f.level) for f in found] == [(0, Level.OK), (1, Level.WARNING), (2, Level.OK)]


def test_the_share_of_the_most_frequent_value_is_bounded():
    spec = FrequentSpec(field="x", max_ratio=0.5, min_rows=10)
    assert [f.level for f in judged(spec, {"x": ["a"] * 5 + list("bcdef")})] == [Level.OK]
    (found,) = judged(spec, {"x": ["a"] * 6 + list("bcde")})
    assert (found.level, found.value, found.reason) == (Level.WARNING, 0.6, "'a' is 60.0% of the values")


def test_a_frequent_value_is_found_among_very_many():
    values = [f"id-{n}" for n in range(50_000)]
    values[::3] = ["N"] * len(values[::3])
    (found,) = judged(FrequentSpec(field="x", max_ratio=0.25), {"x": values}, batches=7)
    assert found.level is Level.WARNING
    assert 1 / 3 - 1 / 65 <= found.value <= 0.33335


@pytest.mark.parametrize("spec", [ConstantSpec(field="x"), FrequentSpec(field="x"), UniquenessSpec(field="x")])
def test_with_few_values_nothing_is_judged(spec):
    for values, reason in (([], "no rows"), ([1.0] * 99, "too few rows")):
        (found,) = judged(spec, {"x": values})
        assert (found.level, found.reason, found.value) == (Level.UNKNOWN, reason, None)


# --- uniqueness and cardinality


def test_repeated_values_are_not_unique():
    different = [float(n) for n in range(2_000)]
    assert judged(UniquenessSpec(field="x"), {"x": different})[0].level is Level.OK
    (found,) = judged(UniquenessSpec(field="x"), {"x": different[:1_000] * 2})
    assert found.level is Level.WARNING
    assert found.value == pytest.approx(0.5, rel=0.05)


def test_the_number_of_different_values_has_bounds():
    spec = CardinalitySpec(field="x", min_distinct=50, max_distinct=200)
    levels = [judged(spec, {"x": [float(i % n) for i in range(1_000)]})[0].level for n in (40, 50, 200, 250)]
    assert levels == [Level.WARNING, Level.OK, Level.OK, Level.WARNING]


def test_a_jump_against_the_windows_before_is_found_both_ways_and_in_time_becomes_usual():
    spec, memory, levels = CardinalitySpec(field="x", max_jump=2.0, windows=4), {}, []
    for different in (100, 105, 95, 100, 300, 100, 30, 300, 300, 300, 300):
        values = {"x": [float(i % different) for i in range(1_000)]}
        levels.append(judged(spec, values, memory=memory)[0].level)
    ok, bad = Level.OK, Level.WARNING
    assert levels == [ok, ok, ok, ok, bad, ok, bad, bad, ok, ok, ok]
    assert len(memory["past"]) == 4


def test_a_check_that_bounds_nothing_is_refused():
    with pytest.raises(ValidationError, match="nothing is bounded"):
        CardinalitySpec(field="x")
    with pytest.raises(ValidationError, match="nothing is bounded"):
        BalanceSpec(field="x")


# --- balance


def test_a_class_that_is_too_rare_or_absent_fails():
    spec = BalanceSpec(field="y", classes=("a", "b"), min_class_ratio=0.2)
    assert judged(spec, {"y": ["a"] * 80 + ["b"] * 20})[0].level is Level.OK
    (found,) = judged(spec, {"y": ["a"] * 81 + ["b"] * 19})
    assert (found.level, found.value, found.reason) == (Level.WARNING, 0.19, "class 'b' has only 19.00% of the rows")
    assert judged(spec, {"y": ["a"] * 100})[0].value == 0.0


def test_the_baselines_classes_are_expected_where_none_are_listed():
    spec = BalanceSpec(field="y", min_class_ratio=0.1)
    values = {"y": ["a"] * 50 + ["b"] * 50}
    assert judged(spec, values)[0].level is Level.OK
    assert judged(spec, values, categories={"y": ("a", "b", "c")})[0].level is Level.WARNING


def test_entropy_and_the_effective_number_of_classes_are_bounded():
    values = {"y": ["a"] * 90 + ["b"] * 10}
    assert judged(BalanceSpec(field="y", min_entropy_ratio=0.468), values)[0].level is Level.OK
    assert judged(BalanceSpec(field="y", min_entropy_ratio=0.47), values)[0].level is Level.WARNING
    assert judged(BalanceSpec(field="y", min_effective_classes=1.38), values)[0].level is Level.OK
    assert judged(BalanceSpec(field="y", min_effective_classes=1.39), values)[0].level is Level.WARNING


def test_imbalance_simpson_and_the_tail_are_bounded():
    values = {"y": ["a"] * 900 + ["b"] * 60 + ["c"] * 30 + ["d"] * 6 + ["e"] * 4}
    for bound, holds, fails, reason in (
        ("min_simpson_classes", 1.2, 1.23, "1.23 effective classes by Simpson"),
        ("max_imbalance", 225, 224, "class 'a' has 225 times as many rows, class 'e' 4"),
        ("min_tail_ratio", 0.0099, 0.011, "classes below 0.01 have only 1.00% of the rows"),
        ("max_tail_ratio", 0.011, 0.0099, "classes below 0.01 have 1.00% of the rows"),
    ):
        assert judged(BalanceSpec(field="y", **{bound: holds}), values)[0].level is Level.OK
        (found,) = judged(BalanceSpec(field="y", **{bound: fails}), values)
        assert (found.level, found.reason) == (Level.WARNING, reason)
    assert found.details["tail_ratio"] == pytest.approx(0.01)
    assert found.details["imbalance"] == 225
    (found,) = judged(BalanceSpec(field="y", max_imbalance=5, classes=("a", "z")), {"y": ["a"] * 100})
    assert (found.level, found.reason) == (Level.WARNING, "class 'a' has 100 rows, class 'z' 0")
    assert "imbalance" not in found.details


def against(spec, now, before):
    """Return the finding of a window of counts of classes, against a baseline of counts."""
    names = [f"c{n}" for n in range(len(before))]
    frame = Frame(categories=tuple(names), counts=np.array([*before, 0, 0], np.int64))
    known, seen = Categories(frame, 1), Categories(frame, 1)
    rows = [name for name, n in zip([*names, "new"], [*now, 0], strict=False) for _ in range(n)]
    known.update(column([name for name, n in zip(names, before, strict=True) for _ in range(n)]), Groups())
    seen.update(column(rows), Groups())
    view = view_of(spec, {"y": rows})
    need = CategoriesSpec(field="y")
    view = replace(view, accumulators={**view.accumulators, need: seen}, baseline={need: known})
    (found,) = spec.build().judge(view)
    return found


def test_a_change_of_the_effective_number_of_classes_fails_by_what_is_not_chance():
    spec = BalanceSpec(field="y", max_effective_change=0.2)
    even = [250] * 4
    assert against(spec, [240, 260, 245, 255], even).level is Level.OK
    found = against(spec, [700, 200, 90, 10], even)
    assert (found.level, found.reason) == (Level.WARNING, "2.30 effective classes, 4.00 in the baseline")
    assert found.details["effective_change"] == pytest.approx(-0.43, abs=0.01)
    # Of 100 rows the same shares are a smaller change for certain, and of 8 rows none at all.
    assert against(spec, [55, 25, 12, 8], even).level is Level.OK
    assert against(BalanceSpec(field="y", max_effective_change=0.2), [1000], [500, 500]).level is Level.WARNING


def test_a_change_of_the_tail_is_that_of_the_baselines_rare_classes():
    spec = BalanceSpec(field="y", max_tail_change=0.02)
    before = [9_000, 920, 50, 30]
    assert against(spec, [900, 92, 5, 3], before).level is Level.OK
    found = against(spec, [800, 100, 60, 40], before)
    assert (found.level, found.reason) == (Level.WARNING, "the baseline's tail has 10.00% of the rows, 0.80% before")
    assert against(spec, [800, 100, 0, 0, 100], before).reason.startswith("the baseline's tail has 10.00%")


def test_a_change_is_unknown_without_a_baseline_and_needs_classes():
    spec = BalanceSpec(field="y", max_tail_change=0.02)
    assert spec.needs_baseline
    (found,) = judged(spec, {"y": ["a", "b"] * 100})
    assert (found.level, found.reason) == (Level.UNKNOWN, "no baseline")
    assert [m.setting for m in misfits(spec, {"y": "text"})] == ["field"]
    assert list(misfits(spec, {"y": "category"})) == []


def test_too_many_classes_are_unknown():
    (found,) = judged(BalanceSpec(field="y", min_class_ratio=0.1), {"y": [f"c{n}" for n in range(3_000)]})
    assert (found.level, found.reason) == (Level.UNKNOWN, "too many classes")


# --- schema

ABSENT = column([0.0] * 30, [Presence.ABSENT] * 30)
USUAL = column([1.0] * 30)


def presence_of(field: str, presence: list[int]) -> dict[PresenceSpec, PresenceCounts]:
    counts = PresenceCounts(1)
    counts.update(column([0.0] * len(presence), presence), Groups())
    return {PresenceSpec(field=field): counts}


def test_a_field_that_is_gone_is_said_unless_the_baseline_had_none_either():
    (found,) = judged(SchemaSpec(), {"x": ABSENT, "y": USUAL})
    assert (found.level, found.reason, found.value) == (Level.CRITICAL, "field 'x' is gone", 1.0)
    known = presence_of("x", [Presence.ABSENT] * 5)
    assert judged(SchemaSpec(), {"x": ABSENT, "y": USUAL}, baseline=known)[0].level is Level.OK


def test_a_field_mostly_of_another_type_is_said():
    wrong = column([0.0] * 30, [Presence.WRONG_TYPE] * 8 + [Presence.OK] * 7 + [Presence.NULL] * 15)
    assert judged(SchemaSpec(), {"x": wrong})[0].reason == "field 'x' is of another type"
    assert judged(SchemaSpec(type_changes=False), {"x": wrong})[0].level is Level.OK
    known = presence_of("x", [Presence.WRONG_TYPE] * 5)
    assert judged(SchemaSpec(), {"x": wrong}, baseline=known)[0].level is Level.OK


def test_a_new_field_is_news_once_and_the_first_window_teaches_what_is_known():
    memory = {}
    said = [
        judged(SchemaSpec(), {"x": USUAL}, memory=memory, unknown_fields=dict.fromkeys(names, "t/0@7"))[0].reason
        for names in (["a"], ["a", "b"], ["a", "b"], ["a"], ["b"])
    ]
    assert said == ["ok", "new field 'b', first at t/0@7", "ok", "ok", "ok"]


def test_what_the_baseline_had_or_is_ignored_is_not_new():
    spec = SchemaSpec(ignore=("c",))
    view = view_of(
        spec,
        {"x": USUAL},
        known_fields=frozenset({"x", "a"}),
        unknown_fields={"a": "t/0@1", "b": "t/0@2", "c": "t/0@3"},
    )
    assert spec.build().judge(view)[0].reason == "new field 'b', first at t/0@2"


def test_what_is_remembered_is_bounded():
    memory = {}
    names = {f"n{n}": "t/0@1" for n in range(5_000)}
    judged(SchemaSpec(), {"x": USUAL}, memory=memory, unknown_fields=names)
    assert len(memory["known"]) == 1_000
