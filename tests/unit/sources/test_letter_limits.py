"""The share limit against its definition, record by record."""

from __future__ import annotations

import random

import numpy as np
import pytest

from monitor.sources.letter_limits import RateLimit, ShareLimit


def by_definition(bad, max_ratio, over):
    """Return for each bad record whether at most the share of it and the records before it, `over` in all, is bad."""
    most = max(1, int(max_ratio * over + 1e-9))
    return [sum(bad[max(0, i - over + 1) : i + 1]) <= most for i in range(len(bad)) if bad[i]]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("max_ratio", [0.01, 0.29, 0.5, 1.0])
def test_the_limit_is_its_definition_however_the_records_are_cut(seed, max_ratio):
    chance = random.Random(seed)
    share = chance.choice([0.05, 0.3, 0.6, 1.0])
    bad = [chance.random() < share for _ in range(600)]
    limit, admitted, at = ShareLimit(max_ratio, 40), [], 0
    while at < len(bad):
        n = chance.choice([1, 2, 30, 200])
        part = bad[at : at + n]
        admitted += limit.admits(len(part), np.flatnonzero(part)).tolist()
        at += n
    assert admitted == by_definition(bad, max_ratio, 40)


def test_exceeded_says_what_would_become_of_the_next_reject():
    chance = random.Random(1)
    limit = ShareLimit(0.2, 20)
    for _ in range(500):
        bad = chance.random() < 0.2
        exceeded = limit.exceeded
        admitted = limit.admits(1, np.arange(int(bad)))
        assert admitted.tolist() == [not exceeded] * int(bad)


def test_a_share_of_everything_admits_everything():
    limit = ShareLimit(1.0, 10)
    assert limit.admits(1_000, np.arange(1_000)).all()


def test_the_smallest_share_admits_one():
    limit = ShareLimit(0.001, 10)
    assert limit.admits(25, np.arange(25)).tolist() == [True] + [False] * 24


def test_a_rate_admits_a_seconds_worth_at_once_and_what_has_come_since():
    rate = RateLimit(10, 0.0)
    assert [rate.take(25, now_s) for now_s in (0.0, 0.5, 0.5, 100.0)] == [10, 5, 0, 10]
