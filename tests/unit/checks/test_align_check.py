"""Rows of two topics are paired by key and time, in bounded memory, however they come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.checks import AlignSpec, WindowView
from monitor.codec import decode, encode
from monitor.errors import StoreError
from monitor.types import Batch, Level, Presence, TopicPartition
from tests.support.checks import column
from tests.support.monitors import FIRST_MS, fetch, make_engine, make_plan, record, tp

PANE_MS = 1_000
SPEC = AlignSpec(left="orders", right="payments", key=("id",), compare=("amount",), tolerance=500, min_rows=1)


def rows_of(topic: str, rows: list[tuple[object, int, float]]) -> Batch:
    """Return rows (id, event time, amount) of a topic; an id of None is null."""
    ids = column([str(key) for key, *_ in rows], [Presence.NULL if key is None else Presence.OK for key, *_ in rows])
    times = np.array([time for _, time, _ in rows], np.int64)
    amounts = [amount for *_, amount in rows]
    numbers = np.arange(len(rows))
    return Batch(TopicPartition(topic, 0), numbers, times, times, {"id": ids, "amount": column(amounts)})


def found(check, start=0, end=PANE_MS):
    (finding,) = check.judge(WindowView(start, end, 0))
    return finding


def test_partners_within_the_tolerance_match_whoever_comes_first():
    check = SPEC.build()
    check.fold(rows_of("orders", [("a", 100, 5.0), ("b", 200, 6.0)]), PANE_MS)
    check.fold(rows_of("payments", [("b", 100, 6.0), ("c", 300, 1.0)]), PANE_MS)
    check.fold(rows_of("orders", [("c", 700, 1.0)]), PANE_MS)
    check.fold(rows_of("payments", [("a", 600, 5.0)]), PANE_MS)
    finding = found(check)
    assert (finding.level, finding.value, finding.rows) == (Level.OK, 0.0, 6)
    assert finding.details["matched"] == 3
    assert check.waiting == (0, 0)


def test_a_row_without_partner_counts_once_none_can_come_any_more():
    check = SPEC.build()
    check.fold(rows_of("orders", [("a", 100, 5.0), ("b", 900, 5.0)]), PANE_MS)
    check.settle(600, PANE_MS)
    assert check.waiting == (2, 0)
    check.settle(601, PANE_MS)
    finding = found(check)
    assert (finding.level, finding.value) == (Level.WARNING, 1.0)
    assert finding.reason == "1 rows of orders and 0 of payments have no partner"
    check.settle(2_000, PANE_MS)
    assert found(check, 1_000, 2_000).details["unmatched_left"] == 1


def test_values_that_differ_and_a_skew_are_findings_of_their_own():
    check = replace_spec(max_different_ratio=0.4).build()
    check.fold(rows_of("orders", [("a", 0, 5.0), ("b", 0, 6.0), ("c", 0, 7.0)]), PANE_MS)
    check.fold(rows_of("payments", [("a", 200, 5.0), ("b", 200, 6.5), ("c", 200, 8.0)]), PANE_MS)
    finding = found(check)
    assert finding.reason == "amount differs in 66.67% of the pairs"
    assert finding.details["median_skew_ms"] == pytest.approx(200, abs=25)
    check = replace_spec(max_median_skew=100, compare=()).build()
    check.fold(rows_of("orders", [("a", 400, 5.0)]), PANE_MS)
    check.fold(rows_of("payments", [("a", 100, 5.0)]), PANE_MS)
    assert found(check).details["median_skew_ms"] == pytest.approx(-300, abs=25)
    assert found(check).level is Level.WARNING


def replace_spec(**changes):
    return AlignSpec.model_validate(SPEC.model_dump() | changes)


def test_a_missing_value_differs_from_nothing_and_a_missing_key_has_no_partner():
    check = SPEC.build()
    left = rows_of("orders", [("a", 0, 5.0), (None, 0, 1.0)])
    amounts = column([5.0, 1.0], [Presence.NULL, Presence.OK])
    check.fold(replace(left, columns={**left.columns, "amount": amounts}), PANE_MS)
    check.fold(rows_of("payments", [("a", 0, 9.0)]), PANE_MS)
    assert (found(check).reason, check.waiting) == ("ok", (0, 0))


def test_a_key_that_comes_again_has_a_partner_each_time():
    check = SPEC.build()
    check.fold(rows_of("orders", [("a", 0, 1.0), ("a", 2_000, 2.0), ("a", 4_000, 3.0)]), PANE_MS)
    check.fold(rows_of("payments", [("a", 4_100, 3.0), ("a", 2_100, 2.0)]), PANE_MS)
    assert check.waiting == (1, 0)
    assert found(check, 0, 5_000).details["different_ratio.amount"] == 0


def test_no_more_rows_wait_than_allowed_and_the_oldest_are_given_up():
    check = replace_spec(max_waiting=10).build()
    check.fold(rows_of("orders", [(n, n, 1.0) for n in range(100)]), PANE_MS)
    assert check.waiting == (10, 0)
    assert found(check).details == {"matched": 0, "unmatched_left": 90, "unmatched_right": 0, "dropped": 90}
    check.fold(rows_of("payments", [(99, 99, 1.0)]), PANE_MS)
    assert check.waiting == (9, 0)


def test_other_topics_are_left_alone_and_few_rows_are_unknown():
    check = replace_spec(min_rows=5).build()
    check.fold(rows_of("strangers", [("a", 0, 1.0)]), PANE_MS)
    assert (check.waiting, found(check).reason) == ((0, 0), "no rows")
    check.fold(rows_of("orders", [("a", 0, 1.0)]), PANE_MS)
    check.fold(rows_of("payments", [("a", 0, 1.0)]), PANE_MS)
    assert found(check).reason == "too few rows"


story = st.lists(
    st.tuples(st.sampled_from(["orders", "payments"]), st.integers(0, 6), st.integers(0, 900), st.integers(0, 1)),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(story, st.integers(0, 30))
def test_a_state_that_was_stored_goes_on_as_if_nothing_had_happened(rows, cut):
    straight, stored = SPEC.build(), SPEC.build()
    for number, (topic, key, time, amount) in enumerate(rows):
        batch = rows_of(topic, [(key, time, float(amount))])
        straight.fold(batch, PANE_MS)
        if number == cut:
            again = SPEC.build()
            again.load(decode(encode(stored.state())))
            stored = again
        stored.fold(batch, PANE_MS)
    for check in (straight, stored):
        check.settle(5_000, PANE_MS)
    assert encode(straight.state()) == encode(stored.state())
    counts = [found(straight, start, start + PANE_MS) for start in (0, 1_000)]
    assert sum(finding.rows for finding in counts) == len(rows)


@settings(max_examples=40, deadline=None)
@given(story.map(lambda rows: list({(r[0], r[1]): r for r in rows}.values())), st.integers(1, 5))
def test_how_rows_are_cut_into_batches_does_not_matter_while_keys_differ(rows, size):
    def folded(step):
        check = SPEC.build()
        for topic in ("orders", "payments"):
            mine = [(key, time, float(amount)) for of, key, time, amount in rows if of == topic]
            for start in range(0, len(mine), step):
                check.fold(rows_of(topic, mine[start : start + step]), PANE_MS)
        check.settle(5_000, PANE_MS)
        return [found(check, start, start + PANE_MS) for start in (0, 1_000)]

    assert folded(size) == folded(100)


@pytest.mark.parametrize("damage", [{"of": []}, {"waiting": {}}, {"panes": {"x": {}}}, {"waiting": {"left": 1}}])
def test_a_state_that_does_not_fit_is_refused(damage):
    check = SPEC.build()
    with pytest.raises(StoreError, match="reset the checkpoint"):
        check.load(check.state() | damage)


def test_a_topic_is_not_aligned_with_itself():
    with pytest.raises(ValidationError, match="same topic"):
        AlignSpec(left="a", right="a", key=("id",))


def test_the_engine_pairs_topics_and_judges_what_its_watermark_has_passed():
    spec = AlignSpec(left="a", right="b", key=("amount",), tolerance=100, min_rows=1)
    plan = make_plan(window_checks=[spec], row_checks=[], lateness_ms=0)
    engine = make_engine(plan, tp(0, "a"), tp(0, "b"))
    other = make_engine(plan, tp(0, "a"), tp(0, "b"))
    a = [record(FIRST_MS + 10 * i, float(i)) for i in range(50)]
    b = [value for i, value in enumerate(a) if i % 5]
    far = record(FIRST_MS + 9_000, 999.0)
    engine.step([fetch([*a, far], partition=tp(0, "a"))], 0)
    (window, *_) = engine.step([fetch([*b, far], partition=tp(0, "b"))], 0).windows
    (outcome,) = window.checks
    assert (outcome.level, outcome.rows) == (Level.WARNING, 90)
    assert outcome.reason == "10 rows of a and 0 of b have no partner"
    assert other.plan.window_checks[0].waiting == (0, 0)
    assert plan.window_checks[0].waiting == (0, 0)
