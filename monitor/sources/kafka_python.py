"""Kafka through kafka-python.

A second consumer, which never fetches, asks for offsets and metadata: on the fetching consumer's connection a
question would wait behind the fetch that the broker is holding back.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import kafka.errors as kafka_errors
from kafka import KafkaConsumer
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.net.compat import KafkaNetClient
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaTopicPartition

from monitor.errors import Retryable, SurroundingsError
from monitor.sources.client_settings import kafka_python_consumer
from monitor.sources.connecting import unreachable
from monitor.sources.kafka_client import EARLIEST, LATEST, ClientEvent, OnCommitFailure, OutOfRange, Trouble
from monitor.sources.kafka_python_names import tolerate_header_names
from monitor.sources.kafka_settings import KafkaSpec
from monitor.sources.records import MESSAGES_AT_ONCE, build_fetch, joined
from monitor.types import Assigned, Fetch, Revoked, TopicPartition

# Without a broker the library warns ten times a second; `KafkaSource` says it once in a while.
if logging.getLogger("kafka").level == logging.NOTSET:
    logging.getLogger("kafka").setLevel(logging.CRITICAL)

tolerate_header_names()

_CLOSE_TIMEOUT_MS = 5_000
_COMMIT_TIMEOUT_S = 1.0
_REFUSED = (kafka_errors.AuthorizationError, kafka_errors.SaslAuthenticationFailedError)
_FATAL = (kafka_errors.FencedInstanceIdError, kafka_errors.UnsupportedCodecError)


class KafkaPythonClient:
    """A `KafkaClient` on kafka-python. Building raises SurroundingsError when no broker answers in time."""

    def __init__(self, spec: KafkaSpec, on_commit_failure: OnCommitFailure) -> None:
        self._spec = spec
        self._on_commit_failure = on_commit_failure
        self._changes: deque[Assigned | Revoked] = deque()
        self._assigned: list[KafkaTopicPartition] = []
        self._last_commit: Any = None
        connections: list[Any] = []
        settings = kafka_python_consumer(spec) | {"kafka_client": partial(_open, connections)}
        group = spec.group_id if spec.assignment == "group" else None
        try:
            # In manual assignment only the asking consumer knows the group, so that a coordinator that is
            # gone stops commits and not the records.
            self._asker = KafkaConsumer(group_id=None if group else spec.group_id, **settings)
            # The public methods of the consumer wait without a limit for what its metadata already holds.
            self._cluster = self._asker._cluster  # noqa: SLF001 - the contract suite notices when it moves
            if group:
                settings |= {"partition_assignment_strategy": [CooperativeStickyAssignor]}
            self._reader = KafkaConsumer(group_id=group, **settings)
        except kafka_errors.KafkaError as error:
            # A consumer that cannot be built leaves its thread behind, which would try to connect for ever.
            for connection in connections:
                connection.close()
            raise unreachable(spec, f"no broker lets us in: {error}") from error
        if any(topic.startswith("^") for topic in spec.topics):
            self._cluster.need_all_topic_metadata = True
            self._cluster.request_update()
        else:
            self._cluster.set_topics(spec.topics)
        if group:
            self._subscribe()

    def _subscribe(self) -> None:
        listener = _Listener(self._reader, self._changes)
        if any(topic.startswith("^") for topic in self._spec.topics):
            parts = [
                topic if topic.startswith("^") else f"^{topic.replace('.', '[.]')}$" for topic in self._spec.topics
            ]
            self._reader.subscribe(pattern="|".join(f"(?:{part})" for part in parts), listener=listener)
        else:
            self._reader.subscribe(topics=list(self._spec.topics), listener=listener)

    def partitions(self, timeout_s: float) -> dict[str, frozenset[int]]:
        """Return the partition numbers of the wanted topics; see `KafkaClient`."""
        self._await(self._cluster.request_update(), timeout_s)
        refused = sorted(topic for topic in self._cluster.unauthorized_topics if self._spec.wants(topic))
        if refused:
            raise unreachable(self._spec, f"access to topic {', '.join(refused)} is refused")
        wanted = [topic for topic in self._cluster.topics() if self._spec.wants(topic)]
        return {topic: frozenset(self._cluster.partitions_for_topic(topic) or ()) for topic in wanted}

    def _await(self, future: Any, timeout_s: float) -> None:
        """Wait for metadata; raises Retryable when it does not come in time."""
        for _ in range(max(1, int(timeout_s / 0.01))):
            if future.is_done:
                break
            time.sleep(0.01)
        if not future.is_done:
            raise Retryable("no broker answers")
        if isinstance(future.exception, _REFUSED):
            raise unreachable(self._spec, f"access is refused: {future.exception}")
        if future.exception is not None:
            raise Retryable(f"no broker answers: {future.exception}")

    def offsets(self, partitions: Collection[TopicPartition], at: int, timeout_s: float) -> dict[TopicPartition, int]:
        """Return the offsets of a mark or time; see `KafkaClient`."""
        if not partitions:
            return {}
        asked = [KafkaTopicPartition(*partition) for partition in partitions]
        timeout_ms = int(timeout_s * 1000)
        try:
            if at == EARLIEST:
                found = self._asker.beginning_offsets(asked, timeout_ms=timeout_ms)
            elif at == LATEST:
                found = self._asker.end_offsets(asked, timeout_ms=timeout_ms)
            else:
                times = self._asker.offsets_for_times(dict.fromkeys(asked, at), timeout_ms=timeout_ms)
                found = {partition: there.offset for partition, there in times.items() if there is not None}
                later = [partition for partition in asked if partition not in found]
                found |= self._asker.end_offsets(later, timeout_ms=timeout_ms) if later else {}
        except kafka_errors.KafkaError:
            return {}
        return {TopicPartition(*partition): offset for partition, offset in found.items()}

    def read_from(self, partition: TopicPartition, offset: int) -> None:
        """Fetch `partition` from `offset` on; see `KafkaClient`."""
        wanted = KafkaTopicPartition(*partition)
        if self._spec.assignment == "all" and wanted not in self._assigned:
            self._assigned.append(wanted)
            self._reader.assign(self._assigned)
        for held in self._held([partition]):
            self._reader.seek(held, offset)
            self._reader.resume(held)

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Stop delivering these partitions."""
        with suppress(KeyError):  # revoked this moment
            self._reader.pause(*self._held(partitions))

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver these partitions again."""
        with suppress(KeyError):  # revoked this moment
            self._reader.resume(*self._held(partitions))

    def _held(self, partitions: Collection[TopicPartition]) -> list[KafkaTopicPartition]:
        """Return those that the consumer still has: one that it lost is reported as revoked by the next `read`."""
        return [KafkaTopicPartition(*p) for p in partitions if p in self._reader.assignment()] if partitions else []

    def read(self, timeout_s: float) -> list[ClientEvent]:
        """Return what came; see `KafkaClient`."""
        pieces: dict[TopicPartition, list[Fetch]] = {}
        events: list[ClientEvent] = []
        left, full = self._spec.max_poll_records, True
        while full and left > 0 and not events:
            wanted = min(left, MESSAGES_AT_ONCE)
            try:
                batches = self._poll(0.0 if pieces else timeout_s, wanted, events)
            except Retryable as error:
                if not pieces:
                    raise
                batches, events = {}, [Trouble(str(error))]
            for partition, records in batches.items():
                pieces.setdefault(TopicPartition(*partition), []).append(self._fetch(partition, records))
            came = sum(map(len, batches.values()))
            left, full = left - came, came >= wanted and not self._changes
        return [*self._drained(), *map(joined, pieces.values()), *events]

    def _poll(self, timeout_s: float, limit: int, events: list[ClientEvent]) -> Mapping[Any, list[Any]]:
        """Return so many records at most, by partition; what else has to be told is put to `events`."""
        try:
            found: Mapping[Any, list[Any]] = self._reader.poll(timeout_ms=int(timeout_s * 1000), max_records=limit)
        except kafka_errors.OffsetOutOfRangeError as error:
            events += [OutOfRange(TopicPartition(*partition)) for partition in error.args[0]]
        except kafka_errors.LogTruncationError as error:
            events += [OutOfRange(TopicPartition(*partition)) for partition in error.divergent_offsets]
        except kafka_errors.NoOffsetForPartitionError:
            pass  # a partition of a rebalance under way, whose listener has not been called yet
        except _FATAL as error:
            raise SurroundingsError(f"reading cannot go on: {type(error).__name__}: {error}") from error
        except kafka_errors.KafkaError as error:
            raise Retryable(f"{type(error).__name__}: {error}") from error
        else:
            return found
        return {}

    def _drained(self) -> Iterator[Assigned | Revoked]:
        while self._changes:
            yield self._changes.popleft()

    def _fetch(self, partition: Any, records: list[Any]) -> Fetch:
        own = TopicPartition(*partition)
        return build_fetch(
            own,
            [record.offset for record in records],
            [record.timestamp for record in records],
            [record.key for record in records],
            [record.value for record in records],
            [record.headers for record in records],
            append_time=records[-1].timestamp_type == 1,
            position=self.position(own),
        )

    def position(self, partition: TopicPartition) -> int | None:
        """Return where reading goes on; see `KafkaClient`."""
        try:
            position: int | None = self._reader.position(KafkaTopicPartition(*partition), timeout_ms=0)
        except kafka_errors.KafkaError:
            return None
        return position

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Send the offsets to the group's coordinator without waiting."""
        consumer = self._reader if self._spec.assignment == "group" else self._asker
        own = {KafkaTopicPartition(*p): OffsetAndMetadata(offset, "", -1) for p, offset in offsets.items()}
        try:
            self._last_commit = consumer.commit_async(own)
            self._last_commit.add_errback(lambda error: self._on_commit_failure(str(error)))
        except kafka_errors.KafkaError as error:
            self._on_commit_failure(str(error))

    def topic_ids(self, topics: Collection[str], timeout_s: float) -> dict[str, str]:
        """Return the topics' identities as of the last refresh of the metadata."""
        known = {topic: self._cluster.topic_id(topic) for topic in topics}
        return {topic: str(identity) for topic, identity in known.items() if identity is not None}

    def close(self) -> None:
        """Leave the group and close every connection, once the last commit had a moment to arrive."""
        until_s = time.monotonic() + _COMMIT_TIMEOUT_S
        while self._last_commit is not None and not self._last_commit.is_done and time.monotonic() < until_s:
            time.sleep(0.01)
        for consumer in (self._reader, self._asker):
            try:
                consumer.close(autocommit=False, timeout_ms=_CLOSE_TIMEOUT_MS)
            except kafka_errors.KafkaError as error:
                self._on_commit_failure(f"leaving the group: {error}")


def _open(opened: list[Any], **settings: Any) -> Any:
    """Return a new network client, and keep it in `opened`."""
    opened.append(KafkaNetClient(**settings))
    return opened[-1]


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # kafka-python has no types
    """Only enqueues; it is called on the client's thread, and what it blocks may stop partitions for good (#3138)."""

    def __init__(self, reader: Any, changes: deque[Assigned | Revoked]) -> None:
        self._reader = reader
        self._changes = changes

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Keep the new partitions still until they are sought."""
        for partition in assigned:
            self._reader.pause(partition)
            # A placeholder: without any position the consumer would ask for committed offsets, and use them.
            self._reader.seek(partition, 0)
        self._changes.append(Assigned(tuple(sorted(TopicPartition(*partition) for partition in assigned))))

    def on_partitions_revoked(self, revoked: Any) -> None:
        """Note that the partitions go to another member."""
        self._changes.append(Revoked(tuple(sorted(TopicPartition(*partition) for partition in revoked))))

    def on_partitions_lost(self, lost: Any) -> None:
        """Note that the partitions may have gone to another member already."""
        self._changes.append(Revoked(tuple(sorted(TopicPartition(*partition) for partition in lost)), lost=True))
