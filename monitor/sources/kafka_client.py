"""What a Kafka client library has to do for `KafkaSource`; one implementation for each library."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from monitor.types import Assigned, Fetch, Revoked, TopicPartition

EARLIEST = -2
LATEST = -1
"""Kafka's own marks for "the first offset" and "the end" where a time in milliseconds is asked for."""

OnCommitFailure = Callable[[str], None]
"""Is told why the broker refused a commit; may be called by any thread."""


@dataclass(frozen=True)
class OutOfRange:
    """The broker no longer has (or never had) the offset at which `partition` is being read."""

    partition: TopicPartition


@dataclass(frozen=True)
class Trouble:
    """Something that the client reports and goes on trying to overcome by itself."""

    message: str


ClientEvent = Fetch | Assigned | Revoked | OutOfRange | Trouble


class KafkaClient(Protocol):
    """A connection to a cluster. Only what is said to raise does so; every wait is bounded by `timeout_s`."""

    def partitions(self, timeout_s: float) -> dict[str, frozenset[int]]:
        """Return the partition numbers of every existing topic that the configuration wants.

        Raises Retryable when nobody answers and SurroundingsError when access is refused.
        """
        ...

    def offsets(self, partitions: Collection[TopicPartition], at: int, timeout_s: float) -> dict[TopicPartition, int]:
        """Return the offset at `EARLIEST`, `LATEST` or a time in ms (the first record not before it, else the end).

        A partition for which nobody answers is absent.
        """
        ...

    def read_from(self, partition: TopicPartition, offset: int) -> None:
        """Fetch `partition` from `offset` on, not paused; what was fetched before is dropped."""
        ...

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Stop delivering these partitions."""
        ...

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver these partitions again, from where they stood."""
        ...

    def read(self, timeout_s: float) -> list[ClientEvent]:
        """Return what came, as soon as anything did: changes of the assignment first, then records and troubles.

        Raises Retryable for what is over by itself and SurroundingsError for what is not.
        """
        ...

    def position(self, partition: TopicPartition) -> int | None:
        """Return where reading goes on, past transaction markers and compacted records, as far as that is known."""
        ...

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Send the offsets to the group's coordinator without waiting."""
        ...

    def topic_ids(self, topics: Collection[str], timeout_s: float) -> dict[str, str]:
        """Return the cluster's identities of these topics; those that it does not tell are absent."""
        ...

    def close(self) -> None:
        """Leave the group and close every connection."""
        ...
