"""Lists of bytes as Arrow arrays: in C where they are many, else by Arrow, to the same result."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.native import HOLDING, LIBRARY, address

_FEW_ROWS = 256


def _function(name: str) -> ctypes.c_void_p:
    """Return where a function of Python's own interface is."""
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p)


_ITEM_AT, _BYTES_OF = _function("PyList_GetItem"), _function("PyBytes_AsStringAndSize")


def binary_array(values: Sequence[bytes | None]) -> pa.BinaryArray:
    """Return the values as an Arrow binary array, None as null.

    Of a list without None it takes half the time of Arrow, and while the bytes are copied other threads go on. The
    list must not be changed meanwhile.
    """
    n = len(values)
    if LIBRARY is None or HOLDING is None or n < _FEW_ROWS or type(values) is not list:
        return pa.array(values, pa.binary())
    begins: Any = np.empty(n, np.uintp)
    bounds = np.zeros(n + 1, np.int32)
    places: Any = HOLDING.gather_places
    places.restype = ctypes.c_int64
    try:
        size = places(
            *(ctypes.py_object(values), ctypes.c_int64(n), _ITEM_AT, _BYTES_OF, address(begins), address(bounds))
        )
    except TypeError:  # one is None
        return pa.array(values, pa.binary())
    if size < 0:
        return pa.array(values, pa.binary())
    copied = pa.allocate_buffer(size)
    LIBRARY.gather_copy(address(begins), address(bounds), ctypes.c_int64(n), ctypes.c_void_p(copied.address))
    return pa.BinaryArray.from_buffers(pa.binary(), n, [None, pa.py_buffer(bounds), copied])
