"""What is computed in C is, bit by bit, what is computed without it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import encoding, gathering, hashing
from monitor.accumulators import distinct, histogram, moments
from monitor.accumulators.frame import Frame
from monitor.native import LIBRARY
from monitor.types import Column, Groups

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="monitor/native was not compiled here")

words = st.text(max_size=20) | st.sampled_from(
    ["", "a", "a\0", "\0", "x" * 8, "x" * 9, "x" * 256, "x" * 257, "é" * 300]
)


def without(function, *arguments):
    """Return what a function says where nothing was compiled."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (hashing, distinct, moments, histogram):
            patch.setattr(module, "LIBRARY", None)
        return function(*arguments)


@settings(max_examples=60, deadline=None)
@given(st.lists(words | st.none(), max_size=30), st.integers(0, 5), st.sampled_from([pa.string(), pa.large_string()]))
def test_hashes_of_strings(texts, start, kind):
    array = pa.array(texts, kind).slice(start)
    assert hashing.hash_strings(array).tolist() == without(hashing.hash_strings, array).tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(), max_size=30))
def test_hashes_of_numbers(numbers):
    array = np.array(numbers, np.float64)
    assert hashing.hash_numbers(array).tolist() == without(hashing.hash_numbers, array).tolist()
    assert hashing.hash_numbers(array[::-2]).tolist() == without(hashing.hash_numbers, array[::-2]).tolist()


def registers(column):
    found = distinct.Distinct()
    found.update(column, Groups())
    return found.registers.tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**52, 2**52 - 1, 2**64 - 1]), max_size=40))
def test_registers_of_any_hashes(hashes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Column, "hashes", np.array(hashes, np.uint64))
        column = Column(np.zeros(0), np.zeros(0, np.uint8))
        assert registers(column) == without(registers, column)


@settings(max_examples=80, deadline=None)
@given(st.lists(words, max_size=60), st.integers(0, 5), st.sampled_from([pa.string(), pa.large_string()]))
def test_codes_of_strings(texts, start, kind):
    array = pa.array(texts, kind).slice(start)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "_FEW_ROWS", 0)
        found = encoding.dictionary_encode(array)
    assert found.equals(array.dictionary_encode())


@pytest.mark.parametrize("different", [1_023, 1_024, 1_025])
def test_codes_of_more_different_strings_than_the_table_holds(different):
    texts = pa.array([f"{i * 37 % different}" for i in range(3 * different)])
    assert encoding.dictionary_encode(texts).equals(texts.dictionary_encode())


def folded(kind, batches, size):
    """Return the state of an accumulator after these batches of values and codes of their dimensions."""
    found = kind(size)
    for values, codes in batches:
        found.update(Column(values, np.zeros(values.size, np.uint8)), Groups(size, codes))
    return {name: part.tobytes() for name, part in found.state().items() if isinstance(part, np.ndarray)}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0, 1, 2]), st.sampled_from([1.0, 1e-300, 1e9, 1e153, 1e308]))
def test_moments_and_cells_of_groups(seed, dimensions, scale):
    """Bit by bit, also beyond a block of rows, where sums overflow, and where a group has no value."""
    rng, size = np.random.default_rng(seed), 1 + 5 * dimensions
    batches = []
    for n in rng.choice([0, 1, 7, 1_500, 40_000], 2):
        with np.errstate(over="ignore"):
            values = np.where(rng.random(n) < 0.1, 0.0, rng.normal(rng.choice([0.0, 1e9]), 1, n) / 2 * scale)
        codes = [rng.integers(1 + 5 * d, 5 + 5 * d, n).astype(np.int32) for d in range(dimensions)]
        batches.append((np.clip(values, -1.7e308, 1.7e308), tuple(codes)))
    frame = Frame.of_numbers(np.concatenate([values for values, _ in batches]))
    with np.errstate(over="ignore"):
        for kind in (moments.Moments, partial(histogram.Histogram, frame)):
            assert folded(kind, batches, size) == without(folded, kind, batches, size)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.binary(max_size=600), min_size=1, max_size=12), st.integers(250, 700), st.none() | st.integers(0, 249)
)
def test_lists_of_bytes(different, n, hole):
    values = [different[i * i % len(different)] for i in range(n)]
    if hole is not None:
        values[hole] = None
    gathered = gathering.binary_array(values)
    gathered.validate(full=True)
    assert gathered.equals(pa.array(values, pa.binary()))
    assert gathering.binary_array(tuple(values)).equals(gathered)


def test_a_list_of_something_else_is_refused_as_arrow_refuses_it():
    with pytest.raises(pa.ArrowTypeError):
        gathering.binary_array([b"x"] * 300 + [1.5])
