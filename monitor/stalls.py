"""What is done about a partition that does not move though there is work: seek it anew, then restart the client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import structlog

from monitor.clock import Clock
from monitor.engine import Engine
from monitor.sources import PartitionedSource
from monitor.types import TopicPartition

AGAIN_AFTER_S = 60.0
"""So long every attempt is given; twice as long after each restart that did not help, up to LONGEST_S."""

LONGEST_S = 960.0


@dataclass
class _Attempt:
    """When something is to be tried again for a partition, and how long that was waited for."""

    next_s: float
    wait_s: float


class Stalls:
    """Watches over the partitions that the meters call stalled; for the data thread.

    A stalled partition is sought at the offset up to which it is folded. One that has not moved after AGAIN_AFTER_S
    more gets a new client, and with it all others. Nothing is lost or counted twice by either: reading goes on at what
    is folded, and records that come again are dropped. A broker that answers nothing is left alone: a new client would
    get no answer either.
    """

    def __init__(self, source: PartitionedSource, clock: Clock) -> None:
        """Start with nothing tried."""
        self._source = source
        self._clock = clock
        self._tried: dict[TopicPartition, _Attempt] = {}
        self.actions: Counter[str] = Counter()
        """How often what was done, `seek` or `restart`."""

    def heal(self, engine: Engine, stalled: AbstractSet[TopicPartition]) -> None:
        """Do what is due for the stalled partitions; those that moved are forgotten."""
        log = structlog.get_logger(__name__)
        now_s, now_ms = self._clock.monotonic_s(), self._clock.now_ms()
        for partition in self._tried.keys() - stalled:
            del self._tried[partition]
            log.info("partition_moves_again", topic=partition.topic, partition=partition.partition)
        answering = [tp for tp in sorted(stalled & engine.partitions.keys()) if engine.partitions[tp].fresh(now_ms)]
        overdue = []
        for partition in answering:
            state, attempt = engine.partitions[partition], self._tried.get(partition)
            if attempt is None:
                said = {"topic": partition.topic, "partition": partition.partition, "offset": state.next_offset}
                log.warning("partition_stalled", **said, end_offset=state.end_offset)
                self._source.seek(partition, state.next_offset)
                self.actions["seek"] += 1
                self._tried[partition] = _Attempt(now_s + AGAIN_AFTER_S, AGAIN_AFTER_S)
            elif now_s >= attempt.next_s:
                overdue.append(attempt)
        if overdue and self._source.restart():
            self.actions["restart"] += 1
        for attempt in overdue:
            attempt.wait_s = min(2 * attempt.wait_s, LONGEST_S)
            attempt.next_s = now_s + attempt.wait_s
