"""Laws of the checks of order: chunking does not matter, state survives, the table is bounded."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.checks import MonotonicSpec, SequenceSpec
from monitor.codec import decode, encode
from monitor.memory_blocks import MemoryBlocks
from tests.support.ordered import outcome, rows_of

laws = settings(max_examples=60, deadline=None)
rows = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 6)), st.one_of(st.none(), st.sampled_from("abcdefg"))), max_size=40
)
cuts = st.lists(st.integers(0, 40), max_size=5)
specs = st.sampled_from(
    [
        MonotonicSpec(field="seq", by=("device",), direction="strictly_increasing"),
        MonotonicSpec(field="seq"),
        SequenceSpec(field="seq", by=("device",)),
    ]
)


def in_pieces(check, stream, places):
    found = []
    bounds = [0, *sorted(min(p, len(stream)) for p in places), len(stream)]
    for a, b in pairwise(bounds):
        found += outcome(check, rows_of([x for x, _ in stream[a:b]], [d for _, d in stream[a:b]]))
    return found


@laws
@given(specs, rows, cuts)
def test_chunking_does_not_matter(spec, stream, places):
    whole, cut = spec.build(), spec.build()
    assert in_pieces(cut, stream, places) == in_pieces(whole, stream, [])
    assert encode(cut.state()) == encode(whole.state())


@laws
@given(rows, cuts, st.integers(1, 4))
def test_what_is_kept_does_not_depend_on_chunking_even_when_keys_are_forgotten(stream, places, max_keys):
    spec = MonotonicSpec(field="seq", by=("device",), max_keys=max_keys)
    whole, cut = spec.build(), spec.build()
    in_whole, in_cut = in_pieces(whole, stream, []), in_pieces(cut, stream, places)
    for name in ("keys", "values", "rows"):
        np.testing.assert_array_equal(whole.state()[name], cut.state()[name])
    assert len(cut.rows.table) <= max_keys
    assert all(a == b or b is None for a, b in zip(in_whole, in_cut, strict=True))


@laws
@given(specs, rows, rows)
def test_a_state_survives_the_codec_and_the_blocks(spec, before, after):
    first = spec.build()
    in_pieces(first, before, [])
    coded, blocked = spec.build(), spec.build()
    coded.load(decode(encode(first.state())))
    blocks = MemoryBlocks().changed({"a": first.state()})
    blocked.load(MemoryBlocks().restore({key: block for key, block in blocks.items() if block is not None})["a"])
    expected = in_pieces(first, after, [])
    assert in_pieces(coded, after, []) == expected
    assert in_pieces(blocked, after, []) == expected


@laws
@given(specs, rows)
def test_a_batch_is_left_as_it_was(spec, stream):
    batch = rows_of([x for x, _ in stream], [d for _, d in stream])
    before = batch.columns["seq"].values.copy(), batch.columns["seq"].presence.copy()
    spec.build().failures(batch)
    np.testing.assert_array_equal(batch.columns["seq"].values, before[0])
    np.testing.assert_array_equal(batch.columns["seq"].presence, before[1])
