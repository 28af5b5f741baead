"""The sampled records as columns, decoded by the same decoder that will run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from monitor.decoders import DecodePlan, JsonSpec
from monitor.decoders.duck import Duck
from monitor.inner_types import vector_type
from monitor.proposing.gathering import Gathered
from monitor.proposing.shape import Leaf, Shape
from monitor.types import Column, Fetch, FieldType, IntArray


@dataclass(frozen=True, eq=False)
class Table:
    """The n rows of the sample: columns by path, Kafka timestamp (-1: none) and partition of each row."""

    columns: Mapping[str, Column]
    timestamps_ms: IntArray
    partitions: IntArray
    """The partition of each row as a number from 0, rows in order of partition and offset."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.timestamps_ms)


@dataclass
class Survey:
    """What a first look at the records found: their shape, and those that are no rows."""

    shape: Shape = field(default_factory=Shape)
    records: int = 0
    filtered: int = 0
    rejects: Counter[str] = field(default_factory=Counter)


def survey(gathered: Gathered) -> Survey:
    """Return the shape of the records and how many are no rows."""
    decoder, duck, found = JsonSpec().build(DecodePlan({})), Duck(), Survey()
    for fetch in _all(gathered):
        decoded = decoder.decode(_timed(fetch))
        found.records += len(fetch)
        found.filtered += decoded.filtered
        found.rejects.update(decoded.rejects.reasons)
        found.shape.add(fetch, np.searchsorted(fetch.offsets, decoded.batch.offsets), duck)
    return found


def tabled(gathered: Gathered, leaves: list[Leaf]) -> Table:
    """Return the rows as columns, each of its leaf's own kind: numbers as numbers, all texts as text."""
    fields: dict[str, FieldType] = {
        leaf.path: _TYPES[leaf.kind] if leaf.dimension is None else vector_type(leaf.dimension) for leaf in leaves
    }
    decoder = JsonSpec().build(DecodePlan(fields))
    parts: dict[str, list[Column]] = {path: [] for path in fields}
    times, owners = [], []
    numbers = {partition: number for number, partition in enumerate(gathered.fetches)}
    for fetch in _all(gathered):
        batch = decoder.decode(_timed(fetch)).batch
        for path, columns in parts.items():
            columns.append(batch.columns[path])
        times.append(fetch.timestamps_ms[np.searchsorted(fetch.offsets, batch.offsets)])
        owners.append(np.full(len(batch), numbers[fetch.partition], np.int64))
    joined = {path: _joined(columns) for path, columns in parts.items() if columns}
    return Table(joined, _concatenated(times), _concatenated(owners))


_TYPES: Mapping[str, FieldType] = {"number": "number", "integer": "number", "boolean": "boolean", "text": "text"}


def _all(gathered: Gathered) -> list[Fetch]:
    return [fetch for fetches in gathered.fetches.values() for fetch in fetches]


def _timed(fetch: Fetch) -> Fetch:
    """Return the fetch with some time on each record, since at first no record is rejected for want of one."""
    return replace(fetch, timestamps_ms=np.ones(len(fetch), np.int64))


def _joined(parts: list[Column]) -> Column:
    values = [part.values for part in parts]
    numbers = isinstance(values[0], np.ndarray)
    joined = np.concatenate(values) if numbers else pa.concat_arrays(values)
    return Column(joined, np.concatenate([part.presence for part in parts]))


def _concatenated(parts: list[IntArray]) -> IntArray:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
