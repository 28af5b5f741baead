"""State goes to bytes, or to JSON, and comes back exactly; damage is refused and never guessed at."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from monitor.codec import decode, encode, from_json, to_json
from monitor.errors import StoreError

DTYPES = st.sampled_from([np.dtype(name) for name in ("<i8", "<f8", "|u1", "|b1", "<i4", "<u8")])
arrays = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8), st.binary(max_size=8)
)
names = st.text(max_size=6).filter(lambda name: not name.startswith("$"))
trees = st.recursive(
    scalars | arrays,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


def same(left: Any, right: Any) -> bool:
    """Return whether two trees are equal to the last bit and type."""
    if isinstance(left, np.ndarray):
        return (
            isinstance(right, np.ndarray)
            and (left.dtype, left.shape) == (right.dtype, right.shape)
            and left.tobytes() == right.tobytes()
        )
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and math.isnan(left):
        return isinstance(right, float) and math.isnan(right)
    return type(left) is type(right) and left == right and str(left) == str(right)


@given(trees)
def test_bytes_give_back_what_was_encoded(tree):
    assert same(tree, decode(encode(tree)))


@given(trees)
def test_equal_trees_have_equal_bytes(tree):
    assert encode(tree) == encode(decode(encode(tree)))


@given(trees.filter(lambda tree: not _has_odd_nan(tree)))
def test_json_gives_it_back_too(tree):
    assert same(tree, from_json(json.loads(json.dumps(to_json(tree)))))


def _has_odd_nan(tree: Any) -> bool:
    """Return whether there is a NaN whose payload JSON cannot carry."""
    if isinstance(tree, np.ndarray) and tree.dtype.kind == "f":
        return bool((np.isnan(tree) & (tree.view("<i8") != np.array(np.nan).view("<i8"))).any())
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return any(map(_has_odd_nan, parts))


def test_decoded_arrays_are_their_own_and_can_be_written():
    data = encode({"a": np.arange(3)})
    decode(data)["a"][0] = 9
    assert decode(data)["a"].tolist() == [0, 1, 2]


def test_arrays_need_not_lie_in_one_piece():
    spread = np.arange(12).reshape(3, 4)[:, ::2]
    assert decode(encode({"a": spread}))["a"].tolist() == spread.tolist()


SAMPLE = encode({"counts": np.arange(6).reshape(2, 3), "sketch": b"abc", "n": 3, "names": ["a", None, 1.5]})


@given(cut=st.integers(0, len(SAMPLE) - 1))
def test_cut_off_bytes_are_refused(cut):
    with pytest.raises(StoreError):
        decode(SAMPLE[:cut])


@given(place=st.integers(0, len(SAMPLE) - 1), value=st.integers(0, 255))
def test_any_changed_byte_is_refused_or_decoded_but_never_another_error(place, value):
    data = bytearray(SAMPLE)
    data[place] = value
    with contextlib.suppress(StoreError):
        decode(bytes(data))


@given(st.binary(max_size=64))
def test_foreign_bytes_are_refused(data):
    with pytest.raises(StoreError):
        decode(data)
    with pytest.raises(StoreError):
        decode(b"DLS1" + data[:3])


def packed(header: Any, tail: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return b"DLS1" + len(text).to_bytes(4, "little") + text + tail


@pytest.mark.parametrize(
    "header",
    [
        {"$array": ["|O", [1], 0]},
        {"$array": ["<i8", [-1], 0]},
        {"$array": ["<i8", [2**40, 2**40], 0]},
        {"$array": ["<i8", [1], -8]},
        {"$array": ["<i8", [1], 1]},
        {"$array": ["<q9", [1], 0]},
        {"$array": ["<i8", ["1"], 0]},
        {"$array": 1},
        {"$bytes": [0, 9]},
        {"$bytes": [-1, 1]},
    ],
)
def test_a_header_that_lies_is_refused(header):
    with pytest.raises(StoreError):
        decode(packed(header, b"12345678"))


@pytest.mark.parametrize(
    "node",
    [
        {"$array": "|O", "shape": [1], "values": [1]},
        {"$array": "<i8", "shape": [2], "values": [1]},
        {"$array": "<i8", "shape": [1], "values": ["x"]},
        {"$array": "<i8", "shape": [1], "values": [2**70]},
        {"$bytes": "not base64!"},
    ],
)
def test_json_that_lies_is_refused(node):
    with pytest.raises(StoreError):
        from_json(node)


def test_a_name_that_means_something_else_to_the_codec_is_refused():
    for name in ("$array", "$bytes"):
        with pytest.raises(ValueError, match="name"):
            encode({name: 1})
        with pytest.raises(ValueError, match="name"):
            to_json({name: 1})
