"""The trailing baseline in an engine: learning, following, and not learning a fault."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.accumulators import HistogramSpec
from monitor.types import Level
from tests.support.keepers import PREVIOUS, TRAILING, judged, levels, plan_of, reasons, second
from tests.support.monitors import fetch, make_baseline, make_engine, record

PLAN = plan_of(TRAILING)
AMOUNT = HistogramSpec(field="amount")


def test_it_learns_first_and_then_judges():
    results = judged(PLAN, [second(n) for n in range(8)])
    assert reasons(results)[:5] == ["learning"] * 4 + ["ok"]
    assert levels(results) == [Level.UNKNOWN] * 4 + [Level.OK] * 4


def test_the_reference_is_the_sum_of_the_windows_whose_quarantine_is_over():
    engine = make_engine(PLAN)
    results = judged(PLAN, [second(n) for n in range(12)])
    last = results[-1].baseline
    expected = sum(
        make_counts(engine.plan, n) for n in range(4, 9)
    )  # 12 windows: the last is judged with 11 heard, of which two are in quarantine and five are kept
    np.testing.assert_array_equal(last.accumulators[AMOUNT].counts, expected)
    assert last.windows == {"amount": 5, "country": 5}


def make_counts(plan, number):
    """Return the counts of one window alone."""
    return judged(plan, [second(number)])[0].profile.accumulators[AMOUNT].counts


def test_a_fault_is_still_a_fault_fifty_windows_later():
    results = judged(PLAN, [second(n, shift=30.0 if n >= 12 else 0.0) for n in range(62)])
    assert set(levels(results)[4:12]) == {Level.OK}
    assert set(levels(results)[12:]) == {Level.CRITICAL}
    assert results[-1].baseline.suspect == {"amount"}


def test_another_field_goes_on_while_one_is_frozen():
    results = judged(PLAN, [second(n, shift=30.0 if n >= 12 else 0.0) for n in range(30)])
    before, after = results[12].baseline.accumulators, results[-1].baseline.accumulators
    np.testing.assert_array_equal(before[AMOUNT].counts, after[AMOUNT].counts)
    country = next(spec for spec in after if spec.field == "country" and spec.kind == "categories")
    assert not np.array_equal(before[country].counts, after[country].counts)


def test_it_follows_what_changes_slowly_where_a_fixed_baseline_does_not():
    slow = [second(n, shift=0.35 * n) for n in range(80)]
    fixed = judged(replace(PLAN, keeping=None), slow)
    assert max(levels(judged(PLAN, slow))) is Level.OK
    assert levels(fixed)[-1] is Level.CRITICAL


def test_after_a_while_a_new_state_may_be_accepted():
    plan = plan_of(TRAILING.model_copy(update={"accept_after": 6}))
    results = judged(plan, [second(n, shift=30.0 if n >= 12 else 0.0) for n in range(30)])
    assert set(levels(results)[12:18]) == {Level.CRITICAL}
    assert set(levels(results)[18:]) == {Level.OK}
    [(number, change)] = [(n, change) for n, result in enumerate(results) for change in result.baseline_changes]
    assert (number, change.unit, change.reason) == (17, "amount", "accepted after 6 windows")
    assert change.at_ms == results[17].end_ms


def test_windows_of_which_nothing_is_known_neither_join_nor_count():
    few = judged(PLAN, [second(n, n=3 if 8 <= n < 12 else 200) for n in range(16)])
    assert reasons(few)[8:12] == ["too few rows"] * 4
    usual = judged(PLAN, [second(n) for n in (*range(8), *range(12, 16))])
    for one, other in zip(few[12:], [result for result in usual if not result.gap][8:], strict=True):
        np.testing.assert_array_equal(
            one.baseline.accumulators[AMOUNT].counts, other.baseline.accumulators[AMOUNT].counts
        )


def test_gaps_change_nothing():
    gap = judged(PLAN, [second(n) for n in (*range(8), *range(20, 24))])
    assert [result.windows for result in gap if result.gap] == [12]
    judged_rows = [result for result in gap if not result.gap]
    assert levels(judged_rows)[4:] == [Level.OK] * 8
    assert judged_rows[-1].baseline.windows["amount"] == 5


def test_of_sliding_windows_those_join_that_do_not_overlap():
    plan = plan_of(TRAILING.model_copy(update={"min_windows": 1, "quarantine": 1}), pane_ms=250)
    results = [result for result in judged(plan, [second(n) for n in range(8)]) if result.rows]
    for result in results:
        counts = result.baseline.accumulators[AMOUNT].counts
        whole = [n for n in range(8) if 1_000_000 + 1_000 * (n + 2) <= result.end_ms - (250 if result.rows else 0)]
        assert counts.sum() == 200 * min(len(whole), 5), result.end_ms


def test_a_field_that_is_new_learns_while_the_others_go_on():
    engine = make_engine(PLAN)
    for number in range(8):
        engine.step([fetch(second(number), at=200 * number)], 0)
    state = engine.closer.keeper.state()
    # The amount's cuts are others now, so its windows are of no use; the country's are the same.
    other = make_baseline([record(1_000_000 + i, float(i), ["DE", "FR", "US"][i % 3]) for i in range(2_000)])
    again = make_engine(replace(plan_of(TRAILING, baseline=replace_frame(other))))
    again.closer.keeper.load(state)
    view = again.closer.keeper.view(0, 1)
    assert view.windows["amount"] == 0
    assert view.windows["country"] > 0
    assert {spec.field for spec in view.learning} == {"amount"}


def replace_frame(other):
    """Return the usual baseline with another one's cuts for the amount."""
    mine = make_baseline()
    return replace(mine, frames={**mine.frames, "amount": other.frames["amount"]})


