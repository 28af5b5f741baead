"""How long the texts of a field are."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from monitor.accumulators.frame import Frame
from monitor.accumulators.grouping import valid_groups
from monitor.accumulators.moments import Moments
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Column, FloatArray, Groups


class TextSpec(Spec):
    """Moments of the length of a text field."""

    derived: ClassVar[tuple[str, ...]] = ("lengths",)
    kind: Literal["text"] = "text"
    field: str

    def build(self, frame: Frame | None, groups: int) -> TextLengths:
        """Return an empty accumulator for `groups` groups."""
        return TextLengths(groups)


class TextLengths:
    """Moments of the text length in characters (Unicode code points), in `moments`."""

    def __init__(self, groups: int) -> None:
        """Start empty, with `groups` groups."""
        self.moments = Moments(groups)

    def update(self, column: Column, groups: Groups) -> None:
        """Fold the lengths of the usable texts in; an empty column changes nothing."""
        self.moments.update(lengths(column), valid_groups(column, groups))

    def merge(self, other: TextLengths) -> None:
        """Fold another accumulator with the same groups in."""
        self.moments.merge(other.moments)

    def scaled(self, weights: FloatArray) -> TextLengths:
        """Return new lengths of about `weights` (one a group) times the rows."""
        scaled = TextLengths(len(self.moments.n))
        scaled.moments = self.moments.scaled(weights)
        return scaled

    def state(self) -> State:
        """Return the state of the moments."""
        return self.moments.state()

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError when it does not fit."""
        self.moments.load(state)


def lengths(column: Column) -> Column:
    """Return the number of characters of each usable text, as a column of only those rows."""
    return Column(column.lengths, np.zeros(column.lengths.size, np.uint8))
