"""Fetches that cannot be decoded yet, because somebody (a schema registry) does not answer: they wait their turn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable

import structlog

from monitor.clock import Clock
from monitor.decoders.preparing import prepare
from monitor.errors import Retryable, SurroundingsError
from monitor.protocols import Decoder
from monitor.types import Fetch, TopicPartition

_RETRY_S = 0.5
_PATIENCE_S = 60.0


class WaitingRoom:
    """Holds fetches back, in order, until the decoder has all that it needs for them.

    The daemon goes on meanwhile, with reading paused: it stays in its group, publishes and can be told to stop.
    What waits is not counted and not checkpointed, so whoever comes next reads it again: no place is lost.
    """

    def __init__(self, decoder: Decoder, clock: Clock) -> None:
        """Hold nothing."""
        self._decoder = decoder
        self._clock = clock
        self._fetches: list[Fetch] = []
        self._next_s = 0.0
        self.reason = ""
        """Why fetches wait; empty while none do."""

    def admit(self, fetches: Iterable[Fetch]) -> list[Fetch]:
        """Return all that waited and `fetches` once they can be decoded; nothing, and keep them, until then.

        The decoder is not troubled before the time at which it wanted to be asked again.
        """
        # Without records there is nothing to decode, and a fetch a round would add up.
        self._fetches += [fetch for fetch in fetches if len(fetch) or not self.reason]
        if self.reason and self._clock.monotonic_s() < self._next_s:
            return []
        log = structlog.get_logger(__name__)
        try:
            for fetch in self._fetches:
                prepare(self._decoder, fetch)
        except Retryable as error:
            wait_s = _RETRY_S if error.retry_after_s is None else error.retry_after_s
            self._next_s = self._clock.monotonic_s() + wait_s
            if not self.reason:
                log.warning("schemas_awaited", error=str(error), retry_after_s=wait_s)
            self.reason = str(error)
            return []
        if self.reason:
            log.info("schemas_arrived", records=sum(map(len, self._fetches)))
            self.reason = ""
        admitted, self._fetches = self._fetches, []
        return admitted

    def decode_by(self, decoder: Decoder) -> None:
        """Ask another decoder from now on, at once: what waited for the old one may be fine for it."""
        self._decoder = decoder
        self._next_s = 0.0

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """Drop what waits of partitions that are no longer ours."""
        self._fetches = [fetch for fetch in self._fetches if fetch.partition not in partitions]
        if not self._fetches:
            self.reason = ""


def prepare_patiently(
    decoder: Decoder, fetch: Fetch, *, patience_s: float = _PATIENCE_S, wait: Callable[[float], object] | None = None
) -> None:
    """Have a decoder ask for what it needs, again and again for about `patience_s`: the way of bounded commands.

    Raises SurroundingsError when that was in vain.
    """
    waited_s = 0.0
    while True:
        try:
            prepare(decoder, fetch)
        except Retryable as error:
            wait_s = _RETRY_S if error.retry_after_s is None else error.retry_after_s
            if waited_s + wait_s > patience_s:
                raise SurroundingsError(f"{error}; tried for {waited_s:.0f} s") from error
            (wait or threading.Event().wait)(wait_s)
            waited_s += wait_s
        else:
            return
