"""JSON records to columns by the scanner in C: those that leave no question open; the others are named.

The scanner takes only records that every reader takes alike: strictly RFC 8259, no configured name twice or spelled
with escapes, no number beyond a float64, no deeper than allowed. So the exact and slow decoder is asked about the odd
ones alone, and whether the scanner exists on a machine changes the effort and never the result.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.decoders.tokens import token_family
from monitor.decoders.typed import number_column
from monitor.native import LIBRARY, address
from monitor.types import Column, FieldType, MaskArray

_KINDS = {"number": 0, "boolean": 1, "text": 2}
_OBJECT = 3
_ODD, _WIDE = 1, 2
_MAX_DEPTH = 128
"""The scanner calls itself for each level; what is deeper is for the other decoder, whatever is allowed."""
_MAX_STRANGERS = 65_536


class _Layout(ctypes.Structure):
    """`layout` in scan.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("names", "members", "buckets", "followers")),
        *((name, ctypes.c_int32) for name in ("bucket_mask", "member_count", "max_depth")),
    )


class _Table(ctypes.Structure):
    """`table` in scan.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("data", "bounds", "sampled")),
        ("rows", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("status", "presence", "numbers", "begins", "lengths", "seen")),
        *((name, ctypes.c_void_p) for name in ("stranger_rows", "stranger_begins", "stranger_lengths")),
        *((name, ctypes.c_int32) for name in ("stranger_count", "stranger_room")),
    )


@dataclass(frozen=True, eq=False)
class Scanned:
    """What the scanner made of records: `columns` of those that are not `odd`, in their order.

    `strangers` are the names at the top of sampled records that no configured path begins with, and
    `stranger_rows` the record of each.
    """

    odd: MaskArray
    columns: dict[str, Column]
    strangers: pa.StringArray
    stranger_rows: NDArray[np.int32]


class Scanner:
    """Reads the records of one plan; use it from one thread."""

    def __init__(self, library: Any, fields: Mapping[str, FieldType], max_depth: int) -> None:
        """Lay out which names are searched for in which objects."""
        self._library = library
        self._fields = dict(fields)
        families = [token_family(kind) for kind in fields.values()]
        self._texts = [leaf for leaf, family in enumerate(families) if family != "number"]
        self._numbers = [leaf for leaf, family in enumerate(families) if family == "number"]
        slots = {leaf: slot for leaves in (self._texts, self._numbers) for slot, leaf in enumerate(leaves)}
        names, members = bytearray(), []
        objects: dict[tuple[str, ...], int] = {(): 0}
        for leaf, (path, family) in enumerate(zip(fields, families, strict=True)):
            parts = tuple(path.split("."))
            for depth, part in enumerate(parts, 1):
                if _needs_escapes(part):
                    break  # a record can name it only by escapes, and then is odd
                is_leaf = depth == len(parts)
                if not is_leaf and parts[:depth] in objects:
                    continue
                kind, slot = (_KINDS[family], slots[leaf]) if is_leaf else (_OBJECT, len(objects))
                name = part.encode()
                members.append((objects[parts[: depth - 1]], len(names), len(name), kind, leaf, slot))
                names += name
                if not is_leaf:
                    objects[parts[:depth]] = slot
        self._objects = len(objects)
        size = 1 << (4 * len(members) + 1).bit_length()
        self._kept: list[Any] = [
            np.frombuffer(bytes(names) + bytes(8), np.uint8),
            np.array(members or [(0,) * 6], np.int32),
            np.full(size, -1, np.int32),
            np.full(len(members) + len(objects), -1, np.int32),
        ]
        pointers = [array.ctypes.data for array in self._kept]
        self._layout = _Layout(*pointers, size - 1, len(members), min(max_depth, _MAX_DEPTH))
        library.scan_prepare(ctypes.byref(self._layout), ctypes.c_void_p(pointers[2]))

    def scan(self, values: pa.Array, sampled: MaskArray) -> Scanned:
        """Return what is in the records, an Arrow binary array without nulls; names are reported of `sampled` ones."""
        n = len(values)
        _, offsets, data = values.buffers()
        bounds = np.frombuffer(offsets, np.int32)[values.offset : values.offset + n + 1]
        status = np.empty(n, np.uint8)
        presence: NDArray[np.uint8] = np.ones((len(self._fields), n), np.uint8)
        numbers: NDArray[np.float64] = np.zeros((len(self._numbers), n))
        spans: NDArray[np.int32] = np.zeros((2, len(self._texts), n), np.int32)
        room = min(_MAX_STRANGERS, int(np.count_nonzero(sampled)) * 256)
        strangers = np.empty((3, room), np.int32)
        seen = np.zeros(self._objects, np.int64)
        table = _Table(
            data.address if data is not None else None,
            bounds.ctypes.data,
            sampled.ctypes.data,
            n,
            *(array.ctypes.data for array in (status, presence, numbers, *spans, seen, *strangers)),
            0,
            room,
        )
        self._library.scan_records(ctypes.byref(self._layout), ctypes.byref(table))
        odd = status == _ODD
        if (status == _WIDE).any() and not _is_utf8(values):
            odd = status != 0
        found = strangers[:, : table.stranger_count]
        found = found[:, ~odd[found[0]]]
        if odd.any():
            clean = ~odd
            presence, numbers = np.compress(clean, presence, axis=1), np.compress(clean, numbers, axis=1)
            spans = np.compress(clean, spans, axis=2)
        columns = {}
        paths = list(self._fields.items())
        for slot, leaf in enumerate(self._numbers):
            path, kind = paths[leaf]
            columns[path] = Column(numbers[slot], presence[leaf])  # finite, or the record would be odd
            if kind == "integer":
                columns[path] = number_column(numbers[slot], presence[leaf], kind)
        for leaf, strings in zip(self._texts, self._strings(data, *spans), strict=True):
            columns[paths[leaf][0]] = Column(strings, presence[leaf])
        return Scanned(odd, columns, self._strings(data, *found[1:, None])[0], found[0])

    def _strings(self, data: pa.Buffer, begins: NDArray[np.int32], lengths: NDArray[np.int32]) -> list[pa.StringArray]:
        """Return the texts of the records' bytes that begin there, an array for each row of the matrices.

        All arrays are parts of one: together they hold no more bytes than the records.
        """
        columns, n = begins.shape
        begins, lengths = np.ascontiguousarray(begins), np.ascontiguousarray(lengths)
        bounds = np.zeros(columns * n + 1, np.int32)
        np.cumsum(lengths ^ lengths >> 31, out=bounds[1:])
        copied = pa.allocate_buffer(int(bounds[-1]))
        if copied.size:
            self._library.scan_copy(
                *(ctypes.c_void_p(data.address), ctypes.c_int64(data.size), address(begins), address(lengths)),
                *(ctypes.c_int64(columns * n), ctypes.c_void_p(copied.address), ctypes.c_int64(copied.size)),
            )
        parts = (pa.py_buffer(bounds[column * n : (column + 1) * n + 1]) for column in range(columns))
        return [pa.StringArray.from_buffers(n, part, copied) for part in parts]


def scanner_of(fields: Mapping[str, FieldType], max_depth: int) -> Scanner | None:
    """Return a scanner for the fields; None where none was built, or it cannot read one of them."""
    readable = all(token_family(kind) in _KINDS for kind in fields.values())
    return Scanner(LIBRARY, fields, max_depth) if LIBRARY is not None and readable else None


def _needs_escapes(name: str) -> bool:
    """Return whether a name cannot stand in JSON as it is."""
    return any(character in '"\\' or character < " " for character in name)


def _is_utf8(values: pa.Array) -> bool:
    """Return whether all values are UTF-8."""
    try:
        values.cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True
