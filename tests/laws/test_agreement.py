"""Laws of agreement: order and batching do not matter, a rating that comes later is a recount, state survives."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.checkpointing import Options
from monitor.checks import AgreementSpec, WindowView
from monitor.codec import decode, encode
from monitor.memory_blocks import MemoryBlocks
from monitor.types import FieldType
from tests.support.monitors import Rig, make_plan
from tests.support.ratings import RatingDecoder, batch_of, rating

PANE_MS = 1_000
PANES = 4
SPEC = AgreementSpec(item="item", annotator="who", label="label", min_units=1, resamples=100, horizon=60_000)
laws = settings(max_examples=40, deadline=None)
label = st.sampled_from([0.0, 1.0, 2.0, 5.0])
pane_of = st.integers(0, PANES - 1)
one = st.tuples(st.integers(0, 5).map(str), st.sampled_from("abcd"), label, pane_of, st.integers(0, PANE_MS - 1))
stories = st.lists(one, min_size=1, max_size=40)
scales = st.sampled_from(["nominal", "ordinal", "interval", "ratio"])


def as_ratings(story):
    return [(item, who, value, pane * PANE_MS + inside) for item, who, value, pane, inside in story]


def windows(check, size=1):
    """Return what each window of so many panes is found to be, judged in order."""
    return [
        check.judge(WindowView((last + 1 - size) * PANE_MS, (last + 1) * PANE_MS, 0))[0]
        for last in range(size - 1, PANES)
    ]


@laws
@given(stories, scales, st.randoms(use_true_random=False), st.integers(1, 10))
def test_order_within_the_lateness_and_batching_do_not_matter(story, scale, random, step):
    ratings = as_ratings(story)
    spec = SPEC.model_copy(update={"scale": scale})
    straight, shuffled = spec.build(), spec.build()
    straight.fold(batch_of(ratings), PANE_MS, PANES * PANE_MS)
    random.shuffle(ratings)
    for start in range(0, len(ratings), step):
        shuffled.fold(batch_of(ratings[start : start + step], start % 2), PANE_MS, PANES * PANE_MS)
    assert windows(shuffled, 2) == windows(straight, 2)


@laws
@given(stories, scales)
def test_ratings_over_several_panes_count_as_if_they_had_all_come_at_once(story, scale):
    ratings = sorted(as_ratings(story), key=lambda r: r[3])
    spec = SPEC.model_copy(update={"scale": scale})
    piecewise, at_once = spec.build(), spec.build()
    piecewise.fold(batch_of(ratings), PANE_MS)
    # In one pane, but still in the order of their event times.
    at_once.fold(batch_of(ratings), PANES * PANE_MS)
    windows(piecewise)
    assert piecewise.judge(WindowView(0, PANES * PANE_MS, 0)) == at_once.judge(WindowView(0, PANES * PANE_MS, 0))


@laws
@given(stories, st.lists(st.integers(1, 40), max_size=4))
def test_whether_late_rows_come_in_one_batch_or_in_many_does_not_matter(story, cuts):
    ratings = as_ratings(story)
    whole, cut = SPEC.build(), SPEC.build()
    whole.fold(batch_of(ratings), PANE_MS, 500)
    bounds = sorted({0, len(ratings), *(place for place in cuts if place < len(ratings))})
    for start, end in pairwise(bounds):
        cut.fold(batch_of(ratings[start:end]), PANE_MS, 500)
    assert windows(cut) == windows(whole)


@laws
@given(stories, st.integers(0, 40), st.integers(0, PANES))
def test_a_state_survives_codec_and_blocks(story, place, judged):
    ratings = sorted(as_ratings(story), key=lambda r: r[3])
    straight, stored = SPEC.build(), SPEC.build()
    for check in (straight, stored):
        check.fold(batch_of(ratings[: place + 1]), PANE_MS)
        check.judge(WindowView((judged - 1) * PANE_MS, judged * PANE_MS, 0))
    again, blocks = SPEC.build(), MemoryBlocks()
    changed = blocks.changed({"c": decode(encode(stored.state()))})
    again.load(blocks.restore({key: block for key, block in changed.items() if block is not None})["c"])
    for check in (straight, again):
        if ratings[place + 1 :]:
            check.fold(batch_of(ratings[place + 1 :]), PANE_MS)
    assert windows(again) == windows(straight)
    assert encode(again.state()) == encode(straight.state())


def judged(directory: Path, crashes: int) -> list[tuple[int, dict[str, Any]]]:
    """Return the details of every stored window of a daemon that crashes so many times between checkpoints."""
    rng = np.random.default_rng(3)
    n = 300
    numbers = zip(rng.integers(0, 30, n).tolist(), rng.integers(0, 3, (n, 2)).tolist(), strict=True)
    # Times out of order by up to a second, of which half a second is tolerated: some are late.
    times = np.sort(rng.integers(0, 9_000, n)) + rng.integers(0, 1_000, n)
    values = [
        rating(item, ("DE", "FR", "US")[who], label, at)
        for (item, (who, label)), at in zip(numbers, times.tolist(), strict=True)
    ]
    spec = AgreementSpec(item="item", annotator="country", label="label", min_units=1, resamples=100)
    fields: dict[str, FieldType] = {"amount": "number", "country": "category", "item": "number", "label": "number"}
    plan = make_plan(window_checks=[spec], row_checks=[], fields=fields, size_ms=2_000, pane_ms=1_000)
    options = Options(checkpoint_interval_ms=250)
    rig = Rig(directory, plan, decoder=RatingDecoder(), max_poll_records=17, options=options)
    rig.append([*values, rating(0, "DE", 0, 60_000)])
    rig.start()
    for crash in range(crashes):
        for _ in range(2 + crash % 3):
            rig.clock.advance(100)
            rig.rounds(1)
        rig.restart()
    rig.until_end()
    stored = [(start, json.loads(line)) for start, *_, text in rig.store.windows() for line in text.splitlines()]
    rig.crash()
    return stored


def test_after_crashes_every_window_is_judged_as_without_one(tmp_path):
    straight = judged(tmp_path / "b", 0)
    assert judged(tmp_path / "a", 5) == straight
    assert sum(line.get("details", {}).get("rated_units", 0) for _, line in straight) > 50
