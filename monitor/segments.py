"""Segments: slices of the rows by the values of configured fields, frozen and capped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.errors import StoreError
from monitor.types import CodeArray, Column, Groups

OTHER = "<other>"
"""The segment of the values outside the dictionary, and of the rows without a usable value."""
OBSERVED: Final = "observed"
SegmentValues = tuple[str, ...] | Literal["observed"] | None
"""The values of a dimension as configured: these, the first ones that come, or the baseline's most frequent."""
_FREE = "<free"


@dataclass(frozen=True)
class Dimension:
    """One segmented field and the values that have a segment of their own; the rest share OTHER.

    `free` segments wait for the first other values that are observed.
    """

    field: str
    values: tuple[str, ...]
    free: int = 0

    @property
    def slots(self) -> tuple[str, ...]:
        """What stands for each of its segments whatever was observed, in the order of their groups."""
        return (*self.values, *(f"{_FREE} {number}>" for number in range(1, self.free + 1)), OTHER)


@dataclass(frozen=True)
class Segmenter:
    """Numbers the groups: 0 is all rows, then each dimension's values in order, what is free, and its OTHER.

    `observed` holds the values that took a free group, by field, in the order in which they were seen; it grows as rows
    are grouped, and is all that ever changes. A group has its slot's label for ever, and is shown by its value.
    """

    dimensions: tuple[Dimension, ...] = ()
    observed: dict[str, list[str]] = field(default_factory=dict, compare=False)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The label of each group: empty for all rows, else `field=value`; those of free groups are always the same."""
        return ("", *(f"{each.field}={value}" for each in self.dimensions for value in each.slots))

    @property
    def shown(self) -> tuple[str, ...]:
        """The labels by which people know the groups: with the observed values in the place of free ones."""
        return ("", *(f"{name}={value}" for each in self.segments[1:] for name, value in each.items()))

    @property
    def segments(self) -> tuple[Mapping[str, str], ...]:
        """The segment of each group, as it is shown, as field to value; empty for all rows."""
        return ({}, *({each.field: value} for each in self.dimensions for value in self._values(each)))

    @property
    def names(self) -> dict[str, str | None]:
        """What is shown for each label of a free group: `field=value`, None while nobody has it; empty without any."""
        named: dict[str, str | None] = {}
        for each in self.dimensions:
            found = self.observed.get(each.field, ())
            for number, slot in enumerate(each.slots[len(each.values) : -1]):
                named[f"{each.field}={slot}"] = f"{each.field}={found[number]}" if number < len(found) else None
        return named

    @property
    def nobody(self) -> frozenset[str]:
        """The labels of the groups that no value has taken yet."""
        return frozenset(label for label, name in self.names.items() if name is None)

    @property
    def room(self) -> dict[str, tuple[int, int]]:
        """How many values have a group, and how many groups are free, by the field whose values are observed."""
        used = {each.field: len(self.observed.get(each.field, ())) for each in self.dimensions if each.free}
        return {
            each.field: (len(each.values) + used[each.field], each.free - used[each.field])
            for each in self.dimensions
            if each.free
        }

    @cached_property
    def dimension_groups(self) -> tuple[tuple[str, slice], ...]:
        """Each dimension's field and where its groups are."""
        found, base = [], 1
        for dimension in self.dimensions:
            size = len(dimension.slots)
            found.append((dimension.field, slice(base, base + size)))
            base += size
        return tuple(found)

    @property
    def size(self) -> int:
        """The number of groups."""
        return len(self.labels)

    def own(self) -> Segmenter:
        """Return the same segments with nothing observed yet; itself where nothing can be."""
        return Segmenter(self.dimensions) if any(each.free for each in self.dimensions) else self

    def groups(self, columns: Mapping[str, Column]) -> Groups:
        """Return the group of each row in each dimension; a value that nobody has seen takes a free one."""
        codes: list[CodeArray] = []
        base = 1
        for dimension in self.dimensions:
            column = columns[dimension.field]
            if dimension.free:
                self._observe(dimension, column.encoded.dictionary)
            known = (*dimension.values, *self.observed.get(dimension.field, ()))
            codes.append(base + _codes(column, known, len(dimension.slots) - 1))
            base += len(dimension.slots)
        return Groups(base, tuple(codes))

    def state(self) -> dict[str, list[str]]:
        """Return the values observed, by field."""
        return {name: list(values) for name, values in self.observed.items()}

    def load(self, state: Any) -> None:
        """Continue with stored values, as far as there is room and they have no group yet; raises StoreError."""
        if not isinstance(state, dict) or not all(isinstance(values, list) for values in state.values()):
            raise StoreError("the stored values of segments are damaged; reset the checkpoint")
        self.observed.clear()
        for dimension in self.dimensions:
            if dimension.free:
                self._observe(dimension, pa.array(map(str, state.get(dimension.field, ())), pa.string()))

    def _values(self, dimension: Dimension) -> Sequence[str]:
        found = self.observed.get(dimension.field, ())
        return (*dimension.values, *found, *dimension.slots[len(dimension.values) + len(found) :])

    def _observe(self, dimension: Dimension, distinct: pa.StringArray) -> None:
        """Give free groups to new values, in the order in which they stand."""
        found = self.observed.setdefault(dimension.field, [])
        if len(found) == dimension.free:
            return
        known = pa.array((*dimension.values, *found, OTHER), pa.string())
        new: Iterable[str] = distinct.filter(pc.invert(pc.is_in(distinct, value_set=known))).to_pylist()
        found += [value for value in new if not value.startswith(_FREE)][: dimension.free - len(found)]


def _codes(column: Column, values: tuple[str, ...], other: int) -> CodeArray:
    """Return each row's place in `values`, `other` for all others."""
    encoded = column.encoded
    known = pc.index_in(encoded.dictionary, value_set=pa.array(values, pa.string())).fill_null(other)
    per_value = np.asarray(known).astype(np.int32)
    out = np.full(len(column), other, np.int32)
    out[column.ok] = per_value[np.asarray(encoded.indices)]
    return out
