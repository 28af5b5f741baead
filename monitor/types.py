"""The values that pass between the layers: columnar, immutable by convention, free of behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.encoding import dictionary_encode
from monitor.hashing import HashArray, hash_numbers, hash_strings

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CodeArray = NDArray[np.int32]
MaskArray = NDArray[np.bool_]
PresenceArray = NDArray[np.uint8]
Correlation = float | FloatArray
"""A correlation of two rows of one window: one for all groups, or one a group."""
Headers = Sequence[tuple[str, bytes | None]]


class TopicPartition(NamedTuple):
    """A partition of a topic; sorts by topic, then number, which is the merge order."""

    topic: str
    partition: int


class Place(NamedTuple):
    """Where a record lies: topic, partition and offset."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """Return `topic/partition@offset`."""
        return f"{self.topic}/{self.partition}@{self.offset}"


class Presence(IntEnum):
    """What became of one field in one row; everything but OK keeps the value out of the statistics."""

    OK = 0
    ABSENT = 1
    NULL = 2
    WRONG_TYPE = 3
    NAN = 4
    POSITIVE_INFINITY = 5
    NEGATIVE_INFINITY = 6


PRESENCES = len(Presence)
FieldType = Literal["number", "integer", "boolean", "category", "text", "vector"]
FIELD_TYPES: frozenset[FieldType] = frozenset(get_args(FieldType))
SCALARS: frozenset[FieldType] = FIELD_TYPES - {"vector"}
"""The field types whose values are one thing each, and can be keys, codes and sides of a comparison."""


class Level(IntEnum):
    """How bad a verdict is. UNKNOWN is not ok: it neither raises, clears nor resets an alert."""

    UNKNOWN = -1
    OK = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, eq=False)
class Column:
    """One field of a batch: `values` of n rows (float64 or Arrow string) and their `presence` (uint8).

    Vectors are the rows of a matrix, float64 (n x dimension). Words are an Arrow list of strings.
    Booleans are the strings "true" and "false".
    Values of rows whose presence is not OK are arbitrary and must not be read; `valid` leaves them out.
    """

    values: FloatArray | pa.StringArray
    presence: PresenceArray

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.presence)

    @cached_property
    def all_ok(self) -> bool:
        """Whether every row has a usable value."""
        return not self.presence.any()

    @cached_property
    def ok(self) -> MaskArray:
        """The rows that have a usable value, as a mask."""
        mask: MaskArray = self.presence == Presence.OK
        return mask

    @cached_property
    def valid(self) -> Any:
        """The usable values, in row order: a float64 array (of vectors a matrix) or an Arrow string array."""
        if self.all_ok:
            return self.values
        if isinstance(self.values, np.ndarray):
            return self.values[self.ok]
        return self.values.filter(pa.array(self.ok))

    @cached_property
    def sorted(self) -> FloatArray:
        """The usable numbers in ascending order, sorted once for all who need them."""
        return np.sort(self.valid)

    @cached_property
    def encoded(self) -> pa.DictionaryArray:
        """The usable strings as dictionary codes, encoded once for all who need them."""
        return dictionary_encode(self.valid)

    @property
    def is_encoded(self) -> bool:
        """Whether somebody has asked for `encoded` already."""
        return "encoded" in self.__dict__

    @cached_property
    def hashes(self) -> HashArray:
        """The hashes of the usable values; of strings that are encoded already, only of the different ones.

        Of lists of strings those of every string in them. Encoding costs more than hashing where
        most strings differ, so it is not done for this alone.
        """
        if isinstance(self.values, np.ndarray):
            return hash_numbers(self.valid)
        if pa.types.is_list(self.values.type):
            return hash_strings(self.valid.flatten())
        return hash_strings(self.encoded.dictionary if self.is_encoded else self.valid)

    @cached_property
    def lengths(self) -> FloatArray:
        """How many characters (Unicode code points) each usable string has."""
        lengths: FloatArray = pc.utf8_length(self.valid).to_numpy(zero_copy_only=False).astype(np.float64)
        return lengths

    def take(self, rows: IntArray) -> Column:
        """Return the column of `rows` only."""
        if isinstance(self.values, np.ndarray):
            return Column(self.values[rows], self.presence[rows])
        return Column(self.values.take(pa.array(rows)), self.presence[rows])


@dataclass(frozen=True, eq=False)
class Groups:
    """To which segments the rows belong. Group 0 is all rows; each dimension adds its own groups.

    `codes` holds, for each dimension, the group number of each of the n rows (global numbering, so
    the dimensions' ranges are disjoint and lie in 1 … size-1).
    """

    size: int = 1
    codes: tuple[CodeArray, ...] = ()

    @cached_property
    def coded(self) -> IntArray:
        """How many of the rows each group of a dimension has, counted once for all fields; 0 for group 0."""
        counts = np.zeros(self.size, np.int64)
        for codes in self.codes:
            counts += np.bincount(codes, minlength=self.size)
        return counts

    def take(self, rows: IntArray | MaskArray) -> Groups:
        """Return the groups of `rows` (indices or mask) only."""
        return Groups(self.size, tuple(codes[rows] for codes in self.codes)) if self.codes else self


@dataclass(frozen=True, eq=False)
class Fetch:
    """Records of one partition from one poll, as Arrow binary arrays; `values` null = tombstone.

    `end_offset` is the partition's end as the broker confirmed it since the last poll, None when it
    did not; a fetch may hold no record and only say that. `timestamps_ms` is -1 where there is none.
    `next_offset` is where reading goes on (past markers and compacted records at the end).
    """

    partition: TopicPartition
    offsets: IntArray
    timestamps_ms: IntArray
    keys: pa.BinaryArray
    values: pa.BinaryArray
    headers: Sequence[Headers] | None
    next_offset: int
    end_offset: int | None = None
    append_time: bool = False

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.offsets)


@dataclass(frozen=True)
class Assigned:
    """Partitions this process now owns; nothing of them is fetched until they are sought."""

    partitions: tuple[TopicPartition, ...]


@dataclass(frozen=True)
class Revoked:
    """Partitions this process no longer owns; `lost` when somebody else may already own them."""

    partitions: tuple[TopicPartition, ...]
    lost: bool = False


SourceEvent = Fetch | Assigned | Revoked


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows decoded from one fetch: columns by field path, event time and origin of each row.

    `record_hashes` is the stable hash of each row's record value as bytes (uint64, `monitor.hashing`); None
    where nobody asked the decoder for it.
    """

    partition: TopicPartition
    offsets: IntArray
    timestamps_ms: IntArray
    event_times_ms: IntArray
    columns: Mapping[str, Column]
    record_hashes: HashArray | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.offsets)

    def take(self, rows: IntArray) -> Batch:
        """Return the batch of `rows` only."""
        columns = {path: column.take(rows) for path, column in self.columns.items()}
        hashes = None if self.record_hashes is None else self.record_hashes[rows]
        times = self.event_times_ms[rows]
        return Batch(self.partition, self.offsets[rows], self.timestamps_ms[rows], times, columns, hashes)


