"""What is kept of a model's outcomes: one mergeable accumulator for classifiers and regressions alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.performance.class_counts import ClassCounts
from monitor.performance.error_counts import ErrorCounts
from monitor.performance.frame import PerformanceFrame
from monitor.performance.outcome import Outcomes, Task
from monitor.protocols import State
from monitor.types import IntArray


class PerformanceCounts:
    """The outcomes of one model with all groups on the leading axis: `classes` of a classifier, else `errors`.

    It obeys the laws of accumulators: the empty one is neutral, chunking and merge order do not matter (integers to the
    bit, floats to about 1e-12), state survives bytes and JSON. Both sides of a merge need the same frame.
    """

    def __init__(self, task: Task, groups: int = 1, frame: PerformanceFrame | None = None) -> None:
        """Start empty, on the baseline's frame or the plain one; raises ValueError where it is of another task."""
        self.task, self.frame = task, PerformanceFrame.plain(task) if frame is None else frame
        if self.frame.task != task:
            raise ValueError(f"the baseline is of another task: {self.frame.task}, not {task}; build it again")
        regression = task.kind == "regression"
        self._errors = ErrorCounts(self.frame, groups) if regression else None
        self._classes = None if regression else ClassCounts(self.frame, groups)

    @property
    def classes(self) -> ClassCounts:
        """The counts of a classifier; raises TypeError for a regression."""
        if self._classes is None:
            raise TypeError("a regression has no classes")
        return self._classes

    @property
    def errors(self) -> ErrorCounts:
        """The moments of a regression; raises TypeError for a classifier."""
        if self._errors is None:
            raise TypeError("a classifier has no numeric errors")
        return self._errors

    @property
    def _kept(self) -> ClassCounts | ErrorCounts:
        return self.errors if self._classes is None else self._classes

    @property
    def rows(self) -> IntArray:
        """How many rows each group has."""
        return self._kept.rows

    @property
    def labelled(self) -> IntArray:
        """How many rows of each group have both a prediction and a label."""
        return self.errors.n if self._classes is None else self._classes.confusion.sum(axis=(1, 2))

    def update(self, outcomes: Outcomes) -> None:
        """Fold the rows in; neither keeps nor changes them."""
        self._kept.update(outcomes)

    def merge(self, other: PerformanceCounts) -> None:
        """Fold another one in; raises ValueError where the frames differ."""
        self.frame.require_same(other.frame)
        if self._classes is None:
            self.errors.merge(other.errors)
        else:
            self._classes.merge(other.classes)

    def lend(self, groups: Sequence[int]) -> None:
        """Give these groups the counts of all rows."""
        of_errors = () if self._errors is None else (self._errors.moments,)
        for holder in (self._kept, *of_errors):
            for value in vars(holder).values():
                if isinstance(value, np.ndarray):
                    value[list(groups)] = value[0]

    def state(self) -> State:
        """Return everything needed to continue; shares no memory with this."""
        return self._kept.state()

    def load(self, state: State) -> None:
        """Become what `state` describes; raises StoreError when it does not fit."""
        self._kept.load(state)
