"""What checks remember goes to the store in blocks, and only those that changed."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.checkpoint import Checkpoint
from monitor.errors import StoreError
from monitor.memory_blocks import BLOCK_BYTES, MemoryBlocks
from monitor.store.sqlite import Store
from tests.support.monitors import assert_same_state

WORDS = BLOCK_BYTES // 8


def state(n=3 * WORDS + 5):
    words = np.arange(n, dtype=np.uint64)
    return {"clock_ms": 5, "none": None, "steps": {"7": words, "8": np.zeros((2, 3))}, "empty": np.zeros(0, np.int64)}


def written(store, changed):
    for key, block in changed.items():
        if block is None:
            del store[key]
        else:
            store[key] = block


def test_states_come_back_as_they_were():
    store = {}
    written(store, MemoryBlocks().changed({"a": state(), "b": {}}))
    back = MemoryBlocks().restore(store)
    assert back.keys() == {"a", "b"}
    assert_same_state(back["a"], state())


def test_only_blocks_that_changed_are_written():
    blocks, kept = MemoryBlocks(), state()
    assert len(blocks.changed({"a": kept})) == 1 + 4 + 1
    blocks.taken()
    assert blocks.changed({"a": kept}) == {}
    kept["steps"]["7"][WORDS + 1] = 0
    assert [name for _, name in blocks.changed({"a": kept})] == ["/steps/7#1"]


def test_what_is_sealed_and_durable_is_not_looked_at_again():
    blocks, kept = MemoryBlocks(), {"sealed": {"1": np.arange(WORDS)}, "steps": {"2": np.arange(WORDS)}}
    assert {name for _, name in blocks.changed({"a": kept})} == {"head", "/sealed/1#0", "/steps/2#0"}
    kept["sealed"]["1"][0] = 9
    assert ("a", "/sealed/1#0") in blocks.changed({"a": kept})
    blocks.taken()
    kept["sealed"]["1"][0] = kept["steps"]["2"][0] = 5
    assert {name for _, name in blocks.changed({"a": kept})} == {"/steps/2#0"}


def test_what_was_not_taken_is_written_again():
    blocks, kept = MemoryBlocks(), state()
    first = blocks.changed({"a": kept})
    assert blocks.changed({"a": kept}) == first
    blocks.taken()
    assert blocks.changed({"a": kept}) == {}


def test_blocks_no_longer_there_are_forgotten():
    store, blocks = {}, MemoryBlocks()
    written(store, blocks.changed({"a": state(), "b": state()}))
    blocks.taken()
    smaller = {"a": {**state(WORDS), "steps": {"9": np.ones(3)}}}
    written(store, blocks.changed(smaller))
    assert_same_state(MemoryBlocks().restore(store), smaller)


def test_after_a_restart_unchanged_blocks_are_not_written_again():
    store = {}
    written(store, MemoryBlocks().changed({"a": state()}))
    blocks = MemoryBlocks()
    assert blocks.changed(blocks.restore(store)) == {}
    assert set(blocks.changed({}).values()) == {None}


@pytest.mark.parametrize("lost", ["/steps/7#0", "/steps/7#3"])
def test_a_block_that_is_missing_is_refused(lost):
    store = {}
    written(store, MemoryBlocks().changed({"a": state()}))
    del store["a", lost]
    with pytest.raises(StoreError, match="reset the checkpoint"):
        MemoryBlocks().restore(store)


def test_a_block_that_is_cut_is_refused():
    store = {}
    written(store, MemoryBlocks().changed({"a": state()}))
    store["a", "/steps/7#3"] = b"x"
    with pytest.raises(StoreError, match="reset the checkpoint"):
        MemoryBlocks().restore(store)


def test_the_store_keeps_and_forgets_blocks_with_the_checkpoint(tmp_path):
    store = Store(tmp_path)
    try:
        store.commit(Checkpoint(b"m", {}, memory={("a", "head"): b"1", ("a", "x#0"): b"2"}))
        assert store.memory() == {("a", "head"): b"1", ("a", "x#0"): b"2"}
        store.commit(Checkpoint(b"m", {}, memory={("a", "head"): b"3", ("a", "x#0"): None}))
        assert store.memory() == {("a", "head"): b"3"}
    finally:
        store.close()