@dataclass(frozen=True, eq=False)
class Score:
    """A detector's numbers, one per group; NaN where a number is not defined.

    `noise_floor` is E[score | no drift] at these sizes; `lower_bound` the 95 % lower confidence bound
    of the true effect; `contributions` (groups x cells) the signed share of each cell where defined.
    `score` is a magnitude; `direction`, where there is one, says whether it rose (+1), fell (-1) or neither (0).
    `error_bound`: by so much, at most, the score lies below that of the values before they were counted in cells.
    """

    score: FloatArray
    noise_floor: FloatArray
    lower_bound: FloatArray
    p_value: FloatArray
    n_baseline: IntArray
    n_current: IntArray
    contributions: FloatArray | None = None
    direction: IntArray | None = None
    error_bound: FloatArray | None = None


AlertIdentity = tuple[str, str]
"""Fingerprint and severity: what a sink knows an alert by."""


@dataclass(frozen=True)
class Alert:
    """A thing with a life, as sinks see it. `fingerprint` is the same at every severity; times are event time."""

    status: Literal["firing", "resolved"]
    fingerprint: str
    severity: Literal["warning", "critical"]
    starts_at_ms: int
    ends_at_ms: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> AlertIdentity:
        """What a sink knows it by."""
        return self.fingerprint, self.severity
