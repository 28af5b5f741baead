"""Kafka through librdkafka (confluent-kafka), several times faster per record than kafka-python.

A second consumer, which never fetches, asks for offsets and metadata: on the fetching consumer's connection a
question would wait behind the fetch that the broker is holding back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from itertools import chain, groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicCollection
from confluent_kafka import TopicPartition as KafkaTopicPartition
from confluent_kafka.admin import AdminClient

from monitor.errors import Retryable, SurroundingsError
from monitor.sources.client_settings import librdkafka_connection, librdkafka_consumer
from monitor.sources.connecting import unreachable
from monitor.sources.kafka_client import ClientEvent, OnCommitFailure, OutOfRange, Trouble
from monitor.sources.kafka_settings import KafkaSpec
from monitor.sources.records import MESSAGES_AT_ONCE, build_fetch, joined
from monitor.types import Assigned, Fetch, Revoked, TopicPartition

# What matters of its log comes back as troubles, too; the rest is for whoever debugs it.
LOGGER = logging.getLogger("librdkafka")
if LOGGER.level == logging.NOTSET:
    LOGGER.setLevel(logging.CRITICAL)

_CLOSE_TIMEOUT_S = 5.0
_APPEND_TIME = 2
_OUT_OF_RANGE = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)  # noqa: SLF001 - a public name of its
_AT_END = KafkaError._PARTITION_EOF  # noqa: SLF001
_REFUSED = (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED)  # noqa: SLF001
_FORBIDDEN = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)


class LibrdkafkaClient:
    """A `KafkaClient` on librdkafka. Building does not connect; the first question does."""

    def __init__(self, spec: KafkaSpec, on_commit_failure: OnCommitFailure) -> None:
        self._spec = spec
        self._on_commit_failure = on_commit_failure
        self._changes: deque[Assigned | Revoked] = deque()
        self._troubles: deque[Trouble] = deque(maxlen=100)
        self._refusal: str | None = None
        self._reading: set[TopicPartition] = set()
        self._at_end: dict[TopicPartition, int] = {}
        settings = librdkafka_consumer(spec) | {"error_cb": self._note, "on_commit": self._committed}
        try:
            self._asker = Consumer(settings, logger=LOGGER)
            self._reader = Consumer(settings, logger=LOGGER)
        except KafkaException as error:
            raise SurroundingsError(f"librdkafka refuses its settings: {error.args[0].str()}") from error
        self._joined = spec.assignment == "all"

    def partitions(self, timeout_s: float) -> dict[str, frozenset[int]]:
        """Return the partition numbers of the wanted topics; see `KafkaClient`."""
        patterns = any(topic.startswith("^") for topic in self._spec.topics)
        found: dict[str, Any] = {}
        try:
            for topic in [None] if patterns else self._spec.topics:
                found |= self._asker.list_topics(topic=topic, timeout=timeout_s).topics
        except KafkaException as error:
            self._asker.poll(0)
            if self._refusal is not None:
                raise unreachable(self._spec, f"access is refused: {self._refusal}") from error
            raise Retryable(f"no broker answers: {error.args[0].str()}") from error
        wanted = {topic: there for topic, there in found.items() if self._spec.wants(topic)}
        errors = {topic: there.error.code() for topic, there in wanted.items() if there.error is not None}
        refused = sorted(topic for topic, code in errors.items() if code in _FORBIDDEN)
        if refused:
            raise unreachable(self._spec, f"access to topic {', '.join(refused)} is refused")
        return {topic: frozenset(there.partitions) for topic, there in wanted.items() if topic not in errors}

    def offsets(self, partitions: Collection[TopicPartition], at: int, timeout_s: float) -> dict[TopicPartition, int]:
        """Return the offsets of a mark or time; see `KafkaClient`."""
        if not partitions:
            return {}
        asked = [KafkaTopicPartition(topic, number, at) for topic, number in partitions]
        try:
            answers = self._asker.offsets_for_times(asked, timeout=timeout_s)
        except KafkaException:
            return {}
        found = {TopicPartition(a.topic, a.partition): a.offset for a in answers if a.error is None}
        later = [partition for partition, offset in found.items() if offset < 0]
        known = {partition: offset for partition, offset in found.items() if offset >= 0}
        return known | self.offsets(later, -1, timeout_s) if at >= 0 else known

    def read_from(self, partition: TopicPartition, offset: int) -> None:
        """Fetch `partition` from `offset` on; see `KafkaClient`."""
        # Not seek(): it fails while the partition is only just being taken up.
        if partition in self._reading:
            self._reader.incremental_unassign([KafkaTopicPartition(*partition)])
        self._reading.add(partition)
        self._at_end.pop(partition, None)
        self._reader.incremental_assign([KafkaTopicPartition(partition.topic, partition.partition, offset)])

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Stop delivering these partitions."""
        if partitions:
            self._reader.pause([KafkaTopicPartition(*partition) for partition in partitions])

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver these partitions again."""
        if partitions:
            self._reader.resume([KafkaTopicPartition(*partition) for partition in partitions])

    def read(self, timeout_s: float) -> list[ClientEvent]:
        """Return what came; see `KafkaClient`."""
        if not self._joined:
            self._joined = True
            on = {"on_assign": self._on_assign, "on_revoke": self._on_revoke, "on_lost": self._on_lost}
            self._reader.subscribe(list(self._spec.topics), **on)
        limit = self._spec.max_poll_records
        pieces: dict[TopicPartition, list[Fetch]] = {}
        events: list[ClientEvent] = []
        messages = self._reader.consume(min(limit, MESSAGES_AT_ONCE), 0)
        if not messages and not self._changes:
            # It waits for all that is asked for, so it is asked to wait for one, and then for nothing.
            messages = self._reader.consume(1, timeout_s)
            if messages and limit > 1:
                messages += self._reader.consume(min(limit - 1, MESSAGES_AT_ONCE), 0)
        while messages:
            limit -= len(messages)
            events += self._taken(messages, pieces)
            full = len(messages) >= MESSAGES_AT_ONCE and limit > 0 and not self._changes
            messages = self._reader.consume(min(limit, MESSAGES_AT_ONCE), 0) if full else []
        fetches = [joined(pieces[partition]) for partition in sorted(pieces)]
        return [*_drained(self._changes), *events, *fetches, *_drained(self._troubles)]

    def _taken(self, messages: list[Message], pieces: dict[TopicPartition, list[Fetch]]) -> list[ClientEvent]:
        """Put the records among messages to the pieces of their partitions; return what the others mean."""
        # Mapped, not in a comprehension: a third of what the client itself costs was the calls to its messages.
        signals = [message for message in messages if message.error()] if any(map(Message.error, messages)) else []
        records = [message for message in messages if not message.error()] if signals else messages
        events = [event for message in signals for event in self._signal(message)]
        for origin, batch in _by_partition(records).items():
            partition = TopicPartition(*origin)
            pieces.setdefault(partition, []).append(self._fetch(partition, batch))
        return events

    def _signal(self, message: Message) -> Iterator[ClientEvent]:
        """Yield what a message means that is no record."""
        error = message.error()
        if error is None or message.topic() is None:
            yield Trouble(str(error))
            return
        partition = TopicPartition(str(message.topic()), int(message.partition() or 0))
        if error.code() == _AT_END:
            self._at_end[partition] = int(message.offset() or 0)
        elif error.code() in _OUT_OF_RANGE:
            yield OutOfRange(partition)
        elif error.fatal():
            raise SurroundingsError(f"reading cannot go on: {error.str()}")
        else:
            yield Trouble(f"{partition.topic}-{partition.partition}: {error.str()}")

    def _fetch(self, partition: TopicPartition, messages: list[Any]) -> Fetch:
        n = len(messages)
        times = np.fromiter(chain.from_iterable(map(Message.timestamp, messages)), np.int64, 2 * n).reshape(n, 2)
        offsets: Any = map(Message.offset, messages)
        return build_fetch(
            partition,
            np.fromiter(offsets, np.int64, n),
            np.where(times[:, 0] > 0, times[:, 1], -1),
            list(map(Message.key, messages)),
            list(map(Message.value, messages)),
            _headers(messages),
            append_time=bool(times[-1, 0] == _APPEND_TIME),
            position=self._at_end.get(partition),
        )

    def position(self, partition: TopicPartition) -> int | None:
        """Return where the partition's end was last reached; see `KafkaClient`."""
        return self._at_end.get(partition)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Send the offsets to the group's coordinator without waiting."""
        own = [KafkaTopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()]
        try:
            self._reader.commit(offsets=own, asynchronous=True)
        except KafkaException as error:
            self._on_commit_failure(error.args[0].str())

    def topic_ids(self, topics: Collection[str], timeout_s: float) -> dict[str, str]:
        """Return the topics' identities; see `KafkaClient`."""
        if not topics:
            return {}
        admin = AdminClient(librdkafka_connection(self._spec), logger=LOGGER)
        answers = admin.describe_topics(TopicCollection(list(topics)), request_timeout=timeout_s)
        found = {}
        for topic, answer in answers.items():
            try:
                found[topic] = _canonical(answer.result(timeout_s).topic_id)
            except (KafkaException, TimeoutError):
                continue
        return found

    def close(self) -> None:
        """Leave the group and close every connection.

        With a broker that is gone it would wait 45 s for a commit that is under way, so it is left to itself then.
        """
        closing = [threading.Thread(target=each.close, daemon=True) for each in (self._reader, self._asker)]
        for thread in closing:
            thread.start()
        until_s = time.monotonic() + _CLOSE_TIMEOUT_S
        for thread in closing:
            thread.join(max(0.0, until_s - time.monotonic()))

    def _on_assign(self, consumer: Consumer, partitions: list[Any]) -> None:
        """Take note only: partitions are handed to the fetcher one by one, when they are sought."""
        consumer.incremental_assign([])
        self._changes.append(Assigned(_sorted(partitions)))

    def _on_revoke(self, consumer: Consumer, partitions: list[Any]) -> None:
        self._let_go(consumer, partitions)
        self._changes.append(Revoked(_sorted(partitions)))

    def _on_lost(self, consumer: Consumer, partitions: list[Any]) -> None:
        self._let_go(consumer, partitions)
        self._changes.append(Revoked(_sorted(partitions), lost=True))

    def _let_go(self, consumer: Consumer, partitions: list[Any]) -> None:
        held = [p for p in partitions if TopicPartition(p.topic, p.partition) in self._reading]
        self._reading.difference_update(_sorted(partitions))
        consumer.incremental_unassign(held)

    def _note(self, error: KafkaError) -> None:
        if error.code() in _REFUSED:
            self._refusal = error.str()
        self._troubles.append(Trouble(error.str()))

    def _committed(self, error: KafkaError | None, partitions: list[Any]) -> None:
        problem = error or next((p.error for p in partitions if p.error is not None), None)
        if problem is not None:
            self._on_commit_failure(problem.str())


