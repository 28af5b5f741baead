"""The stable hashes of `monitor.hashing`, by the name that the accumulators know them under."""

from __future__ import annotations

from monitor.hashing import HashArray, hash_numbers, hash_strings, mix

__all__ = ["HashArray", "hash_numbers", "hash_strings", "mix"]
