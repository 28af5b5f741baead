"""Fetches decoded one ahead of the one that is being folded, on another core."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol, runtime_checkable

from monitor.decoders.preparing import prepare
from monitor.protocols import Decoder
from monitor.types import Decoded, Fetch

PIECE_ROWS = 32_768
"""So many records are decoded at once: a large fetch keeps two cores at work. Half as many cost 7 % more in all."""


@runtime_checkable
class DecodingAll(Protocol):
    """A decoder that has a way of its own with many fetches."""

    def decode_all(self, fetches: Sequence[Fetch]) -> Iterator[Decoded]:
        """Yield what became of each fetch, in order."""
        ...


def decode_all(decoder: Decoder, fetches: Sequence[Fetch]) -> Iterator[Decoded]:
    """Return an iterator over what became of each fetch, in order; never raises on bad data."""
    if isinstance(decoder, DecodingAll):
        return decoder.decode_all(fetches)
    return map(decoder.decode, fetches)


class Ahead:
    """Decodes in a thread of its own while whoever asked is busy with what it has been given.

    The decoders' libraries let go of the interpreter's lock, so the two run on two cores. Only one thread uses the
    inner decoder at any time, and the order is that of the fetches: the results are those of the inner decoder alone.
    """

    def __init__(self, inner: Decoder) -> None:
        """Start the thread when it is first needed; it ends with this object."""
        self._inner = inner
        self._thread = ThreadPoolExecutor(1, "decode")

    def prepare(self, fetch: Fetch) -> None:
        """Ask for what the inner decoder needs; raises Retryable."""
        prepare(self._inner, fetch)

    def decode(self, fetch: Fetch) -> Decoded:
        """Return what became of one fetch, here and now."""
        return self._inner.decode(fetch)

    def decode_all(self, fetches: Sequence[Fetch]) -> Iterator[Decoded]:
        """Yield what became of each fetch, in order; the next ones are being decoded meanwhile."""
        if len(fetches) < 2:
            yield from map(self._inner.decode, fetches)
            return
        tasks = deque(self._thread.submit(self._inner.decode, fetch) for fetch in fetches)
        try:
            while tasks:
                yield tasks.popleft().result()
        finally:
            for task in tasks:
                task.cancel()


def pieces(fetch: Fetch) -> Iterator[Fetch]:
    """Yield a fetch in parts of at most PIECE_ROWS records; the last one says what the whole does of the end."""
    n = len(fetch)
    for start in range(0, n - PIECE_ROWS, PIECE_ROWS):
        stop = start + PIECE_ROWS
        yield _part(fetch, start, stop, next_offset=int(fetch.offsets[stop]), end_offset=None)
    done = max(0, n - 1) // PIECE_ROWS * PIECE_ROWS
    yield _part(fetch, done, n, next_offset=fetch.next_offset, end_offset=fetch.end_offset) if done else fetch


def _part(fetch: Fetch, start: int, stop: int, *, next_offset: int, end_offset: int | None) -> Fetch:
    return replace(
        fetch,
        offsets=fetch.offsets[start:stop],
        timestamps_ms=fetch.timestamps_ms[start:stop],
        keys=fetch.keys[start:stop],
        values=fetch.values[start:stop],
        headers=None if fetch.headers is None else fetch.headers[start:stop],
        next_offset=next_offset,
        end_offset=end_offset,
    )
