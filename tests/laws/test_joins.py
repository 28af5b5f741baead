"""Laws of the join: it is what a dictionary would do, the order of the topics does not matter, state survives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.hashing import mix
from monitor.memory_blocks import MemoryBlocks
from monitor.models.joining import Joiner, Labels
from monitor.models.pool import Run

REACH_MS = 50
FIRST_MS = 1_000
END_MS = 10_000


class Said(NamedTuple):
    """A prediction (of no value) or a label of an id at a time."""

    id: int
    at_ms: int
    label: float | None


said = st.builds(
    Said, st.integers(0, 8), st.integers(FIRST_MS, FIRST_MS + 100), st.none() | st.sampled_from([0.0, 1.0])
)
batches = st.lists(st.lists(said, min_size=1, max_size=8), max_size=8)


def keys_of(ids: list[int]) -> np.ndarray:
    return mix(np.array(ids, np.uint64))


def run_of(rows: list[Said]) -> Run:
    n = len(rows)
    times = np.array([row.at_ms for row in rows], np.int64)
    keys, codes = keys_of([row.id for row in rows]), np.zeros((n, 0), np.int32)
    return Run(keys, times, np.arange(n), np.array([[float(row.id)] for row in rows]), codes, np.full(n, np.nan))


def labels_of(rows: list[Said]) -> Labels:
    times = np.array([row.at_ms for row in rows], np.int64)
    return Labels(keys_of([row.id for row in rows]), times, np.array([row.label for row in rows], np.float64))


def feed(joiner: Joiner, batch: list[Said]) -> None:
    predictions = [row for row in batch if row.label is None]
    labels = [row for row in batch if row.label is not None]
    if predictions:
        joiner.predict(run_of(predictions))
    if labels:
        joiner.label(labels_of(labels))


def table(run: Run) -> list[tuple[int, int, str]]:
    found = zip(run.said[:, 0].tolist(), run.times_ms.tolist(), run.labels.tolist(), strict=True)
    return sorted((int(name), at, str(label)) for name, at, label in found)


def by_hand(parts: list[list[Said]]) -> list[tuple[int, int, str]]:
    """Join as a person would: each label to the newest prediction of its id within reach, if that has none yet."""
    predictions: list[list] = []
    waiting: list[Said] = []

    def give(label: Said) -> bool:
        near = [p for p in predictions if p[0] == label.id and abs(p[1] - label.at_ms) <= REACH_MS]
        if not near:
            return False
        newest = max(near, key=lambda p: p[1])
        if newest[2] is None:
            newest[2] = label.label
        return True

    for batch in parts:
        fresh = [row for row in batch if row.label is None]
        predictions += [[row.id, row.at_ms, None] for row in fresh]
        ids = {row.id for row in fresh}
        waiting = [label for label in waiting if label.id not in ids or not give(label)]
        waiting += [row for row in batch if row.label is not None and not give(row)]
    return sorted((name, at, "nan" if label is None else str(label)) for name, at, label in predictions)


def one_each(parts: list[list[Said]]) -> list[list[Said]]:
    """Keep the first prediction and the first label of each id."""
    seen: set[tuple[int, bool]] = set()
    kept = []
    for batch in parts:
        rows = []
        for row in batch:
            if (row.id, row.label is None) not in seen:
                seen.add((row.id, row.label is None))
                rows.append(row)
        kept.append(rows)
    return kept


@given(batches)
@settings(max_examples=150, deadline=None)
def test_it_is_what_a_person_would_join(parts):
    # Of two predictions of one id at one time nobody can say which is the newest.
    times: set[tuple[int, int]] = set()
    kept: list[list[Said]] = []
    for batch in parts:
        kept.append([row for row in batch if row.label is not None or (row.id, row.at_ms) not in times])
        times |= {(row.id, row.at_ms) for row in batch if row.label is None}
        kept[-1] = list({(row.id, row.at_ms, row.label): row for row in kept[-1]}.values())
    parts = kept
    # What is out of reach of the newest may be within that of one before: that corner is left out on purpose.
    parts = [[row for row in batch if row.at_ms <= FIRST_MS + REACH_MS] for batch in parts]
    joiner = Joiner(REACH_MS, 1_000, 0, 0)
    for batch in parts:
        feed(joiner, batch)
    assert table(joiner.mature(END_MS, FIRST_MS)) == by_hand(parts)


@given(batches, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_where_ids_are_used_once_the_order_does_not_matter(parts, random):
    rows = [row for batch in one_each(parts) for row in batch]
    shuffled = random.sample(rows, len(rows))
    one, other = Joiner(REACH_MS, 1_000, 0, 0), Joiner(REACH_MS, 1_000, 0, 0)
    for row in rows:
        feed(one, [row])
    for start in range(0, len(shuffled), 3):
        feed(other, shuffled[start : start + 3])
    assert table(one.mature(END_MS, FIRST_MS)) == table(other.mature(END_MS, FIRST_MS))
    assert one.counts.joined == other.counts.joined


@given(batches, st.integers(0, 8))
@settings(max_examples=100, deadline=None)
def test_what_is_stored_in_blocks_goes_on_as_if_nothing_had_happened(parts, cut):
    whole, first = Joiner(REACH_MS, 1_000, 0, 0), Joiner(REACH_MS, 1_000, 0, 0)
    for batch in parts:
        feed(whole, batch)
    for batch in parts[:cut]:
        feed(first, batch)
    stored = {key: block for key, block in MemoryBlocks().changed({"m": first.state()}).items() if block is not None}
    second = Joiner(REACH_MS, 1_000, 0, 0)
    second.load(MemoryBlocks().restore(stored)["m"])
    for batch in parts[cut:]:
        feed(second, batch)
    assert table(second.mature(END_MS, END_MS)) == table(whole.mature(END_MS, END_MS))
    assert vars(second.counts) == vars(whole.counts)


@given(batches)
@settings(max_examples=100, deadline=None)
def test_every_label_is_joined_is_one_too_many_is_an_orphan_or_waits(parts):
    joiner = Joiner(REACH_MS, 1_000, 0, 0)
    for batch in parts:
        feed(joiner, batch)
    joiner.mature(FIRST_MS + 20, FIRST_MS + 60)
    counts = joiner.counts
    labels = sum(row.label is not None for batch in parts for row in batch)
    assert counts.joined + counts.duplicate + counts.orphan + len(joiner.labels) == labels
    assert sum(counts.delays) == counts.joined
