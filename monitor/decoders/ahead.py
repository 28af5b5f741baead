"""Fetches decoded one ahead of the one that is being folded, on another core."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Protocol, runtime_checkable
from weakref import WeakKeyDictionary

import numpy as np

from monitor.decoded import Decoded
from monitor.decoders.preparing import Preparing, prepare
from monitor.protocols import Decoder
from monitor.types import Batch, Fetch, TopicPartition

PIECE_ROWS = 32_768
"""So many records are decoded at once: a large fetch keeps two cores at work. Half as many cost 7 % more in all."""


Derive = Callable[[Batch], object]
"""Does beforehand what is done with a batch first; what it returns is of no interest."""


@runtime_checkable
class DecodingAll(Protocol):
    """A decoder that has a way of its own with many fetches."""

    def begin(self, fetches: Sequence[Fetch], derive: Derive) -> None:
        """Decode the fetches, which `decode_all` will be given, while others are being folded."""
        ...

    def decode_all(self, fetches: Sequence[Fetch], derive: Derive) -> Iterator[Decoded]:
        """Yield what became of each fetch, in order."""
        ...


def begin(decoder: Decoder, fetches: Iterable[Fetch], derive: Derive) -> list[Fetch]:
    """Let a decoder that can begin with fetches; return them in the pieces that `decode_all` is to be given."""
    parts = [piece for fetch in fetches for piece in pieces(fetch)]
    if isinstance(decoder, DecodingAll):
        decoder.begin(parts, derive)
    return parts


def decode_all(decoder: Decoder, fetches: Sequence[Fetch], derive: Derive = len) -> Iterator[Decoded]:
    """Return an iterator over what became of each fetch, in order; never raises on bad data."""
    if isinstance(decoder, DecodingAll):
        return decoder.decode_all(fetches, derive)
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
        self._last: Future[Decoded] | None = None
        # Weak: fetches that were begun with and are not asked for, as their partition was given up, are forgotten.
        self._begun: WeakKeyDictionary[Fetch, Future[Decoded]] = WeakKeyDictionary()

    def prepare(self, fetch: Fetch) -> None:
        """Ask for what the inner decoder needs, which is not to be decoding meanwhile; raises Retryable."""
        if isinstance(self._inner, Preparing):
            self._rest()
            prepare(self._inner, fetch)

    def decode(self, fetch: Fetch) -> Decoded:
        """Return what became of one fetch, here and now."""
        self._rest()
        return self._inner.decode(fetch)

    def begin(self, fetches: Sequence[Fetch], derive: Derive) -> None:
        """Decode the fetches, which `decode_all` will be given, while others are being folded."""
        for fetch in fetches:
            if len(fetch):
                self._begun[fetch] = self._submit(fetch, derive)

    def decode_all(self, fetches: Sequence[Fetch], derive: Derive) -> Iterator[Decoded]:
        """Yield what became of each fetch, in order; the next ones are being decoded meanwhile."""
        if len(fetches) < 2 and not any(fetch in self._begun for fetch in fetches):
            yield from map(self.decode, fetches)
            return
        tasks = deque(
            self._begun.pop(fetch) if fetch in self._begun else self._submit(fetch, derive) for fetch in fetches
        )
        try:
            while tasks:
                yield tasks.popleft().result()
        finally:
            for task in tasks:
                task.cancel()

    def _submit(self, fetch: Fetch, derive: Derive) -> Future[Decoded]:
        self._last = self._thread.submit(self._decode, fetch, derive)
        return self._last

    def _decode(self, fetch: Fetch, derive: Derive) -> Decoded:
        decoded = self._inner.decode(fetch)
        derive(decoded.batch)
        return decoded

    def _rest(self) -> None:
        """Wait until the thread has nothing to do."""
        if self._last is not None:
            wait((self._last,))


def pieces(fetch: Fetch) -> Iterator[Fetch]:
    """Yield a fetch in parts of at most PIECE_ROWS records; the last one says what the whole does of the end."""
    n = len(fetch)
    for start in range(0, n - PIECE_ROWS, PIECE_ROWS):
        stop = start + PIECE_ROWS
        yield _part(fetch, start, stop, next_offset=int(fetch.offsets[stop]), end_offset=None)
    done = max(0, n - 1) // PIECE_ROWS * PIECE_ROWS
    yield _part(fetch, done, n, next_offset=fetch.next_offset, end_offset=fetch.end_offset) if done else fetch


def unread(fetches: Iterable[Fetch], reached: dict[TopicPartition, int], repeated: Counter[str]) -> Iterator[Fetch]:
    """Yield the pieces of the fetches of partitions that are `reached` up to an offset, without records before it.

    Those are already folded: they are counted as `repeated` by topic. Only a fetch without records may go back: with
    it the source says that the log did.
    """
    for piece in (piece for fetch in fetches if fetch.partition in reached for piece in pieces(fetch)):
        kept = _since(piece, reached[piece.partition]) if len(piece) else piece
        repeated[piece.partition.topic] += len(piece) - len(kept)
        reached[piece.partition] = kept.next_offset
        yield kept


def _since(fetch: Fetch, offset: int) -> Fetch:
    """Return a fetch without its records before `offset`, itself where it has none such."""
    first = int(np.searchsorted(fetch.offsets, offset))
    if first == 0:
        return fetch
    after = max(offset, fetch.next_offset)
    return _part(fetch, first, len(fetch), next_offset=after, end_offset=fetch.end_offset)


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
