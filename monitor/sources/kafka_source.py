"""The Kafka source: which partitions are read, from where, and how far they go; on either client library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from monitor.clock import Clock
from monitor.errors import Retryable, SurroundingsError
from monitor.sources.connecting import ANSWER_TIMEOUT_S, await_topics, open_client
from monitor.sources.end_offsets import EndOffsets
from monitor.sources.kafka_client import EARLIEST, LATEST, ClientEvent, KafkaClient, OutOfRange, Trouble
from monitor.sources.kafka_settings import KafkaSpec
from monitor.sources.records import empty_fetch
from monitor.types import Assigned, Fetch, Revoked, SourceEvent, TopicPartition

log = structlog.get_logger(__name__)

SLICE_S = 0.1
"""The longest single wait in the client, so that a revocation is handed out soon even where no records come."""

REPEAT_LOG_EVERY_S = 30.0


class KafkaSource:
    """Reads the partitions of the wanted topics: all of them, or those that the consumer group gives.

    Nothing is fetched from a partition before it is sought. A broker that is gone is no error: `poll` brings
    nothing until it is back. Building raises SurroundingsError when brokers or topics cannot be had in time.
    `Fetch.next_offset` goes back only where the log itself did (truncated, recreated), counted in `gaps`.
    """

    def __init__(self, spec: KafkaSpec, clock: Clock, client: KafkaClient | None = None) -> None:
        self._spec = spec
        self._clock = clock
        self.gaps: dict[tuple[TopicPartition, str], int] = {}
        self.commit_failures = 0
        self._owned: set[TopicPartition] = set()
        self._next: dict[TopicPartition, int] = {}
        self._paused: frozenset[TopicPartition] = frozenset()
        self._out_of_range: set[TopicPartition] = set()
        self._identities: dict[str, str] = {}
        self._said_s: dict[str, float] = {}
        self._closed = False
        self._given = client
        self._client = self._open()
        self._queued: list[SourceEvent] = []
        self._ends = EndOffsets(lambda partitions, timeout_s: self._client.offsets(partitions, LATEST, timeout_s))
        try:
            self._at_start = await_topics(self._client, spec, clock)
        except SurroundingsError:
            self.close()
            raise
        self._existing = self._at_start
        self._look_again_s = clock.monotonic_s() + spec.refresh / 1000

    def poll(self, paused: frozenset[TopicPartition], timeout_s: float) -> list[SourceEvent]:
        """Return changes of the assignment, then fetches; end offsets come with them or in fetches of their own.

        Raises SurroundingsError for an offset out of range under `on_out_of_range: fail`, a fenced member and
        a missing codec; never for a broker that is gone.
        """
        if self._queued:
            queued, self._queued = self._queued, []
            return queued
        looked = self._look_for_new_partitions()
        if looked and (given_up := self._given_up()):
            return given_up
        appeared = tuple(sorted(self._existing - self._owned))
        if appeared and self._spec.assignment == "all":
            self._owned.update(appeared)
            return [Assigned(appeared)]
        events: list[SourceEvent] = list(self._returned_to_range())
        self._apply_pauses(paused)
        for wait_s in [0.0] if events else _slices(timeout_s):
            events += [kept for event in self._read(wait_s) for kept in self._admit(event)]
            if events:
                break
        return self._with_ends(events)

    def seek(self, partition: TopicPartition, offset: int | None) -> None:
        """Read `partition` from `offset` on; None: from the configured start (see `resolve_start`)."""
        at = self.resolve_start(partition) if offset is None else offset
        self._client.read_from(partition, at)
        self._next[partition] = at
        self._paused -= {partition}
        self._out_of_range.discard(partition)
        self._ends.forget([partition])

    def restart(self) -> bool:
        """Put a new client in the place of the one there is, and go on where it stood; return whether that went well.

        In a group all partitions are given up, as the new client is another member.
        """
        try:
            client = self._open()
        except SurroundingsError as error:
            self._say("client_not_restarted", error=str(error))
            return False
        old, self._client = self._client, client
        if old is not client:
            old.close()
        if self._spec.assignment == "group":
            self._queued += self._admit(Revoked(tuple(sorted(self._owned))))
        self._paused = frozenset()
        for partition, at in self._next.items():
            self._client.read_from(partition, at)
        log.warning("client_restarted", partitions=len(self._next))
        return True

    def _open(self) -> KafkaClient:
        return self._given or open_client(self._spec, self._count_commit_failure)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Send the offsets to the group's coordinator without waiting; without a group_id do nothing."""
        if self._spec.group_id is not None and offsets:
            self._client.commit(offsets)

    def close(self) -> None:
        """Leave the group and release every connection; may be called twice."""
        if not self._closed:
            self._closed = True
            self._client.close()

    def resolve_start(self, partition: TopicPartition) -> int:
        """Return the configured start as an absolute offset; raises Retryable when nobody answers."""
        at = LATEST if self._spec.start == "latest" else EARLIEST
        if partition not in self._at_start:
            at = EARLIEST
        elif self._spec.start_ms is not None:
            at = self._spec.start_ms
        answer = self._client.offsets([partition], at, ANSWER_TIMEOUT_S)
        if partition not in answer:
            raise Retryable(f"no broker says where {partition.topic}-{partition.partition} begins or ends")
        return answer[partition]

    def beginnings(self) -> dict[TopicPartition, int]:
        """Return the first offset still there of every owned partition; one without an answer is absent."""
        return self._client.offsets(sorted(self._owned), EARLIEST, ANSWER_TIMEOUT_S)

    def ends(self) -> dict[TopicPartition, int]:
        """Return the end offset of every owned partition; one without an answer is absent."""
        return self._client.offsets(sorted(self._owned), LATEST, ANSWER_TIMEOUT_S)

    def partition_count(self) -> int:
        """Return how many partitions the wanted topics had in all when they were last looked for."""
        return len(self._existing)

    def topic_ids(self) -> dict[str, str]:
        """Return the cluster's identity of every owned topic, as far as cluster and client tell."""
        found = self._client.topic_ids(sorted({partition.topic for partition in self._owned}), ANSWER_TIMEOUT_S)
        self._identities |= found
        return found

    def describe(self) -> dict[str, Any]:
        """Return client, brokers, topics, group and positions; no secrets."""
        return {
            "kind": self._spec.kind,
            "client": self._spec.client,
            "bootstrap_servers": list(self._spec.bootstrap_servers),
            "topics": list(self._spec.topics),
            "assignment": self._spec.assignment,
            "group_id": self._spec.group_id,
            "protocol": self._spec.security.protocol,
            "positions": {f"{p.topic}-{p.partition}": self._next.get(p) for p in sorted(self._owned)},
            "commit_failures": self.commit_failures,
        }

    def _look_for_new_partitions(self) -> bool:
        """Learn about partitions that were added, once in `refresh`; the group assigns them by itself.

        Also where an offset is out of range: the topic may be another one. Returns whether there was an answer.
        """
        now_s = self._clock.monotonic_s()
        if now_s < self._look_again_s and not self._out_of_range:
            return False
        self._look_again_s = now_s + self._spec.refresh / 1000
        try:
            found = self._client.partitions(timeout_s=1.0)
        except (Retryable, SurroundingsError) as error:
            self._say("partitions_unknown", error=str(error))
            return False
        self._existing |= {TopicPartition(topic, number) for topic, numbers in found.items() for number in numbers}
        return True

    def _apply_pauses(self, paused: frozenset[TopicPartition]) -> None:
        wanted = paused & self._next.keys()
        self._client.pause(wanted - self._paused)
        self._client.resume(self._paused - wanted)
        self._paused = wanted

    def _read(self, wait_s: float) -> list[ClientEvent]:
        try:
            return self._client.read(wait_s)
        except Retryable as error:
            return [Trouble(str(error))]

    def _admit(self, event: ClientEvent) -> Iterator[SourceEvent]:
        """Yield what of a client's event is the daemon's: no records of partitions that are not owned and sought."""
        match event:
            case Fetch(partition=partition):
                if len(event) and int(event.offsets[0]) < self._next.get(partition, 0):
                    self._count_gap(partition, "repeated", len(event))
                    self._out_of_range.add(partition)
                elif partition in self._next and partition not in self._out_of_range:
                    self._next[partition] = event.next_offset
                    yield event
            case Assigned(partitions):
                self._owned.update(partitions)
                yield event
            case Revoked(partitions):
                self._owned.difference_update(partitions)
                self._paused -= set(partitions)
                self._out_of_range.difference_update(partitions)
                self._ends.forget(partitions)
                for partition in partitions:
                    self._next.pop(partition, None)
                yield event
            case OutOfRange(partition):
                if partition in self._next:
                    self._out_of_range.add(partition)
            case Trouble(message):
                self._say("client_troubled", error=message)

    def _given_up(self) -> list[SourceEvent]:
        """Give up the partitions of topics that were created anew: they are assigned again, as the new ones."""
        found = self._client.topic_ids(sorted({partition.topic for partition in self._next}), ANSWER_TIMEOUT_S)
        new = sorted(topic for topic, one in found.items() if self._identities.get(topic, one) != one)
        gone = tuple(sorted(partition for partition in self._next if partition.topic in new))
        if not gone:
            return []
        log.warning("topic_recreated", topics=new)
        # where all are ours, `poll` assigns whatever is there and not owned
        self._queued += [] if self._spec.assignment == "group" else self._admit(Revoked(gone))
        self.restart()  # librdkafka (2.16) goes on asking for the topic that is no more
        queued, self._queued = self._queued, []
        return queued

    def _returned_to_range(self) -> Iterator[Fetch]:
        """Move partitions whose offset is gone to where the configuration says; yield where each goes on."""
        for partition in tuple(self._out_of_range):
            ask = partial(self._client.offsets, [partition], timeout_s=ANSWER_TIMEOUT_S)
            first, end, at = ask(EARLIEST).get(partition), ask(LATEST).get(partition), self._next[partition]
            if first is None or end is None:
                continue
            name = f"{partition.topic}-{partition.partition}"
            if self._spec.on_out_of_range == "fail" and not first <= at <= end:
                raise SurroundingsError(
                    f"offset {at} of {name} is out of range, the broker has {first} to {end}; "
                    "set source.on_out_of_range to earliest or latest to accept the gap"
                )
            to = end if at > end else max(at, first if self._spec.on_out_of_range == "earliest" else end)
            cause = "retention" if to >= at else "truncation"
            if to != at:
                self._count_gap(partition, cause, abs(to - at))
                log.warning("offset_out_of_range", partition=name, offset=at, continues_at=to, cause=cause)
            self.seek(partition, to)
            yield empty_fetch(partition, to)

    def _with_ends(self, events: list[SourceEvent]) -> list[SourceEvent]:
        """Return the events with what the broker just confirmed as ends, on the last fetch of each partition."""
        ends = self._ends.confirm(self._next, self._clock.monotonic_s())
        if not self._ends.answered:
            self._say("broker_unreachable")
        last = {event.partition: number for number, event in enumerate(events) if isinstance(event, Fetch)}
        for partition, end in ends.items():
            if end > self._next[partition]:
                self._next[partition] = max(self._next[partition], self._client.position(partition) or 0)
            if partition not in last:
                events.append(empty_fetch(partition, self._next[partition], end))
                continue
            fetch = events[last[partition]]
            if isinstance(fetch, Fetch):
                events[last[partition]] = replace(fetch, next_offset=self._next[partition], end_offset=end)
        return events

    def _count_gap(self, partition: TopicPartition, cause: str, n: int) -> None:
        self.gaps[partition, cause] = self.gaps.get((partition, cause), 0) + n

    def _count_commit_failure(self, reason: str) -> None:
        self.commit_failures += 1
        self._say("commit_failed", error=reason)

    def _say(self, event: str, **fields: str) -> None:
        """Log a warning, the same event not more often than every `REPEAT_LOG_EVERY_S`."""
        now_s = self._clock.monotonic_s()
        if now_s - self._said_s.get(event, float("-inf")) >= REPEAT_LOG_EVERY_S:
            self._said_s[event] = now_s
            log.warning(event, **fields)


def _slices(timeout_s: float) -> list[float]:
    """Return the waits that make up `timeout_s`, none over `SLICE_S`, at least one."""
    whole = int(timeout_s / SLICE_S)
    return [SLICE_S] * whole + ([timeout_s - whole * SLICE_S] if timeout_s > whole * SLICE_S or not whole else [])
