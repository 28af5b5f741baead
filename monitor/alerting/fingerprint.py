"""The stable identity of an alert."""

from __future__ import annotations

import hashlib
import json


def fingerprint(monitor: str, rule: str, field: str, segment: str) -> str:
    """Return 32 hex characters that identify an alert in every process, version and restart.

    The parts are encoded as a JSON array before the digest, so that moving a character from one part to
    the next gives another fingerprint. The built-in `hash()` is salted per process and cannot serve.
    """
    parts = json.dumps([monitor, rule, field, segment], separators=(",", ":"))
    return hashlib.blake2b(parts.encode("ascii"), digest_size=16).hexdigest()