def test_previous_flags_the_change_and_only_the_change():
    results = judged(plan_of(PREVIOUS), [second(n, shift=30.0 if n >= 6 else 0.0) for n in range(12)])
    assert reasons(results)[0] == "no previous window"
    assert levels(results)[1:6] == [Level.OK] * 5
    assert levels(results)[6] is Level.CRITICAL
    assert levels(results)[7:] == [Level.OK] * 5


def test_after_a_gap_there_is_no_previous_window():
    results = [r for r in judged(plan_of(PREVIOUS), [second(n) for n in (0, 1, 2, 9, 10)]) if not r.gap]
    assert reasons(results) == ["no previous window", "ok", "ok", "no previous window", "ok"]


def test_of_sliding_windows_the_previous_is_the_last_that_does_not_overlap():
    results = [r for r in judged(plan_of(PREVIOUS, pane_ms=250), [second(n) for n in range(5)]) if r.rows]
    for result in results:
        if result.start_ms >= 1_001_000 and result.start_ms < 1_004_000:
            assert result.baseline.accumulators[AMOUNT].counts.sum() == 200
            assert "no previous window" not in reasons([result])


@pytest.mark.parametrize("keeping", [TRAILING, PREVIOUS], ids=["trailing", "previous"])
def test_unknown_windows_teach_nothing(keeping):
    plan = plan_of(keeping)
    engine = make_engine(plan)
    engine.expected = 2  # somebody else owns a partition
    for number in range(8):
        engine.step([fetch(second(number), at=200 * number)], 0)
    view = engine.closer.keeper.view(1_007_000, 1_008_000)
    assert view.unknown == "no previous window" or len(view.learning) == 3


def test_the_correlation_of_rows_is_estimated_from_the_windows_and_survives_a_restart():
    plan = plan_of(TRAILING.model_copy(update={"windows": 16}))
    rng = np.random.default_rng(11)
    seconds = [second(n, shift=float(rng.normal(0, 3))) for n in range(40)]
    whole, first = make_engine(plan), make_engine(plan)
    for number, values in enumerate(seconds):
        for engine in (whole, first):
            engine.step([fetch(values, at=200 * number)], 0)
        if number in (15, 22, 29):
            again = make_engine(plan)
            again.closer.keeper.load(first.closer.keeper.state())
            first.closer.keeper = again.closer.keeper
    one, other = (engine.closer.keeper.view(0, 1).rho for engine in (whole, first))
    assert one.keys() == other.keys()
    for spec in one:
        np.testing.assert_array_equal(one[spec], other[spec])
    assert one[AMOUNT][0] > 0.001


def test_with_few_windows_the_correlation_is_the_rulers():
    ruler = make_baseline()
    engine = make_engine(plan_of(TRAILING, baseline=ruler))
    keeper = engine.closer.keeper
    object.__setattr__(keeper._plan, "rho", {AMOUNT: np.array([0.02])})
    for number in range(10):
        engine.step([fetch(second(number), at=200 * number)], 0)
    assert keeper.view(0, 1).rho[AMOUNT].tolist() == [0.02]
