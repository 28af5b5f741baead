"""The laws of the sample of rows: bit-equal under any batching and merging, uniform, and bounded."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.accumulators.row_sample import RowSample, tags_of
from monitor.codec import decode, encode, from_json, to_json
from monitor.errors import StoreError
from monitor.types import TopicPartition

laws = settings(max_examples=30, deadline=None)
SIZE = 20


def rows_of(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows that say which they are, from three partitions, with their tags."""
    number = np.arange(n)
    parts = [tags_of(TopicPartition("t", p), number[number % 3 == p]) for p in range(3)]
    tags = np.empty(n, np.int64)
    for p in range(3):
        tags[number % 3 == p] = parts[p]
    return np.column_stack((number, number**2)).astype(np.float64), tags


def sampled(rows: np.ndarray, tags: np.ndarray, bounds: list[int]) -> RowSample:
    sample = RowSample(SIZE, 2)
    for start, end in pairwise(bounds):
        sample.update(rows[start:end], tags[start:end])
    return sample


@given(n=st.integers(0, 120), cuts=st.lists(st.integers(0, 120), max_size=4), seed=st.integers(0, 5))
@laws
def test_batches_order_and_merging_do_not_matter(n, cuts, seed):
    rows, tags = rows_of(n)
    bounds = [0, *sorted(min(cut, n) for cut in cuts), n]
    whole = encode(sampled(rows, tags, [0, n]).state())
    order = np.random.default_rng(seed).permutation(n)
    assert encode(sampled(rows, tags, bounds).state()) == whole
    assert encode(sampled(rows[order], tags[order], bounds).state()) == whole
    merged = RowSample(SIZE, 2)
    for start, end in pairwise(bounds):
        merged.merge(sampled(rows, tags, [start, end]))
    assert encode(merged.state()) == whole


def test_state_survives_json_and_bytes_and_damage_is_refused():
    rows, tags = rows_of(50)
    original = sampled(rows, tags, [0, 50])
    state = original.state()
    for stored in (from_json(json.loads(json.dumps(to_json(state)))), decode(encode(state))):
        again = RowSample(SIZE, 2)
        again.load(stored)
        assert encode(again.state()) == encode(state)
    for damaged in (
        {**state, "n": 3},
        {**state, "tags": state["tags"][::-1]},
        {**state, "rows": state["rows"][:1]},
        {},
    ):
        with pytest.raises(StoreError):
            RowSample(SIZE, 2).load(damaged)


def test_every_row_is_as_likely_to_be_kept():
    """Each of 100 places, in 2,000 topics: kept 400 times on average, with a standard deviation of 18."""
    kept = np.zeros(100)
    for topic in range(2_000):
        tags = tags_of(TopicPartition(f"t{topic}", 0), np.arange(100))
        sample = RowSample(SIZE, 1)
        sample.update(np.arange(100.0)[:, None], tags)
        kept[sample.rows[:, 0].astype(np.int64)] += 1
    assert kept.sum() == 2_000 * SIZE
    assert np.abs(kept - 400).max() < 5 * 18


def test_a_tag_is_the_same_in_every_process_and_other_in_every_partition():
    assert tags_of(TopicPartition("t", 0), np.arange(2)).tolist() == [7360875386455269, 4642595682742005]
    assert tags_of(TopicPartition("t", 1), np.arange(2))[0] != tags_of(TopicPartition("t", 0), np.arange(2))[0]
