"""What a model said of each row and what turned out to be true, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from monitor.types import FloatArray, Groups, IntArray, MaskArray

TaskKind = Literal["binary", "multiclass", "regression"]
MOST_CLASSES = 100
MISSING = -1
"""The class index of a row that has none."""


@dataclass(frozen=True)
class Task:
    """What the model is asked: a number, or one of `classes`; of two classes the second is the positive one.

    `threshold`: where a row has a probability but no predicted class, it is the positive one from here on; of more
    than two classes the most probable (of equals the first).
    """

    kind: TaskKind
    classes: tuple[str, ...] = ()
    threshold: float = 0.5

    def __post_init__(self) -> None:
        """Raise ValueError where the classes do not fit the kind."""
        wanted = {"binary": (2, 2), "multiclass": (2, MOST_CLASSES), "regression": (0, 0)}[self.kind]
        if not wanted[0] <= len(self.classes) <= wanted[1] or len(set(self.classes)) < len(self.classes):
            least, most = wanted
            raise ValueError(f"a {self.kind} task has {least} to {most} different classes, not {self.classes!r}")

    @property
    def scored(self) -> tuple[int, ...]:
        """The classes whose probability is kept, each against the rest: all of them, or the positive one of two."""
        return (1,) if self.kind == "binary" else tuple(range(len(self.classes)))


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Rows to be counted: n of them, of K classes.

    `predicted` and `label` (n): class indices, int64, -1 where missing; of a regression numbers, NaN where missing.
    `label` is None where there are no labels at all. `probability`: (n) of the positive class for a binary task, else
    (n x K); None without any. A row in which one is NaN or outside 0 … 1 has no probability. `groups`: the segments.
    """

    predicted: IntArray | FloatArray
    label: IntArray | FloatArray | None
    probability: FloatArray | None
    groups: Groups

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.predicted)

    def take(self, rows: IntArray | MaskArray) -> Outcomes:
        """Return the outcomes of `rows` (indices or mask) only."""
        return Outcomes(
            self.predicted[rows],
            None if self.label is None else self.label[rows],
            None if self.probability is None else self.probability[rows],
            self.groups.take(rows),
        )

    def probabilities(self, task: Task) -> tuple[FloatArray, MaskArray]:
        """Return the probability of each of `task.scored` (n x scored), and which rows have them all."""
        columns = len(task.scored)
        if self.probability is None:
            return np.zeros((len(self), columns)), np.zeros(len(self), np.bool_)
        found = np.asarray(self.probability, np.float64).reshape(len(self), -1)
        # A matrix of both classes' probabilities is taken for a binary task, too.
        found = found[:, -1:] if columns == 1 else found
        if found.shape[1] != columns:
            raise ValueError(f"probabilities of {found.shape[1]} classes are not those of {columns}")
        with np.errstate(invalid="ignore"):
            usable = ((found >= 0) & (found <= 1)).all(axis=1)
        return found, np.asarray(usable)

    def classes(self, task: Task) -> IntArray:
        """Return the predicted class of each row: as given, else by its probability, else -1."""
        given = _classes(self.predicted, task)
        if (given >= 0).all():
            return given
        p, usable = self.probabilities(task)
        likely = (p[:, 0] >= task.threshold).astype(np.int64) if task.kind == "binary" else p.argmax(axis=1)
        return np.where((given < 0) & usable, likely, given)

    def labels(self, task: Task) -> IntArray:
        """Return the true class of each row, -1 where it is not known."""
        if self.label is None:
            return np.full(len(self), MISSING, np.int64)
        return _classes(self.label, task)


def _classes(values: IntArray | FloatArray, task: Task) -> IntArray:
    """Return class indices; what is none is missing."""
    with np.errstate(invalid="ignore"):
        known = (values >= 0) & (values < len(task.classes))
    return np.where(known, values, MISSING).astype(np.int64)
