"""The most frequent values of a field, by a mergeable Misra-Gries summary."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from monitor.accumulators.frame import Frame
from monitor.accumulators.grouping import grouped_counts, valid_groups
from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Column, Groups, IntArray

MAX_VALUE_CHARS = 256
"""Longer texts are cut, so that the summary's size does not depend on the data; equal beginnings are one value."""
_MAX_TABLE = 1 << 20


class FrequentSpec(Spec):
    """The most frequent values of a field with their counts, per group."""

    kind: Literal["frequent"] = "frequent"
    field: str
    capacity: int = Field(default=64, ge=1, le=4096, description="so many values are kept in each group")

    def build(self, frame: Frame | None, groups: int) -> Frequent:
        """Return an empty accumulator for `groups` groups."""
        return Frequent(self.capacity, groups)


class Frequent:
    """At most `capacity` (k) values per group with counts that are too low by at most `errors`.

    A value's true count lies in [count, count + error]; error <= n/(k+1), and it is 0, all counts exact, while no
    more than k different values came. Values that are not kept occurred at most `error` times. Under another
    batching or merge order the counts may differ within these bounds, and not at all where the error is 0.
    Memory: k values of at most 256 characters per group. Source: Misra & Gries 1982; Agarwal et al. 2013 (merge).
    """

    def __init__(self, capacity: int, groups: int) -> None:
        """Start empty, with `groups` groups."""
        self.capacity = capacity
        self.counts: list[dict[str, int]] = [{} for _ in range(groups)]
        self.errors: IntArray = np.zeros(groups, np.int64)
        self.rows: IntArray = np.zeros(groups, np.int64)

    def top(self, group: int) -> tuple[str, int]:
        """Return the most frequent value of a group and its count, ties by code point; ("", 0) without values."""
        counts = self.counts[group]
        if not counts:
            return "", 0
        value = min(counts, key=lambda name: (-counts[name], name))
        return value, counts[value]

    def update(self, column: Column, groups: Groups) -> None:
        """Fold the usable values in; an empty column changes nothing. Work is per distinct value, not per row."""
        names, codes = _coded(column)
        if not len(names):
            return
        inner = valid_groups(column, groups)
        size = len(self.counts)
        for first in range(0, len(names), step := max(1, _MAX_TABLE // size)):
            part = slice(first, first + step)
            chosen = (codes >= first) & (codes < first + step)
            table = grouped_counts(codes[chosen] - first, len(names[part]), inner.take(chosen))
            self.rows += table.sum(axis=1)
            for group in np.flatnonzero(table.any(axis=1)).tolist():
                self._add(group, names[part], table[group])

    def count(self, group: int, names: pa.StringArray, counts: IntArray) -> None:
        """Add values that were counted elsewhere, each at most once among `names`, to a group."""
        self.rows[group] += int(counts.sum())
        self._add(group, names, counts)

    def _add(self, group: int, names: pa.StringArray, counts: IntArray) -> None:
        """Add counted values to a group; of more than capacity can be kept, only the largest are looked at by name."""
        kept = self.counts[group]
        seen = np.flatnonzero(counts)
        if seen.size > 2 * self.capacity:
            # Those that cannot survive the cut are taken off here, in numpy: the same subtraction, made in two steps.
            cut = int(np.partition(counts[seen], -self.capacity - 1)[-self.capacity - 1])
            self.errors[group] += cut
            seen = seen[counts[seen] > cut]
            counts = counts - cut
        for name, count in zip(names.take(pa.array(seen)).to_pylist(), counts[seen].tolist(), strict=True):
            kept[name] = kept.get(name, 0) + count
        self._cut(group)

    def _cut(self, group: int) -> None:
        """Take the (k+1)-th largest count off all, so that at most k values are left."""
        kept = self.counts[group]
        if len(kept) > self.capacity:
            cut = sorted(kept.values(), reverse=True)[self.capacity]
            self.errors[group] += cut
            self.counts[group] = {name: count - cut for name, count in kept.items() if count > cut}

    def merge(self, other: Frequent) -> None:
        """Fold another accumulator with the same groups in."""
        self.errors += other.errors
        self.rows += other.rows
        for group, counts in enumerate(other.counts):
            kept = self.counts[group]
            for name, count in counts.items():
                kept[name] = kept.get(name, 0) + count
            self._cut(group)

    def state(self) -> State:
        """Return values and counts of each group, by falling count, ties by code point."""
        ordered = [sorted(counts.items(), key=lambda item: (-item[1], item[0])) for counts in self.counts]
        return {
            "values": [[name for name, _ in items] for items in ordered],
            "counts": [[count for _, count in items] for items in ordered],
            "errors": self.errors.copy(),
            "rows": self.rows.copy(),
        }

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        try:
            pairs = zip(state["values"], state["counts"], strict=True)
            counts = [{str(n): int(c) for n, c in zip(*pair, strict=True)} for pair in pairs]
            errors, rows = np.array(state["errors"], np.int64), np.array(state["rows"], np.int64)
        except DAMAGE as error:
            raise StoreError(f"stored frequent values are damaged: {error}; reset the checkpoint") from error
        sound = all(len(kept) <= self.capacity and min(kept.values(), default=1) > 0 for kept in counts)
        if not sound or len(counts) != len(self.counts) or not errors.shape == rows.shape == self.errors.shape:
            raise StoreError("stored frequent values are of another shape; reset the checkpoint")
        self.counts, self.errors, self.rows = counts, errors, rows


def _coded(column: Column) -> tuple[pa.StringArray, NDArray[Any]]:
    """Return the distinct usable values as text, and the place in them of each usable value."""
    if isinstance(column.values, np.ndarray):
        distinct, codes = np.unique(column.valid + 0.0, return_inverse=True)
        return pa.array([_spelled(value) for value in distinct.tolist()], pa.string()), codes
    encoded = column.encoded
    names = pc.utf8_slice_codeunits(encoded.dictionary, 0, MAX_VALUE_CHARS)
    return names, encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _spelled(value: float) -> str:
    """Return a number as people write it: whole ones without a point."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
