"""The parts that are written in C, where they were built: `LIBRARY`, or None, and everything works without them.

Built by `building.py` wherever the package is installed from source and there is a C compiler.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


def _load() -> ctypes.CDLL | None:
    """Return the library that was built from the sources beside it; None where there is none, or an older one."""
    try:
        library = ctypes.CDLL(str(_HERE / "native.so"))
        built_from = ctypes.c_char_p.in_dll(library, "native_source").value or b""
        sources = b"".join(path.read_bytes() for path in sorted(_HERE.glob("*.c")))
    except (OSError, ValueError):
        return None
    return library if built_from.decode() == hashlib.blake2b(sources, digest_size=16).hexdigest() else None


LIBRARY = _load()
"""Calls into it let go of the interpreter's lock."""

HOLDING = None if LIBRARY is None else ctypes.PyDLL(str(_HERE / "native.so"))
"""The same library; calls through this one hold the lock, and an error that they leave behind is raised."""


def address(array: Any) -> ctypes.c_void_p:
    """Return where the values of an array lie; it must be contiguous, and outlive the call."""
    return ctypes.c_void_p(array.__array_interface__["data"][0])


def addresses(arrays: Sequence[Any]) -> ctypes.Array[ctypes.c_void_p]:
    """Return where the values of each array lie, as one array; they must be contiguous, and outlive the call."""
    return (ctypes.c_void_p * len(arrays))(*[array.__array_interface__["data"][0] for array in arrays])
