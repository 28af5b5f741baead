"""The eight protocols on which the engine and the daemon are built; none has over four members of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self, runtime_checkable

from monitor.decoded import Decoded
from monitor.types import (
    Alert,
    Batch,
    Column,
    Correlation,
    Fetch,
    FieldType,
    Groups,
    MaskArray,
    Score,
    SourceEvent,
    TopicPartition,
)

State = dict[str, Any]
"""An accumulator's state: names to numpy arrays, bytes, strings, ints, floats, None or lists of strings."""


class Source(Protocol):
    """Where records come from. Client listeners only enqueue; `poll` hands out what they saw."""

    def poll(self, paused: frozenset[TopicPartition], timeout_s: float) -> list[SourceEvent]:
        """Return what happened since the last call, in order, after at most about `timeout_s`."""
        ...

    def seek(self, partition: TopicPartition, offset: int | None) -> None:
        """Read `partition` from `offset` on; None: from where the configured start says."""
        ...

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the broker how far we are; advisory, for lag tools."""
        ...

    def close(self) -> None:
        """Leave and release everything; may be called twice."""
        ...


class Decoder(Protocol):
    """Turns a fetch into columns, without a loop over records."""

    def decode(self, fetch: Fetch) -> Decoded:
        """Return rows, rejects and the number of filtered records; never raises on bad data."""
        ...


class Check(Protocol):
    """A row predicate over a batch."""

    def failures(self, batch: Batch) -> tuple[MaskArray, MaskArray]:
        """Return the failing rows and the rows that were evaluated at all, as masks."""
        ...


@runtime_checkable
class MemoryCheck(Check, Protocol):
    """A row predicate that depends on the rows before; every row is shown to it once, in reading order."""

    @property
    def spec(self) -> Any:
        """What it was configured with; its `build()` returns a check that remembers nothing."""
        ...

    @property
    def chance_ratio(self) -> float:
        """The chance, at most, that a sound row fails as things are; 0 where there is none."""
        ...

    def state(self) -> State:
        """Return everything needed to continue; arrays may be its own memory, to be read before the next batch.

        Arrays in a dict of the name `sealed` never change again while they have the same name.
        """
        ...

    def load(self, state: State) -> None:
        """Become what `state` describes; raises StoreError when it does not fit. Keeps none of its arrays."""
        ...


class Accumulator(Protocol):
    """A mergeable statistic of one column with all groups on the leading axis.

    One of several columns, whose Spec has `fields` instead of `field`, is updated with a tuple of them.
    """

    def update(self, column: Column, groups: Groups) -> None:
        """Fold the rows in; neither keeps nor changes its arguments."""
        ...

    def merge(self, other: Self) -> None:
        """Fold another accumulator of the same Spec and frame in; the empty one is neutral."""
        ...

    def state(self) -> State:
        """Return everything needed to continue; shares no memory with the accumulator."""
        ...

    def load(self, state: State) -> None:
        """Become what `state` describes; raises StoreError when it does not fit."""
        ...


class Detector(Protocol):
    """Compares two profiles of one field; pure."""

    def needs(self, field: str, field_type: FieldType = "number") -> Any:
        """Return the Spec of the accumulator that is compared, which depends on how the field is kept."""
        ...

    def compare(self, baseline: Any, current: Any, rho: Correlation = 0.0) -> Score:
        """Return the score of every group; never raises on empty or degenerate input.

        `rho` is the correlation of two rows of one window as estimated; a configured one goes before it.
        """
        ...


class Sequential(Protocol):
    """A detector with memory; its state is the bounded history of its inputs."""

    def update(self, value: float) -> bool:
        """Take the next value; return whether a change was found."""
        ...

    def state(self) -> State:
        """Return everything needed to continue."""
        ...

    def load(self, state: State) -> None:
        """Become what `state` describes."""
        ...


class Sink(Protocol):
    """Where alerts go."""

    name: str

    def deliver(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Send the alerts; raises Retryable (try all again) or Undeliverable (never again)."""
        ...

    def close(self) -> None:
        """Release connections; may be called twice."""
        ...
