"""Quarantine, suspicion and acceptance: which windows make a trailing reference."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.baseline.ring import Ring, RingRules
from monitor.errors import StoreError

RULES = RingRules(size=4, quarantine=2, min_windows=2, clear_after=2)


def heard(levels: str, rules: RingRules = RULES) -> Ring:
    """Return the ring after windows that were in control (`.`) or not (`x`), numbered from 0."""
    ring = Ring(rules)
    for serial, level in enumerate(levels):
        ring.hear(serial, breach=level == "x")
    return ring


def test_a_window_joins_after_so_many_more_were_judged():
    assert heard("..").members == []
    assert heard("...").members == [0]
    assert heard("....").members == [0, 1]


def test_old_windows_leave():
    assert heard("........").members == [2, 3, 4, 5]


def test_a_breach_never_joins_nor_do_those_whose_quarantine_ends_under_suspicion():
    # 2 and 3 would join with 4 and 5; 4 breaches, and one window later it is still suspect.
    assert heard("....x").members == [0, 1]
    assert heard("....x.").members == [0, 1]
    assert heard("....x....").members == [0, 1, 5, 6]


def test_while_it_lasts_the_members_are_frozen():
    ring = heard("......" + "x" * 50)
    assert ring.members == [0, 1, 2, 3]
    assert ring.suspect
    assert ring.held == {0, 1, 2, 3}


def test_suspicion_ends_after_so_many_windows_in_control():
    assert [heard("..x" + "." * n).suspect for n in range(4)] == [True, True, False, False]


def test_it_is_learning_until_enough_windows_are_in():
    assert [heard("." * n).learning for n in range(6)] == [True, True, True, True, False, False]


def test_after_so_many_breaches_in_a_row_they_are_the_norm():
    rules = RingRules(size=4, quarantine=2, min_windows=2, clear_after=2, accept_after=3)
    assert heard("......xx", rules).members == [0, 1, 2, 3]
    ring = heard("......xxx", rules)
    assert ring.members == [6, 7, 8]
    assert not ring.suspect
    assert heard("......xx.xx", rules).members == [0, 1, 2, 3]


def test_of_many_accepted_windows_the_last_are_taken():
    rules = RingRules(size=3, quarantine=1, min_windows=1, clear_after=1, accept_after=5)
    assert heard("...xxxxx", rules).members == [5, 6, 7]


def test_hearing_says_when_the_breaches_are_accepted():
    ring = Ring(RingRules(size=4, quarantine=1, min_windows=1, clear_after=1, accept_after=2))
    assert [ring.hear(n, breach=breach) for n, breach in enumerate([True, True, True, False])] == [
        False, True, False, False,
    ]  # fmt: skip


levels = st.text(alphabet="...x", max_size=60)
rules = st.builds(
    RingRules,
    size=st.integers(2, 6),
    quarantine=st.integers(1, 4),
    min_windows=st.integers(1, 2),
    clear_after=st.integers(1, 3),
    accept_after=st.none() | st.integers(2, 5),
)


@given(levels, levels, rules)
def test_saved_and_loaded_it_goes_on_as_if_nothing_had_happened(before, after, rules):
    ring, again = heard(before, rules), Ring(rules)
    again.load(json.loads(json.dumps(ring.state())))
    for serial, level in enumerate(after, start=len(before)):
        assert ring.hear(serial, breach=level == "x") == again.hear(serial, breach=level == "x")
    assert ring == again


@given(levels, rules)
def test_its_size_is_bounded_and_without_acceptance_no_breach_is_ever_in_it(levels, rules):
    ring = heard(levels, rules)
    assert len(ring.members) <= rules.size
    assert len(ring.held) <= 2 * rules.size + rules.quarantine
    if rules.accept_after is None:
        assert not any(levels[serial] == "x" for serial in ring.held)


@pytest.mark.parametrize("damage", [{}, {"members": ["a"], "waiting": [], "accused": [], "breaches": 0, "calm": 0}])
def test_a_damaged_state_is_refused(damage):
    with pytest.raises(StoreError, match="trailing baseline is damaged"):
        Ring(RULES).load(damage)
