"""The one part that is written in C, where it was built: `LIBRARY`, or None, and everything works without it.

Built by `hatch_build.py` wherever the package is installed from source and there is a C compiler.
"""

from __future__ import annotations

import ctypes
import hashlib
from pathlib import Path

_HERE = Path(__file__).parent


def source_digest(source: bytes) -> str:
    """Return what a library built from `source` says of itself."""
    return hashlib.blake2b(source, digest_size=16).hexdigest()


def _load() -> ctypes.CDLL | None:
    """Return the library that was built from the source beside it; None where there is none, or an older one."""
    try:
        library = ctypes.CDLL(str(_HERE / "scan.so"))
        built_from = ctypes.c_char_p.in_dll(library, "scan_source").value or b""
        wanted = source_digest((_HERE / "scan.c").read_bytes())
    except (OSError, ValueError):
        return None
    return library if built_from.decode() == wanted else None


LIBRARY = _load()
"""Calls into it let go of the interpreter's lock."""
