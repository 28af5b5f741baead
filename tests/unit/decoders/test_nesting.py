"""The two looks at nesting: the bound over all records and the exact depth of a few."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.decoders.duck import Duck
from monitor.decoders.nesting import too_deep

DUCK = Duck()


def depth(text: str) -> int:
    """Return the nesting depth, character by character."""
    level = deepest = 0
    inside = escaped = False
    for character in text:
        if inside:
            inside = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            inside = True
        else:
            level += (character in "[{") - (character in "]}")
            deepest = max(deepest, level)
    return deepest


def deep(texts: list[str], limit: int, start: int = 0) -> list[bool]:
    mask = too_deep(DUCK, pa.array(texts, pa.string())[start:], limit)
    return [False] * (len(texts) - start) if mask is None else mask.tolist()


pieces = st.sampled_from(["[", "]", "{", "}", "[[", "[]", '"["', '"\\"["', '"\\\\"', "1", ",", "é{", " " * 70])
documents = st.lists(pieces, max_size=60).map("".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(documents, min_size=1, max_size=12), st.integers(1, 8), st.integers(0, 3))
def test_the_depth_is_that_of_a_reader_of_single_characters(texts, limit, start):
    assert deep(texts, limit, start) == [depth(text) > limit for text in texts[start:]]


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 127, 128, 4096, (1 << 18) - 1, 1 << 18, (1 << 18) + 1])
def test_bounds_of_words_and_blocks_are_no_special_places(length):
    texts = [" " * length, "[" * 6, "]" * 6 + " " * length, "[" * 5, "", "{" * 7]
    assert deep(texts, 5) == [False, True, False, False, False, True]


def test_many_brackets_side_by_side_are_not_deep():
    assert deep(["[" + "[],{}," * 10_000 + "1]"] * 3, 2) == [False] * 3


def test_depths_are_exact_beside_very_deep_neighbours():
    texts = ["[" * 100_000 + "]" * 100_000, "[]", "[" * 64 + "]" * 64, "[" * 65 + "]" * 65] * 2
    assert deep(texts, 64) == [True, False, False, True] * 2


def test_an_array_without_bytes_is_not_deep():
    assert too_deep(DUCK, pa.array(["", ""], pa.string()), 1) is None
    assert too_deep(DUCK, pa.array([], pa.string()), 1) is None
    assert np.array_equal(too_deep(DUCK, pa.array(["", "[[", ""]), 1), [False, True, False])
