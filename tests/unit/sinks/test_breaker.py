"""When a failing sink is tried again."""

from __future__ import annotations

import random

from monitor.sinks.breaker import LONGEST_BACK_OFF_S, OPEN_AFTER, Breaker

FOREVER_S = 1e9


def test_it_opens_after_so_many_failures_in_a_row_and_a_success_closes_it() -> None:
    breaker, rng = Breaker(), random.Random(1)
    for _ in range(OPEN_AFTER - 1):
        breaker.fail(0.0, rng, None, FOREVER_S)
        assert not breaker.open
    breaker.fail(0.0, rng, None, FOREVER_S)
    assert breaker.open
    breaker.succeed()
    assert not breaker.open
    assert breaker.fail(0.0, rng, None, FOREVER_S) <= 1.0


def test_open_it_waits_at_least_half_of_a_growing_time_and_never_twice_the_same() -> None:
    breaker, rng = Breaker(), random.Random(1)
    waits_s = [breaker.fail(0.0, rng, None, FOREVER_S) for _ in range(40)]
    for failures, wait_s in enumerate(waits_s):
        ceiling_s = min(LONGEST_BACK_OFF_S, 2.0**failures)
        assert (ceiling_s / 2 if failures >= OPEN_AFTER - 1 else 0.0) <= wait_s <= ceiling_s
    assert len(set(waits_s)) == 40


def test_what_the_other_side_asks_for_is_granted_up_to_a_limit() -> None:
    breaker, rng = Breaker(), random.Random(1)
    assert breaker.fail(10.0, rng, 120.0, FOREVER_S) == 120.0
    assert (breaker.wait_s(10.0), breaker.wait_s(130.0)) == (120.0, 0.0)
    assert breaker.fail(0.0, rng, 1e8, 3600.0) == 3600.0
