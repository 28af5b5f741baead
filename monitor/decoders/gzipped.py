"""Values that are gzipped one by one by their producer, decompressed within bounds."""

from __future__ import annotations

import zlib
from typing import Literal

import numpy as np
import pyarrow as pa

from monitor.decoded import Decoded, Rejects
from monitor.decoders.parts import part_of, whole_of
from monitor.protocols import Decoder
from monitor.types import Fetch

Compression = Literal["none", "gzip"]
"""How each value is compressed by its producer; what Kafka compresses is no business of ours."""

MAX_PLAIN_BYTES = 128 * 1024 * 1024
"""So much is decompressed at a time: gzip makes a thousand bytes of one, and a fetch may be all such values."""
_BAD, _OVERSIZE = "compression", "oversize"
_GZIP = 31  # zlib's number for a gzip header and the largest window


class Gunzipped:
    """Decompresses values and hands them to another decoder.

    Each value is its own gzip stream, so each is one call into zlib, which is C and nearly all of the time.
    Rejects: compression (no whole gzip stream and nothing else), oversize (before or after, and nothing is
    decompressed further than that).
    """

    def __init__(self, inner: Decoder, max_record_bytes: int, max_plain_bytes: int = MAX_PLAIN_BYTES) -> None:
        """Decompress for `inner`, at most one value more than `max_plain_bytes` at a time."""
        self._inner = inner
        self._max_bytes = max_record_bytes
        self._max_plain_bytes = max_plain_bytes

    def decode(self, fetch: Fetch) -> Decoded:
        """Return the rows, rejects and filtered records of a fetch; never raises on bad data."""
        parts = []
        bad: list[tuple[int, str]] = []
        rows: list[int] = []
        plain: list[bytes | None] = []
        size = 0

        def hand_over() -> None:
            index = np.array(rows, np.int64)
            parts.append((index, self._inner.decode(part_of(fetch, index, pa.array(plain, pa.binary())))))

        for row, value in enumerate(map(self._inflated, fetch.values.to_pylist())):
            if isinstance(value, str):
                bad.append((row, value))
                continue
            rows.append(row)
            plain.append(value)
            size += len(value or b"")
            if size > self._max_plain_bytes:
                hand_over()
                rows, plain, size = [], [], 0
        if rows or not parts:
            hand_over()
        return whole_of(parts, Rejects(np.array([row for row, _ in bad], np.int64), [reason for _, reason in bad]))

    def _inflated(self, value: bytes | None) -> bytes | str | None:
        """Return a value decompressed, or the reason why not; None remains None."""
        if value is None:
            return None
        if len(value) > self._max_bytes:
            return _OVERSIZE
        stream = zlib.decompressobj(_GZIP)
        try:
            plain = stream.decompress(value, self._max_bytes + 1)
        except zlib.error:
            return _BAD
        if len(plain) > self._max_bytes:
            return _OVERSIZE
        return plain if stream.eof and not stream.unused_data else _BAD
