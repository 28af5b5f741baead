"""What checks remember, in blocks of 64 KiB, so that a checkpoint writes only those that changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from monitor.codec import decode, encode
from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State

BLOCK_BYTES = 65_536
Key = tuple[str, str]
"""A check's key and the name of one of its blocks."""
_HEAD = "head"
_PLACE = "$in_blocks"
_SEALED = "/sealed/"


class MemoryBlocks:
    """Which blocks are durable, by digest. What `changed` returned is taken as durable after `taken`.

    Costs 16 bytes a block, and for each checkpoint one BLAKE2b over what is remembered (about 1 ms a MB). Arrays
    under the name `sealed` never change, so those that are durable are not looked at again.
    """

    def __init__(self) -> None:
        """Start with an empty store."""
        self._durable: dict[Key, bytes] = {}
        self._pending: dict[Key, bytes] = {}

    def changed(self, states: Mapping[str, State]) -> dict[Key, bytes | None]:
        """Return the blocks that differ from the durable ones; None: no longer there."""
        found: dict[Key, bytes | None] = {}
        self._pending = {}
        for check, state in states.items():
            for name, block in _split(state):
                key = check, name
                sealed = self._durable.get(key) if _SEALED in name else None
                digest = sealed or _digest(block)
                self._pending[key] = digest
                if self._durable.get(key) != digest:
                    found[key] = bytes(block)
        return found | dict.fromkeys(self._durable.keys() - self._pending.keys())

    def taken(self) -> None:
        """Take what `changed` returned last as durable."""
        self._durable = self._pending

    def restore(self, stored: Mapping[Key, bytes]) -> dict[str, State]:
        """Return the states of the stored blocks, which are durable; raises StoreError on damage."""
        self._durable = self._pending = {key: _digest(block) for key, block in stored.items()}
        return {check: _joined(check, stored) for check, name in stored if name == _HEAD}


def _digest(block: bytes | memoryview) -> bytes:
    return hashlib.blake2b(block, digest_size=16).digest()


def _split(state: State) -> Iterator[tuple[str, bytes | memoryview]]:
    """Yield the name and the bytes of each block: the tree without arrays, then each array's."""
    arrays: dict[str, Any] = {}
    yield _HEAD, encode(_without_arrays(state, "", arrays))
    for path, array in arrays.items():
        # as bytes, since a memoryview of an empty array cannot be cast
        content = memoryview(array.reshape(-1).view(np.uint8)) if array.size else memoryview(b"")
        for number, start in enumerate(range(0, len(content), BLOCK_BYTES)):
            yield f"{path}#{number}", content[start : start + BLOCK_BYTES]


def _without_arrays(node: Any, path: str, arrays: dict[str, Any]) -> Any:
    if isinstance(node, np.ndarray):
        arrays[path] = np.ascontiguousarray(node)
        return {_PLACE: [path, node.dtype.str, list(node.shape)]}
    if isinstance(node, dict):
        return {name: _without_arrays(value, f"{path}/{name}", arrays) for name, value in node.items()}
    return node


def _joined(check: str, stored: Mapping[Key, bytes]) -> State:
    """Return one check's state; raises StoreError where a block is missing or damaged."""
    try:
        state = _with_arrays(decode(stored[check, _HEAD]), check, stored)
    except DAMAGE as error:
        raise StoreError(f"what a check remembered is damaged ({error}); reset the checkpoint") from error
    if not isinstance(state, dict):
        raise StoreError("what a check remembered is damaged; reset the checkpoint")
    return state


def _with_arrays(node: Any, check: str, stored: Mapping[Key, bytes]) -> Any:
    if not isinstance(node, dict):
        return node
    if _PLACE in node:
        path, kind, shape = node[_PLACE]
        dtype = np.dtype(kind)
        size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        blocks = [stored[check, f"{path}#{number}"] for number in range(-(-size // BLOCK_BYTES))]
        return np.frombuffer(b"".join(blocks), dtype).reshape(shape)
    return {name: _with_arrays(value, check, stored) for name, value in node.items()}
