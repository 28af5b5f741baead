"""Reads text files line by line without a loop over lines, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitor.errors import SurroundingsError
from monitor.types import IntArray

BLOCK_BYTES = 4 << 20
MAX_LINE_BYTES = 256 << 20
_LINE_FEED, _CARRIAGE_RETURN = 10, 13


def read_lines(path: Path) -> Iterator[tuple[IntArray, pa.BinaryArray]]:
    """Yield line numbers (from 0) and lines without their ends; blank lines count but are left out.

    Files with a suffix such as `.gz`, `.zst` or `.bz2` are decompressed on the way. Raises SurroundingsError
    for a line over `MAX_LINE_BYTES`, OSError for a file that is missing or cut short.
    """
    number, rest = 0, b""
    with pa.input_stream(str(path)) as stream:
        while block := stream.read(BLOCK_BYTES):
            complete, feed, rest = (rest + block).rpartition(b"\n")
            if len(rest) > MAX_LINE_BYTES:
                raise SurroundingsError(f"{path}: line {number} is over {MAX_LINE_BYTES} bytes; is it JSON lines?")
            if feed:
                lines = complete + feed
                yield split_lines(lines, number)
                number += lines.count(b"\n")
    if rest:
        yield split_lines(rest + b"\n", number)


def split_lines(text: bytes, number: int) -> tuple[IntArray, pa.BinaryArray]:
    """Return the numbers, counted from `number`, and the content of the lines of a text that ends with a line feed."""
    characters = np.frombuffer(text, np.uint8)
    feeds = np.flatnonzero(characters == _LINE_FEED)
    starts = np.concatenate(([0], feeds[:-1] + 1))
    # A carriage return belongs to the line's end; for an empty line the character before is another line's.
    returns = (feeds > starts) & (characters[np.maximum(feeds - 1, 0)] == _CARRIAGE_RETURN)
    lengths = feeds - starts - returns
    keep = np.ones(len(characters), np.bool_)
    keep[feeds] = False
    keep[feeds[returns] - 1] = False
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    lines = pa.Array.from_buffers(
        pa.large_binary(), len(feeds), [None, pa.py_buffer(offsets), pa.py_buffer(characters[keep])]
    ).cast(pa.binary())
    full = np.flatnonzero(lengths)
    numbers: IntArray = number + full
    return numbers, lines if len(full) == len(feeds) else lines.take(pa.array(full))
