"""A bounded, uniform sample of the rows of a group of numeric fields, for what needs rows and not sums."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from monitor.accumulators.fitting import require_frame
from monitor.accumulators.group_frame import GroupFrame
from monitor.accumulators.row_sample import RowSample
from monitor.hashing import mix
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Column, FloatArray, Groups, IntArray

SAMPLED_ROWS = 1_000
_TAG_BITS = np.uint64(11)


class SampleSpec(Spec):
    """At most 1,000 complete rows of several number fields together, over all rows."""

    placed: ClassVar[bool] = True
    """Whether the accumulator is given one more column, of where the rows lie (see `tags_of`)."""

    kind: Literal["sample"] = "sample"
    group: str
    fields: tuple[str, ...] = Field(min_length=1)

    @property
    def frame_key(self) -> str:
        """The name under which the baseline keeps the group's frame."""
        return self.group

    def judged_groups(self, groups: int) -> int:
        """Return 1: there is no sample of a segment."""
        return min(groups, 1)

    def build(self, frame: GroupFrame | None, groups: int) -> Sample:
        """Return an empty accumulator on the frame; it is not segmented."""
        return Sample(frame or GroupFrame.plain(self.fields))


class Sample:
    """`n`, the complete rows of all segments, and at most 1,000 of them, limited and standardised by the frame.

    Which are kept follows from a hash of where they lie; of rows that come without it, from a hash of their numbers,
    equal rows together. Guarantee: bit-equal under any batching and merging. Memory: 8 kB a field.
    """

    def __init__(self, frame: GroupFrame) -> None:
        """Start empty."""
        self.frame = frame
        self._kept = RowSample(SAMPLED_ROWS, len(frame.fields))

    @property
    def n(self) -> IntArray:
        """How many complete rows there were, int64 (1)."""
        return np.array([self._kept.n], np.int64)

    @property
    def rows(self) -> FloatArray:
        """The rows kept (at most 1,000 x fields), in no order that means anything."""
        return self._kept.rows

    def update(self, columns: tuple[Column, ...], groups: Groups) -> None:
        """Take in the complete rows; a column beyond the fields holds the rows' tags."""
        fields = len(self.frame.fields)
        matrix, complete = self.frame.standardised(columns[:fields])
        if not len(matrix):
            return
        matrix = matrix + 0.0  # so that -0.0 is kept as 0.0, with which it shares its hash
        if len(columns) > fields:
            tags = columns[fields].values
            self._kept.update(matrix, (tags if complete is None else tags[complete]).astype(np.int64))
        else:
            self._kept.update(matrix, _of_numbers(matrix))

    def merge(self, other: Sample) -> None:
        """Take in another one on the same frame; raises ValueError where the frames differ."""
        self.frame.require_same(other.frame)
        self._kept.merge(other._kept)

    def state(self) -> State:
        """Return copies of the rows with the digest of the frame."""
        return {"frame": self.frame.digest, **self._kept.state()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when shape or frame do not fit."""
        require_frame(state, self.frame.digest)
        self._kept.load(state)


def _of_numbers(matrix: FloatArray) -> IntArray:
    """Return a hash of each row's numbers, with as many bits as a tag has."""
    hashes = np.zeros(len(matrix), np.uint64)
    for column in matrix.T:
        hashes = mix(hashes ^ np.ascontiguousarray(column).view(np.uint64))
    return (hashes >> _TAG_BITS).astype(np.int64)
