"""Which partitions are ours: restored before they are read, durable before they are given up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import structlog

from monitor.checkpointing import Options
from monitor.engine import Engine
from monitor.errors import Retryable, StoreError
from monitor.partition import PartitionState
from monitor.saving import restore_partition
from monitor.sources import PartitionedSource
from monitor.store.sqlite import Store
from monitor.types import Assigned, Revoked, TopicPartition

T = TypeVar("T")


class Ownership:
    """Takes partitions in and gives them up. `checkpoint` makes the engine durable and says whether it could;
    `pause` waits a little and says whether we are to stop.
    """  # noqa: D205 - says what it is handed

    def __init__(
        self,
        engine: Engine,
        source: PartitionedSource,
        store: Store,
        checkpoint: Callable[[], bool],
        pause: Callable[[], bool],
        options: Options = Options(),  # noqa: B008 - frozen
    ) -> None:
        """Own nothing yet."""
        self.engine = engine
        """Whose partitions they are; another one when an epoch begins."""
        self._source = source
        self._store = store
        self._checkpoint = checkpoint
        self._pause = pause
        self._options = options
        self._jumped: Counter[tuple[str, str]] = Counter()
        self._log = structlog.get_logger(__name__)
        self.rebalances = 0

    def take(self, event: Assigned) -> bool:
        """Restore each partition, make new starts durable, and only then begin to read; False: told to stop.

        Raises StoreError where the stored offsets are of another topic and `on_out_of_range` is `fail`, Retryable
        when told to stop while the surroundings do not answer.
        """
        states = [self._restored(partition) for partition in event.partitions]
        self._check_topics(states)
        for state in states:
            self.engine.assign(state)
        self.rebalances += 1
        self.engine.expected = self._source.partition_count()
        while not self._checkpoint():
            if self._pause():
                return False
        for state in states:
            self._source.seek(state.partition, state.next_offset)
            topic, partition = state.partition
            self._log.info("partition_assigned", topic=topic, partition=partition, offset=state.next_offset)
        return True

    def give_up(self, event: Revoked) -> None:
        """Make the partitions durable and forget them; what is lost is read again from the stored offset."""
        if not event.lost and not self._checkpoint():
            self._log.warning("revoke_not_durable", partitions=len(event.partitions))
        for partition in event.partitions:
            self.engine.revoke(partition)
        self.rebalances += 1
        self._log.info("partitions_revoked", partitions=[list(partition) for partition in event.partitions])

    def ends(self) -> dict[TopicPartition, int | None]:
        """Return the ends of the owned partitions; None where the source does not know it yet."""
        ends = self._retry(self._source.ends)
        return {partition: ends.get(partition) for partition in self.engine.partitions}

    def _restored(self, partition: TopicPartition) -> PartitionState:
        """Return a partition's state: the stored one, or an empty one at the configured start."""
        head = self._retry(lambda: self._store.head(partition))
        if head is not None:
            panes = self._retry(lambda: self._store.panes(partition))
            return restore_partition(self.engine.plan, partition, head, panes)
        start = self._retry(lambda: self._start(partition))
        return PartitionState(partition, start, start)

    def _start(self, partition: TopicPartition) -> int:
        """Return where a partition without a stored state begins: at its own beginning if its topic is known.

        Its topic being in the store means that the partition appeared while nobody was watching; what it holds
        is new to us, whatever the configured start says. (In a group it may only be the first time that it is
        ours.) Raises Retryable when the broker does not answer.
        """
        if self._options.owns_all and any(known.topic == partition.topic for known in self._store.heads()):
            beginnings = self._source.beginnings()
            if partition not in beginnings:
                raise Retryable(f"no broker says where {partition.topic}-{partition.partition} begins")
            return beginnings[partition]
        return self._source.resolve_start(partition)

    def _check_topics(self, states: Sequence[PartitionState]) -> None:
        """Apply no stored offset to a topic that was created anew under the same name: there, begin anew."""
        identities = self._retry(self._source.topic_ids)
        for state in states:
            topic = state.partition.topic
            if topic not in identities:
                continue
            # stores from before the identity was kept with the offsets have one for the whole topic
            stored = state.topic_id or (self._known(topic) if state.records else "")
            if stored and stored != identities[topic]:
                self._begin_anew(state, stored, identities[topic])
            state.topic_id = identities[topic]

    def _known(self, topic: str) -> str:
        stored = self._retry(partial(self._store.get, f"topic:{topic}"))
        return stored.decode() if isinstance(stored, bytes) else stored or ""

    def _begin_anew(self, state: PartitionState, stored: str, identity: str) -> None:
        """Go on in the topic that now has the name where `on_out_of_range` says; raises StoreError where it is `fail`.

        The new offset and the new identity become durable together, by the checkpoint before the first read.
        """
        topic, number = state.partition
        if self._options.on_out_of_range == "fail":
            raise StoreError(
                f"topic {topic} was recreated ({stored!r} is now {identity!r}), so the stored offsets mean nothing; "
                f"accept it by source.on_out_of_range: earliest or latest, or begin anew with "
                f"`driftline checkpoint reset --partition {topic}:{number}`, or move {self._store.directory} away"
            )
        latest = self._options.on_out_of_range == "latest"
        offset = self._retry(partial(self._edge, state.partition, latest=latest))
        self._jumped[topic, "recreated"] += abs(offset - state.next_offset)
        self._log.warning("topic_recreated", topic=topic, partition=number, offset=state.next_offset, at=offset)
        state.begin_anew(offset, identity)
        self.engine.memory.begin_anew(state.partition)

    def _edge(self, partition: TopicPartition, *, latest: bool) -> int:
        edges = self._source.ends() if latest else self._source.beginnings()
        if partition not in edges:
            raise Retryable(f"no broker says where {partition.topic}-{partition.partition} begins and ends")
        return edges[partition]

    def jumps(self) -> dict[tuple[str, str], int]:
        """Return how many offsets lie between where reading stood and where it had to go on, by topic and cause."""
        jumped = self._jumped.copy()
        for (partition, cause), n in self._source.gaps.items():
            jumped[partition.topic, cause] += n
        for topic, n in self.engine.repeated.items():
            jumped[topic, "repeated"] += n
        return {key: n for key, n in jumped.items() if n}

    def _retry(self, ask: Callable[[], T]) -> T:
        """Ask until there is an answer; raises Retryable only when told to stop."""
        while True:
            try:
                return ask()
            except Retryable as error:
                self._log.warning("surroundings_unavailable", error=str(error))
                if self._pause():
                    raise
