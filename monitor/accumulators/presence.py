"""How many rows of each group had a value, none, or an unusable one."""

from __future__ import annotations

from typing import Literal

import numpy as np

from monitor.accumulators.fitting import stored_array
from monitor.accumulators.frame import Frame
from monitor.accumulators.grouping import group_sizes, grouped_counts
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import PRESENCES, Column, FloatArray, Groups, IntArray, Presence


class PresenceSpec(Spec):
    """Counts of a field's rows by presence."""

    kind: Literal["presence"] = "presence"
    field: str

    def build(self, frame: Frame | None, groups: int) -> PresenceCounts:
        """Return an empty accumulator for `groups` groups."""
        return PresenceCounts(groups)


class PresenceCounts:
    """Row counts by presence, int64 (groups x 7); exact under any batching and merging.

    Every row is counted in exactly one of the columns OK … NEGATIVE_INFINITY of `monitor.types.Presence`.
    """

    def __init__(self, groups: int) -> None:
        """Start empty, with `groups` groups."""
        self.counts: IntArray = np.zeros((groups, PRESENCES), np.int64)

    @property
    def rows(self) -> IntArray:
        """All rows, per group."""
        rows: IntArray = self.counts.sum(axis=1)
        return rows

    @property
    def missing(self) -> IntArray:
        """Rows where the field was absent or null, per group."""
        return self.counts[:, Presence.ABSENT] + self.counts[:, Presence.NULL]

    @property
    def invalid(self) -> IntArray:
        """Rows whose value was of the wrong type, NaN or infinite, per group."""
        return self.rows - self.counts[:, Presence.OK] - self.missing

    def update(self, column: Column, groups: Groups) -> None:
        """Count the rows; an empty column changes nothing."""
        if column.all_ok:
            self.counts[:, Presence.OK] += group_sizes(len(column), groups)
        else:
            self.counts += grouped_counts(column.presence, PRESENCES, groups)

    def merge(self, other: PresenceCounts) -> None:
        """Add the counts of another accumulator with the same groups."""
        self.counts += other.counts

    def scaled(self, weights: FloatArray) -> PresenceCounts:
        """Return new counts of about `weights` (one a group) times the rows, each rounded."""
        scaled = PresenceCounts(len(self.counts))
        scaled.counts = np.rint(self.counts * weights[:, None]).astype(np.int64)
        return scaled

    def state(self) -> State:
        """Return a copy of the counts."""
        return {"counts": self.counts.copy()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        self.counts = stored_array(state, "counts", self.counts)
