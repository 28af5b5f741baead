"""Hashes of bytes; those of numbers and strings are tested with the accumulators, which came first."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from monitor import hashing
from monitor.accumulators import hashing as known_to_accumulators
from monitor.hashing import hash_strings


def test_the_accumulators_use_the_same_functions():
    for name in known_to_accumulators.__all__:
        assert getattr(known_to_accumulators, name) is getattr(hashing, name)


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_bytes_hash_like_the_string_they_spell(kind):
    words = ["", "a", "12345678", "123456789", "日本語", "x" * 257]
    expected = hash_strings(pa.array(words))
    np.testing.assert_array_equal(hash_strings(pa.array([w.encode() for w in words], kind)), expected)


def test_bytes_that_are_no_utf8_are_told_apart():
    hashes = hash_strings(pa.array([b"\xff", b"\xfe", b"\xff\x00", b"\xff" * 300, b"\xfe" * 300], pa.binary()))
    assert np.unique(hashes).size == 5


def test_a_slice_of_bytes_hashes_like_the_whole():
    values = pa.array([b"pad", b"\xff\xfe", b"value", None, b"end"], pa.binary())
    np.testing.assert_array_equal(hash_strings(values.slice(1, 3)), hash_strings(values)[1:4])
