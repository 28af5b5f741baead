"""What the daemon asks of a source beyond the four methods of `monitor.protocols.Source`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from monitor.protocols import Source
from monitor.types import TopicPartition


class PartitionedSource(Source, Protocol):
    """A source that can be asked about its partitions. The order at start is: `poll` (brings `Assigned`),
    `resolve_start` or the stored offset, checkpoint, `seek`, and only then records come.

    Every method asks the surroundings when it is called, with a short time-out.
    """  # noqa: D205 - one sentence would hide the order

    @property
    def gaps(self) -> Mapping[tuple[TopicPartition, str], int]:
        """Offsets jumped over since the start by partition and cause: `retention`, `truncation` or `repeated`."""
        ...

    @property
    def commit_failures(self) -> int:
        """How many commits the broker refused since the start; they are advisory, so nothing else happens."""
        ...

    def restart(self) -> bool:
        """Begin anew with the client that reads, at the positions where it stood; return whether that went well."""
        ...

    def resolve_start(self, partition: TopicPartition) -> int:
        """Return the configured start of `partition` as an absolute offset, to be checkpointed before the first seek.

        A partition that appeared after the source was built starts at its beginning. Raises Retryable when
        nobody answers.
        """
        ...

    def beginnings(self) -> dict[TopicPartition, int]:
        """Return the first offset still there of every owned partition; one that nobody answers for is absent."""
        ...

    def ends(self) -> dict[TopicPartition, int]:
        """Return the end offset (last + 1) of every owned partition; one that is not known yet is absent."""
        ...

    def partition_count(self) -> int:
        """Return how many partitions the wanted topics have, owned by us or not."""
        ...

    def topic_ids(self) -> dict[str, str]:
        """Return an identity for every topic that changes when the topic is recreated; empty where there is none."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what there is to show about the source, free of secrets, as plain JSON values."""
        ...
