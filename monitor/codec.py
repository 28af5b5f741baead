"""State to bytes and back: a JSON header and the raw arrays behind it, with a version; never pickle.

Layout: magic `DLS1`, header length (uint32, little endian), header (JSON), then the arrays' bytes. The
header holds the whole tree, arrays and bytes in it replaced by their place. The JSON form is for files
that people read (baselines); floats keep all their digits there.
"""

from __future__ import annotations

import base64
import json
import math
import struct
from typing import Any

import numpy as np

from monitor.errors import DAMAGE, StoreError

_MAGIC = b"DLS1"
_ARRAY, _BYTES = "$array", "$bytes"


class _Blobs:
    """The raw parts behind the header, and where the next one begins."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self._end = 0

    def add(self, part: bytes) -> int:
        place = self._end
        self.parts.append(part)
        self._end += len(part)
        return place


def encode(state: Any) -> bytes:
    """Return a tree of dicts, lists, scalars, strings, bytes and numpy arrays as bytes."""
    blobs = _Blobs()
    header = json.dumps(_pack(state, blobs), separators=(",", ":"), allow_nan=True).encode()
    return b"".join([_MAGIC, struct.pack("<I", len(header)), header, *blobs.parts])


def decode(data: Any) -> Any:
    """Return the tree that `encode` was given; raises StoreError where the bytes are not its own."""
    if not isinstance(data, bytes) or data[:4] != _MAGIC or len(data) < 8:
        raise StoreError("state is not in a format that this version reads")
    (size,) = struct.unpack("<I", data[4:8])
    try:
        header = json.loads(data[8 : 8 + size])
        return _unpack(header, memoryview(data)[8 + size :])
    except (MemoryError, *DAMAGE) as error:
        raise StoreError(f"state is damaged: {error}") from error


def _pack(node: Any, blobs: _Blobs) -> Any:
    if isinstance(node, np.ndarray):
        return {_ARRAY: [node.dtype.str, list(node.shape), blobs.add(np.ascontiguousarray(node).tobytes())]}
    if isinstance(node, bytes):
        return {_BYTES: [blobs.add(node), len(node)]}
    if isinstance(node, dict):
        return {_name(key): _pack(value, blobs) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_pack(value, blobs) for value in node]
    return node.item() if isinstance(node, np.generic) else node


def _unpack(node: Any, data: memoryview) -> Any:
    if isinstance(node, dict):
        if _ARRAY in node:
            dtype, shape, place = node[_ARRAY]
            kind = np.dtype(dtype)
            if kind.hasobject:
                raise StoreError("state holds an array of objects")
            count = math.prod(_natural(size) for size in shape)
            return np.frombuffer(data, kind, count, place).reshape(shape).copy()
        if _BYTES in node:
            place, size = (_natural(number) for number in node[_BYTES])
            if place + size > len(data):
                raise StoreError("state is cut off")
            return bytes(data[place : place + size])
        return {key: _unpack(value, data) for key, value in node.items()}
    return [_unpack(value, data) for value in node] if isinstance(node, list) else node


def _name(key: Any) -> str:
    """Return a dict's key as text; raises ValueError for the two that would be read as something else."""
    if key in (_ARRAY, _BYTES):
        raise ValueError(f"{key!r} cannot be a name in a state")
    return str(key)


def _natural(number: Any) -> int:
    """Return a size or place that can be one; raises ValueError where it cannot."""
    if not isinstance(number, int) or number < 0:
        raise ValueError(f"{number!r} is no size")
    return number


def to_json(node: Any) -> Any:
    """Return the tree with arrays as lists (64-bit and float) or base64 (bytes), ready for `json.dumps`."""
    if isinstance(node, np.ndarray):
        return {_ARRAY: node.dtype.str, "shape": list(node.shape), "values": node.ravel().tolist()}
    if isinstance(node, bytes):
        return {_BYTES: base64.b64encode(node).decode()}
    if isinstance(node, dict):
        return {_name(key): to_json(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [to_json(value) for value in node]
    return node.item() if isinstance(node, np.generic) else node


def from_json(node: Any) -> Any:
    """Return the tree that `to_json` was given; raises StoreError where it is not its own."""
    try:
        return _from_json(node)
    except RecursionError as error:
        raise StoreError("the file is nested too deeply") from error


def _from_json(node: Any) -> Any:
    if isinstance(node, dict):
        try:
            if _ARRAY in node:
                kind = np.dtype(node[_ARRAY])
                if kind.hasobject:
                    raise StoreError("the file holds an array of objects")
                return np.array(node["values"], kind).reshape(node["shape"])
            if _BYTES in node:
                return base64.b64decode(node[_BYTES], validate=True)
        except (MemoryError, *DAMAGE) as error:
            raise StoreError(f"an array in the file is damaged: {error}") from error
        return {key: _from_json(value) for key, value in node.items()}
    return [_from_json(value) for value in node] if isinstance(node, list) else node
