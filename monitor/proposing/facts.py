"""What the sample says of one field: presence, values, counts, and whether it follows time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.proposing.scalars import shown
from monitor.proposing.shape import Leaf
from monitor.types import Column, FloatArray, IntArray, MaskArray, Presence

_RANKED = 20_000
"""So many rows at most are ranked against time."""
_COUNTED = 1_000
_FIFTHS = 5
_FREQUENT = 100
"""A value with so many rows should turn up in every fifth of the sample's time."""


@dataclass(frozen=True, eq=False)
class Facts:
    """A field of the sample, decoded as its leaf's kind."""

    leaf: Leaf
    column: Column
    times_ms: IntArray

    @property
    def path(self) -> str:
        """The field's path."""
        return self.leaf.path

    @property
    def name(self) -> str:
        """The last part of the path, in lower case."""
        return self.path.rsplit(".", 1)[-1].lower()

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.column)

    @cached_property
    def presence(self) -> dict[Presence, int]:
        """The rows by presence."""
        counts = np.bincount(self.column.presence, minlength=len(Presence))
        return {kind: int(counts[kind]) for kind in Presence}

    @property
    def usable(self) -> int:
        """Rows with a value of the field's kind."""
        return self.presence[Presence.OK]

    @property
    def present(self) -> int:
        """Rows that have the field, null or not."""
        return self.rows - self.presence[Presence.ABSENT]

    @property
    def unusable(self) -> int:
        """Rows with a value of another kind, or not finite."""
        return self.present - self.usable - self.presence[Presence.NULL]

    @cached_property
    def sorted(self) -> FloatArray:
        """The usable numbers in ascending order."""
        return self.column.sorted

    @cached_property
    def counts(self) -> list[tuple[str | float, int]]:
        """The usable values with their counts, the most frequent first, at most 1,000 of them."""
        if isinstance(self.column.values, np.ndarray):
            values, counts = np.unique(self.column.valid, return_counts=True)
            order = np.lexsort((values, -counts))[:_COUNTED]
            return list(zip(values[order].tolist(), counts[order].tolist(), strict=True))
        table = pa.table({"value": self.column.valid}).group_by("value").aggregate([("value", "count")])
        top = table.sort_by([("value_count", "descending"), ("value", "ascending")]).slice(0, _COUNTED)
        return list(zip(top["value"].to_pylist(), top["value_count"].to_pylist(), strict=True))

    @cached_property
    def distinct(self) -> int:
        """How many different usable values there are."""
        return len(pc.unique(pa.array(self.column.valid)))

    @property
    def rarest(self) -> int:
        """How often the rarest value occurs, of those counted; 0 without values."""
        return self.counts[-1][1] if self.counts else 0

    @property
    def unique(self) -> bool:
        """Whether no value occurs twice."""
        return self.usable > 1 and self.distinct == self.usable

    @cached_property
    def whole(self) -> bool:
        """Whether all numbers are whole, however they are written."""
        return self.usable > 0 and bool((self.sorted == np.floor(self.sorted)).all())

    @cached_property
    def fleeting(self) -> str:
        """Which frequent value, if any, is not seen in every fifth of the time; empty where all of them last."""
        if len(self.counts) >= _COUNTED or self.usable < _FIFTHS * _FREQUENT:
            return ""
        times = self.times_ms[self.column.ok]
        fifth = np.searchsorted(np.quantile(times, np.arange(1, _FIFTHS) / _FIFTHS), times, side="right")
        for value, n in self.counts:
            if n < _FREQUENT:
                break
            same = self.column.valid == value if isinstance(self.column.values, np.ndarray) else _is(self.column, value)
            seen = np.unique(fifth[same]).size
            if seen < np.unique(fifth).size:
                return (
                    f"{shown(str(int(value) if self.whole_number(value) else value), 30)} in {seen} of {_FIFTHS} fifths"
                )
        return ""

    @staticmethod
    def whole_number(value: str | float) -> bool:
        """Return whether a value is a number without a fraction."""
        return isinstance(value, float) and value.is_integer()

    @cached_property
    def trend(self) -> float:
        """Spearman's correlation of a number with event time, in -1 … 1; 0 where it is not defined."""
        if not isinstance(self.column.values, np.ndarray) or self.distinct < 2:
            return 0.0
        step = max(self.usable // _RANKED, 1)
        values, times = self.column.valid[::step], self.times_ms[self.column.ok][::step]
        ranks = _ranks(values), _ranks(times)
        if ranks[0].std() == 0 or ranks[1].std() == 0:
            return 0.0
        return float(np.corrcoef(*ranks)[0, 1])


def _is(column: Column, value: str | float) -> MaskArray:
    """Return which usable texts are `value`."""
    same: MaskArray = pc.equal(column.valid, str(value)).to_numpy(zero_copy_only=False)
    return same


def _ranks(values: FloatArray | IntArray) -> FloatArray:
    """Return the mean rank of each value; equal values share one."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse], np.float64)
