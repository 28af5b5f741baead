"""Laws of the check of near duplicates: chunking does not matter, state survives, the memory is bounded."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.checks import NearDuplicatesSpec
from monitor.codec import decode, encode
from monitor.errors import StoreError
from monitor.memory_blocks import MemoryBlocks
from monitor.types import Batch, Column, Presence, TopicPartition
from tests.support.checks import masks

laws = settings(max_examples=20, deadline=None)
SPECS = {
    "text": NearDuplicatesSpec(field="x", similarity=0.7, capacity=100, horizon=1_000, run=2),
    "vector": NearDuplicatesSpec(field="x", similarity=0.9, capacity=100, horizon=1_000),
}
WORDS = st.lists(st.sampled_from(["a", "b", "mark", "Ж", "漢", "e\u0301", "😀", "\x00", " ", "שלום"]), max_size=6)
VALUES = {
    "text": WORDS.map(" ".join),
    "vector": st.lists(st.sampled_from([0.0, 1.0, -1.0, 0.01, 1e300, 5e-324]), min_size=3, max_size=3),
}
each_kind = pytest.mark.parametrize("kind", VALUES)


@st.composite
def streams(draw: Any, kind: str) -> tuple[Batch, list[int]]:
    """Draw rows whose event times mostly rise, and places to cut them at."""
    n = draw(st.integers(0, 40))
    drawn = draw(st.lists(VALUES[kind], min_size=n, max_size=n))
    presence = np.array(draw(st.lists(st.sampled_from([0, 0, 0, Presence.NULL]), min_size=n, max_size=n)), np.uint8)
    times = np.cumsum(np.array(draw(st.lists(st.integers(-50, 300), min_size=n, max_size=n)), np.int64))
    values: Any = pa.array(drawn, pa.string()) if kind == "text" else np.array(drawn).reshape(n, 3)
    rows = Batch(TopicPartition("t", 0), np.arange(n), times, times, {"x": Column(values, presence)})
    return rows, sorted(draw(st.lists(st.integers(0, n), max_size=4)))


def judged(check: Any, rows: Batch, cuts: list[int]) -> list[tuple[bool, bool]]:
    found = []
    for start, end in pairwise([0, *cuts, len(rows)]):
        failed, evaluated = masks(check, rows.take(np.arange(start, end)))
        found += list(zip(failed.tolist(), evaluated.tolist(), strict=True))
    return found


@each_kind
@laws
@given(data=st.data())
def test_chunking_does_not_matter(kind, data):
    rows, cuts = data.draw(streams(kind))
    whole, cut = SPECS[kind].build(), SPECS[kind].build()
    assert judged(cut, rows, cuts) == judged(whole, rows, [])
    assert encode(cut.state()) == encode(whole.state())


@each_kind
@laws
@given(data=st.data())
def test_a_state_survives_the_codec_and_the_blocks(kind, data):
    rows, cuts = data.draw(streams(kind))
    first = SPECS[kind].build()
    judged(first, rows, cuts)
    coded, blocked = SPECS[kind].build(), SPECS[kind].build()
    coded.load(decode(encode(first.state())))
    blocks = MemoryBlocks().changed({"a": first.state()})
    blocked.load(MemoryBlocks().restore({key: block for key, block in blocks.items() if block is not None})["a"])
    after, cuts = data.draw(streams(kind))
    expected = judged(first, after, cuts)
    assert judged(coded, after, cuts) == expected
    assert judged(blocked, after, cuts) == expected


@pytest.mark.parametrize(("kind", "value"), [("text", "the same text again"), ("vector", [1.0, 2.0, 0.0])])
@pytest.mark.parametrize(("wait_ms", "found"), [(0, True), (1_000, True), (1_001, False)])
def test_the_same_again_is_found_within_the_horizon_and_not_after_it(kind, value, wait_ms, found):
    values: Any = pa.array([value] * 2) if kind == "text" else np.array([value] * 2)
    times = np.array([5_000, 5_000 + wait_ms])
    column = Column(values, np.zeros(2, np.uint8))
    rows = Batch(TopicPartition("t", 0), np.arange(2), times, times, {"x": column})
    failed, evaluated = masks(SPECS[kind].build(), rows)
    assert failed.tolist() == [False, found]
    assert evaluated.all()


def test_more_rows_than_the_memory_has_room_for_are_forgotten_one_by_one():
    spec = NearDuplicatesSpec(field="x", capacity=100)
    texts = [f"text number {number} of many others" for number in range(10_000)]
    texts += [texts[-100], texts[0]]
    column = Column(pa.array(texts), np.zeros(len(texts), np.uint8))
    times = np.zeros(len(texts), np.int64)
    failed, _ = masks(spec.build(), Batch(TopicPartition("t", 0), np.arange(len(texts)), times, times, {"x": column}))
    assert np.flatnonzero(failed).tolist() == [10_000]


def test_a_state_of_another_shape_is_refused():
    one, other = SPECS["vector"].build(), SPECS["vector"].build()
    judged(
        one,
        Batch(
            TopicPartition("t", 0),
            np.arange(1),
            np.zeros(1, np.int64),
            np.zeros(1, np.int64),
            {"x": Column(np.ones((1, 3)), np.zeros(1, np.uint8))},
        ),
        [],
    )
    state = one.state()
    for damage in ({"dimension": 2}, {"of": "texts"}, {"near": {}}):
        with pytest.raises(StoreError):
            other.load(state | damage)
    with pytest.raises(StoreError):
        other.load({})


@each_kind
def test_rows_forgotten_within_the_horizon_are_counted_also_across_a_checkpoint(kind):
    """Of 450 rows 10 ms apart 100 are remembered: the horizon of 1,000 ms reaches the 100th before, and no further."""
    for gap_ms, expected in ((10, 350), (11, 0)):
        values = (
            pa.array([f"w{i} and v{i}" for i in range(450)]) if kind == "text" else np.arange(1, 1351.0).reshape(-1, 3)
        )
        times, offsets = np.arange(450) * gap_ms, np.arange(450)
        rows = Batch(TopicPartition("t", 0), offsets, times, times, {"x": Column(values, np.zeros(450, np.uint8))})
        check = SPECS[kind].build()
        for part in (slice(0, 7), slice(7, 260), slice(260, 450)):
            masks(check, rows.take(offsets[part]))
            again = SPECS[kind].build()
            again.load(decode(encode(check.state())))
            check = again
        assert check.forgotten_rows == expected
        old = {**check.state(), "near": {k: v for k, v in check.state()["near"].items() if k != "forgotten"}}
        again.load(old)
        assert again.forgotten_rows == 0, "a store of before does not say"
