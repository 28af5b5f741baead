"""Segments: slices of the rows by the values of configured fields, frozen and capped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.types import CodeArray, Column, Groups

OTHER = "<other>"
"""The segment of the values outside the dictionary, and of the rows without a usable value."""


@dataclass(frozen=True)
class Dimension:
    """One segmented field and the values that have a segment of their own; the rest share OTHER."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Segmenter:
    """Numbers the groups: 0 is all rows, then each dimension's values in order and its OTHER."""

    dimensions: tuple[Dimension, ...] = ()

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The label of each group: empty for all rows, else `field=value`."""
        out = [""]
        for dimension in self.dimensions:
            out += [f"{dimension.field}={value}" for value in (*dimension.values, OTHER)]
        return tuple(out)

    @cached_property
    def segments(self) -> tuple[Mapping[str, str], ...]:
        """The segment of each group as field to value; empty for all rows."""
        out: list[Mapping[str, str]] = [{}]
        for dimension in self.dimensions:
            out += [{dimension.field: value} for value in (*dimension.values, OTHER)]
        return tuple(out)

    @cached_property
    def dimension_groups(self) -> tuple[tuple[str, slice], ...]:
        """Each dimension's field and where its groups are."""
        found, base = [], 1
        for dimension in self.dimensions:
            found.append((dimension.field, slice(base, base + len(dimension.values) + 1)))
            base += len(dimension.values) + 1
        return tuple(found)

    @property
    def size(self) -> int:
        """The number of groups."""
        return len(self.labels)

    def groups(self, columns: Mapping[str, Column]) -> Groups:
        """Return the group of each row in each dimension."""
        codes: list[CodeArray] = []
        base = 1
        for dimension in self.dimensions:
            codes.append(base + _codes(columns[dimension.field], dimension.values))
            base += len(dimension.values) + 1
        return Groups(base, tuple(codes))


def _codes(column: Column, values: tuple[str, ...]) -> CodeArray:
    """Return each row's place in `values`, `len(values)` for all others."""
    encoded = column.encoded
    known = pc.index_in(encoded.dictionary, value_set=pa.array(values, pa.string())).fill_null(len(values))
    per_value = np.asarray(known).astype(np.int32)
    out = np.full(len(column), len(values), np.int32)
    out[column.ok] = per_value[np.asarray(encoded.indices)]
    return out
