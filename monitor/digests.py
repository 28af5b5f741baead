"""One digest for a list of strings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence


def digest(parts: Sequence[str]) -> str:
    """Return 32 hex characters for a list of strings, unambiguously and the same ones in every process."""
    return hashlib.blake2b(json.dumps(list(parts)).encode("ascii"), digest_size=16).hexdigest()