def _canonical(identity: Any) -> str:
    """Return a topic's identity as kafka-python spells it, so that changing the client changes no identity."""
    high, low = identity.get_most_significant_bits(), identity.get_least_significant_bits()
    return str(UUID(int=(high % 2**64) << 64 | low % 2**64))


def _headers(messages: list[Any]) -> list[Any]:
    """Return each message's headers; None where a name is not UTF-8, which confluent-kafka (2.16.1) fails on.

    To be asked only once: after that failure it would return a list with a hole, which nobody may touch.
    """
    found: list[Any] = []
    left = iter(messages)
    while True:
        try:
            found.extend(map(Message.headers, left))
        except (SystemError, UnicodeDecodeError):
            found.append(None)  # of the one that failed; those before it are in the list
        else:
            return found


def _by_partition(messages: list[Any]) -> dict[tuple[str, int], list[Any]]:
    """Return the messages of each partition, which come in runs, one for each of its fetch responses."""
    topics: list[Any] = list(map(Message.topic, messages))
    numbers: list[Any] = list(map(Message.partition, messages))
    if messages and topics.count(topics[0]) == numbers.count(numbers[0]) == len(messages):
        return {(topics[0], numbers[0]): messages}
    batches: dict[tuple[str, int], list[Any]] = {}
    for origin, run in groupby(zip(zip(topics, numbers, strict=True), messages, strict=True), key=itemgetter(0)):
        batches.setdefault(origin, []).extend(map(itemgetter(1), run))
    return batches


def _sorted(partitions: list[Any]) -> tuple[TopicPartition, ...]:
    return tuple(sorted(TopicPartition(p.topic, p.partition) for p in partitions))


def _drained(events: deque[Any]) -> Iterator[Any]:
    while events:
        yield events.popleft()
