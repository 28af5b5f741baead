"""Strings as dictionary codes: in C where they are many and few of them differ, else by Arrow, to the same result."""

from __future__ import annotations

import ctypes

import numpy as np
import pyarrow as pa

from monitor.native import LIBRARY, address

_FEW_ROWS = 1024
_MOST_DIFFERENT = 1024
_SLOTS = 4 * _MOST_DIFFERENT
_SLOT = np.dtype([("head", np.uint64), ("length", np.int32), ("place", np.int32)])
"""`slot` in encode.c."""


def dictionary_encode(strings: pa.StringArray) -> pa.DictionaryArray:
    """Return the strings as int32 codes into a dictionary of the different ones, in the order of their appearance."""
    n = len(strings)
    if LIBRARY is None or n < _FEW_ROWS or strings.null_count or strings.type != pa.string():
        return strings.dictionary_encode()
    _, bounds, data = strings.buffers()
    if data is None:
        return strings.dictionary_encode()
    slots, firsts = np.zeros(_SLOTS, _SLOT), np.empty(_MOST_DIFFERENT, np.int32)
    codes = np.empty(n, np.int32)
    different = LIBRARY.encode_texts(
        *(ctypes.c_void_p(data.address), ctypes.c_int64(data.size)),
        *(ctypes.c_void_p(bounds.address + 4 * strings.offset), ctypes.c_int64(n)),
        *(ctypes.c_int32(_MOST_DIFFERENT), ctypes.c_int32(_SLOTS - 1)),
        *(address(slots), address(firsts), address(codes)),
    )
    if different < 0:
        return strings.dictionary_encode()
    return pa.DictionaryArray.from_arrays(pa.array(codes), strings.take(pa.array(firsts[:different])), safe=False)
