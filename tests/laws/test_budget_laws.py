"""The e-detector goes on from any slot as if nothing had happened, and knows no order of its streams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.codec import decode, encode
from monitor.errors import StoreError
from monitor.policy.budget import EDetector, Rules
from tests.support.budget_streams import SLOT_MS

SLOTS = 90
RULES = Rules(run_slots=20, slot_ms=SLOT_MS, cycle_ms=6 * SLOT_MS, lag=5, min_scores=20, capacity=40, stride=1)


def scores(seed, streams=4):
    """Scores with ties, gaps, infinities and a change."""
    rng = np.random.default_rng(seed)
    found = rng.standard_normal((SLOTS, streams)).round(1)
    found[60:, 0] += 4
    found[rng.random(found.shape) < 0.1] = np.nan
    found[rng.random(found.shape) < 0.01] = np.inf
    return found


def run(detector, rows, first=0):
    return [detector.step((first + number) * SLOT_MS, row) for number, row in enumerate(rows)]


def new(names="abcd", rules=RULES):
    return EDetector(list(names), np.full(len(names), 1 / len(names)), rules)


def assert_equal(one, other):
    for name in ("p_values", "residuals", "log_ratios", "alarms", "recovered", "also"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)


def assert_same_state(one, other):
    assert encode(one.state()) == encode(other.state())


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.integers(0, SLOTS))
def test_a_checkpoint_at_any_slot_changes_nothing(seed, cut):
    rows = scores(seed)
    whole = new()
    expected = run(whole, rows)
    first = new()
    run(first, rows[:cut])
    second = new()
    second.load(decode(encode(first.state())))
    for one, other in zip(run(second, rows[cut:], cut), expected[cut:], strict=True):
        assert_equal(one, other)
    assert_same_state(second, whole)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(4)))
def test_the_order_of_the_streams_does_not_matter(seed, order):
    rows = scores(seed)
    names = np.array(list("abcd"))
    plain, mixed = new(), new(names[order])
    for one, other in zip(run(plain, rows), run(mixed, rows[:, order]), strict=True):
        np.testing.assert_array_equal(one.log_ratios[order], other.log_ratios)
        np.testing.assert_array_equal(one.alarms[order], other.alarms)
        np.testing.assert_array_equal(one.also[order], other.also)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.integers(0, SLOTS))
def test_streams_that_come_and_go_leave_the_others_as_they_are(seed, cut):
    rows = scores(seed)
    # A quarter of the budget each, whoever else there is: a weight of its own is all that binds a stream to the others.
    alone = EDetector(["c"], np.array([0.25]), RULES)
    together = new()
    run(alone, rows[:, 2:3])
    run(together, rows[:cut])
    together.pick(["x", "c"], np.array([0.25, 0.25]))
    run(together, np.column_stack([rows[cut:, 0], rows[cut:, 2]]), cut)
    together.pick(["c"], np.array([0.25]))
    assert_same_state(alone, together)


def test_a_replay_is_the_same_to_the_bit():
    one, other = new(), new()
    run(one, scores(3))
    run(other, scores(3))
    assert_same_state(one, other)


def test_the_fault_of_these_laws_is_found():
    """Else the laws above would say little."""
    found = run(new(), scores(1))
    assert any(slot.alarms[0] for slot in found[60:])


def test_what_is_unknown_leaves_the_evidence_as_it_was():
    detector = new()
    run(detector, scores(2)[:50])
    evidence = {name: array.copy() for name, array in detector.evidence.state().items()}
    detector.step(50 * SLOT_MS, np.full(4, np.nan))
    for name, array in detector.evidence.state().items():
        np.testing.assert_array_equal(array, evidence[name], name)


@pytest.mark.parametrize("damage", [{"seen": np.zeros(3, np.int64)}, {"latched": [False]}, {"seen": None}])
def test_a_state_of_another_size_is_refused(damage):
    detector = new()
    with pytest.raises(StoreError, match="reset the checkpoint"):
        new().load(detector.state() | damage)
