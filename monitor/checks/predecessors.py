"""Each row's value beside that of the row before with the same key, as the order of a partition has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import numpy as np
import pyarrow as pa
from pydantic import Field

from monitor.checks.fitting import Misfit, unfitting
from monitor.checks.keys import EXACT, key_hashes, known_keys
from monitor.checks.last_values import LastValues
from monitor.hashing import HashArray, hash_strings, mix
from monitor.types import SCALARS, Batch, FieldType, FloatArray, MaskArray, TopicPartition

By = Annotated[tuple[str, ...], Field(min_length=1)] | None
MaxKeys = Annotated[
    int, Field(ge=1, le=10_000_000, description="keys remembered; beyond it those longest not seen are forgotten")
]


class Predecessors:
    """Compares successive rows of one field, by key; the order is that in which a partition is read.

    The partition is always part of the key, since between partitions there is no order. Rows count whose field
    is usable, below 2^53 in size, and whose `by` fields are known: at least one usable, none of a wrong type.
    """

    def __init__(self, field: str, by: Sequence[str] | None, max_keys: int) -> None:
        """Start with nothing seen."""
        self._field = field
        self._by = tuple(by or ())
        self.table = LastValues(max_keys)

    def of(self, batch: Batch) -> tuple[FloatArray, FloatArray, MaskArray]:
        """Return each row's value, the value before, and for which rows there is one; remember the rows.

        Raises KeyError when no column is a named field's.
        """
        column = batch.columns[self._field]
        values = np.asarray(column.values, np.float64)
        usable = column.ok & (np.abs(values) < EXACT)
        seed = _partition_hash(batch.partition)
        if self._by:
            columns = [batch.columns[path] for path in self._by]
            usable &= known_keys(columns)
            hashes = mix(key_hashes(columns) ^ seed)
        else:
            hashes = np.repeat(seed, len(batch))
        previous, there = np.full(len(batch), np.nan), np.zeros(len(batch), np.bool_)
        previous[usable], there[usable] = self.table.previous(hashes[usable], values[usable])
        return values, previous, there


def misfits_of(kind: str, by: Sequence[str] | None, fields: Mapping[str, FieldType]) -> Iterator[Misfit]:
    """Yield the `by` fields of a check that are not among the fields, or vectors."""
    for path in by or ():
        problem = unfitting(kind, "by", path, fields, SCALARS)
        if problem is not None:
            yield problem


def without_repeats(by: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the fields; raises ValueError where one is named twice."""
    if by is not None and len(set(by)) < len(by):
        raise ValueError("a field is named twice; leave one out")
    return by


def _partition_hash(partition: TopicPartition) -> HashArray:
    """Return the partition's hash, as an array of one."""
    hashes: HashArray = hash_strings(pa.array([f"{partition.topic}/{partition.partition}"]))
    return hashes
