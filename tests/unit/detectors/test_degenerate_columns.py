"""Every detector on columns that break textbook formulas: ties, zeros, constants, heavy tails, outliers, nothing."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest

from monitor.accumulators import CategoriesSpec, Frame, HistogramSpec, PresenceSpec
from monitor.detectors import DetectorSpec
from monitor.policy.threshold import levels
from monitor.types import Column, Groups, Level, Presence

SPECS = [spec() for spec in get_args(get_args(DetectorSpec)[0])]
ON_NUMBERS = [spec for spec in SPECS if "number" in spec.field_types]
ON_CATEGORIES = [spec for spec in SPECS if "category" in spec.field_types]
SEE_A_SHIFT = {"psi", "ks", "js", "hellinger", "wasserstein", "tv", "chi2", "kl", "mean_shift", "median_shift"}
ROWS_BEFORE, ROWS = 5000, 1000
OUTLIER = 1e9
number_detectors = pytest.mark.parametrize("spec", ON_NUMBERS, ids=lambda spec: spec.kind)
category_detectors = pytest.mark.parametrize("spec", ON_CATEGORIES, ids=lambda spec: spec.kind)

COLUMNS: dict[str, tuple[Any, float]] = {
    "normal": (lambda rng, n: rng.normal(50, 10, n), 10),
    "ties": (lambda rng, n: rng.poisson(3, n) * 1.0, 1.7),
    "zero-inflated": (lambda rng, n: np.where(rng.random(n) < 0.9, 0, rng.exponential(20, n)), 9),
    "few values": (lambda rng, n: rng.choice([1.0, 2.0, 5.0], n, p=[0.5, 0.3, 0.2]), 1.5),
    "two values": (lambda rng, n: (rng.random(n) < 0.3) * 1.0, 0.46),
    "constant": (lambda rng, n: np.full(n, 5.0), 3),
    "constant zero": (lambda rng, n: np.zeros(n), 1),
    "heavy tails": (lambda rng, n: rng.standard_cauchy(n), 1.48),
    "log-normal": (lambda rng, n: rng.lognormal(3, 1, n), 22),
    "huge offset": (lambda rng, n: 1e12 + rng.normal(0, 1, n), 1),
    "tiny": (lambda rng, n: rng.normal(0, 1e-300, n), 1e-300),
    "gap": (lambda rng, n: np.where(rng.random(n) < 0.5, 0.0, 1000.0) + rng.normal(0, 1, n), 500),
}
"""How many values are drawn, and a shift that matters: about a standard deviation."""
each_column = pytest.mark.parametrize("name", COLUMNS)


def drawn(name: str, *, shifted: bool = False) -> tuple[Any, Any]:
    """Return baseline and current values."""
    draw, deviation = COLUMNS[name]
    rng = np.random.default_rng(list(name.encode()))
    return draw(rng, ROWS_BEFORE), draw(rng, ROWS) + shifted * deviation


def compared(spec: Any, before: Any, now: Any) -> tuple[Any, Level, str]:
    """Return score, level and reason of two columns of numbers, NaN being no value."""
    frame = Frame.of_numbers(before)
    needed = spec.build().needs("x", "number")
    sides = []
    for values in (before, now):
        accumulator = needed.build(frame if isinstance(needed, HistogramSpec) else None, 1)
        presence = np.where(np.isnan(values), Presence.NULL, Presence.OK).astype(np.uint8)
        accumulator.update(Column(values, presence), Groups())
        sides.append(accumulator)
    return judged(spec, *sides)


def judged(spec: Any, before: Any, now: Any) -> tuple[Any, Level, str]:
    """Return score, level and reason of two accumulators."""
    score = spec.build().compare(before, now)
    found, reasons = levels(score, spec)
    return score, Level(found[0]), reasons[0]


def is_blind(spec: Any, name: str) -> bool:
    """Return whether no number can be given: no value of the column is frequent."""
    return spec.kind == "mode_share" and name in {"normal", "heavy tails", "log-normal", "huge offset", "tiny", "gap"}


@each_column
@number_detectors
def test_columns_without_drift_have_no_level_and_sound_numbers(spec, name):
    score, level, reason = compared(spec, *drawn(name))
    if is_blind(spec, name):
        assert (level, reason) == (Level.UNKNOWN, "not defined")
        return
    assert level == Level.OK
    for numbers in (score.score, score.lower_bound, score.noise_floor):
        assert np.isfinite(numbers).all()
        assert (numbers >= 0).all()
    assert score.lower_bound[0] <= score.score[0]


@each_column
@number_detectors
def test_an_outlier_in_either_window_changes_no_level(spec, name):
    for shifted in (False, True):
        before, now = drawn(name, shifted=shifted)
        _, plain, _ = compared(spec, before, now)
        for outlier in (OUTLIER, -OUTLIER):
            _, in_current, _ = compared(spec, before, np.append(now, outlier))
            _, in_baseline, _ = compared(spec, np.append(before, outlier), now)
            _, in_both, _ = compared(spec, np.append(before, outlier), np.append(now, outlier))
            assert in_current == in_baseline == in_both == plain, (shifted, outlier)


@each_column
@pytest.mark.parametrize("spec", [s for s in ON_NUMBERS if s.kind in SEE_A_SHIFT], ids=lambda spec: spec.kind)
def test_a_shift_of_one_standard_deviation_is_found(spec, name):
    before, now = drawn(name, shifted=True)
    score, level, _ = compared(spec, before, now)
    assert score.score[0] > spec.warning
    if score.direction is not None:
        assert score.direction[0] == 1
    # How far the values went is not certain when they went into a gap or beyond what the baseline has.
    hidden = {"median_shift": {"few values", "two values", "gap"}, "wasserstein": set()}.get(spec.kind, set())
    if name in hidden or (name.startswith("constant") and spec.kind in ("median_shift", "wasserstein")):
        assert level == Level.OK
    else:
        assert level >= Level.WARNING


@number_detectors
@pytest.mark.parametrize(("constant", "other"), [(5.0, 8.0), (5.0, 4.0), (0.0, 1e-9), (-1e308, 1e308), (7.0, 1e9)])
def test_another_constant_is_found_by_whatever_compares_values(spec, constant, other):
    score, level, _ = compared(spec, np.full(500, constant), np.full(100, other))
    if spec.kind in ("missing", "invalid", "variance_shift"):
        assert level == Level.OK
    elif spec.kind in ("wasserstein", "median_shift"):
        assert score.score[0] > 0  # but how far it went is not certain: nothing of the baseline is out there
    elif spec.kind == "mean_shift":
        expected = min(abs(other / constant - 1), 1) if constant else other
        assert score.score[0] == pytest.approx(expected, rel=1e-6)
        assert (level >= Level.WARNING) == (expected > 0.3)
    else:
        assert level == Level.CRITICAL


@number_detectors
def test_empty_null_and_single_valued_sides_are_unknown_or_sound(spec):
    normal, nothing, null = np.random.default_rng(1).normal(size=500), np.zeros(0), np.full(200, np.nan)
    for before, now in [(normal, nothing), (nothing, normal), (nothing, nothing), (null, null), (null, normal)]:
        score, level, _ = compared(spec, before, now)
        if spec.kind in ("missing", "invalid") and before.size and now.size:
            assert (level == Level.OK) == (spec.kind == "invalid" or before is now)
            continue
        assert level == Level.UNKNOWN
        assert np.isnan(score.score[0])
        assert np.isnan(score.lower_bound[0])
    _, level, reason = compared(spec, normal, null)
    assert (level, reason) == {
        "missing": (Level.CRITICAL, "bound above critical"),
        "invalid": (Level.OK, "ok"),
    }.get(spec.kind, (Level.UNKNOWN, "no rows"))
    for before, now in [(np.array([3.0]), normal), (normal, np.array([3.0])), (np.array([3.0]), np.array([4.0]))]:
        score, level, reason = compared(spec, before, now)
        assert not np.isinf(score.score[0])
        assert now.size > 1 or (level, reason) == (Level.UNKNOWN, "too few rows")


WORDS: dict[str, Any] = {
    "constant": ["a"],
    "two values": ["a", "b"],
    "many": [f"v{i}" for i in range(200)],
    "long tail": [f"v{i}" for i in range(20) for _ in range(2000 // (i + 1) ** 2)],
}


def words(spec: Any, before: list[str | None], now: list[str | None], max_categories: int = 100) -> Any:
    """Return score, level and reason of two columns of words."""
    frame = Frame.of_categories(pa.array(before, pa.string()), max_categories=max_categories)
    needed = spec.build().needs("x", "category")
    assert isinstance(needed, CategoriesSpec | PresenceSpec)
    sides = []
    for values in (before, now):
        accumulator = needed.build(frame, 1)
        presence = np.array([Presence.OK if value is not None else Presence.NULL for value in values], np.uint8)
        accumulator.update(Column(pa.array(values, pa.string()), presence), Groups())
        sides.append(accumulator)
    return judged(spec, *sides)


@pytest.mark.parametrize("name", WORDS)
@category_detectors
def test_words_without_drift_have_no_level(spec, name):
    rng = np.random.default_rng(4)
    before, now = (rng.choice(WORDS[name], n).tolist() for n in (ROWS_BEFORE, ROWS))
    score, level, _ = words(spec, before, now)
    assert level == Level.OK
    assert np.isfinite([score.score[0], score.lower_bound[0], score.noise_floor[0], score.p_value[0]]).all()


@category_detectors
def test_another_constant_word_is_found(spec):
    _, level, _ = words(spec, ["a"] * 500, ["b"] * 100)
    assert (level == Level.CRITICAL) == (spec.kind not in ("missing", "invalid"))


@category_detectors
def test_no_words_are_unknown(spec):
    for before, now in [(["a"] * 99, []), ([], ["a"] * 99), ([], []), ([None] * 99, ["a"] * 99)]:
        score, level, _ = words(spec, before, now)
        if spec.kind not in ("missing", "invalid") or not (before and now):
            assert level == Level.UNKNOWN
            assert np.isnan(score.score[0])
