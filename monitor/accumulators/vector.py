"""Mean, co-moments and length of the vectors of a field."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from monitor.accumulators.comoments import CoMoments
from monitor.accumulators.frame import Frame
from monitor.accumulators.grouping import valid_groups
from monitor.accumulators.moments import Moments
from monitor.errors import StoreError
from monitor.protocols import State
from monitor.spec import Spec
from monitor.types import Column, FloatArray, Groups

SEGMENTED_DIMENSION = 32
"""Up to this dimension every segment has a co-moment matrix of its own (8 KiB); above it only all rows have one."""
_LARGEST = float(np.finfo(np.float64).max)


class VectorSpec(Spec):
    """Mean, co-moments and Euclidean norms of a field of vectors."""

    kind: Literal["vector"] = "vector"
    field: str
    dimension: int = Field(ge=1)

    def build(self, frame: Frame | None, groups: int) -> Vectors:
        """Return an empty accumulator for `groups` groups."""
        return Vectors(groups, self.dimension)

    def judged_groups(self, groups: int) -> int:
        """Return of how many of `groups` groups, the first ones, there is a co-moment matrix to compare."""
        return groups if self.dimension <= SEGMENTED_DIMENSION else 1


class Vectors:
    """Co-moments, in `comoments`, and the moments of the Euclidean norms and of their squares, per group.

    Co-moments are kept for each segment up to dimension 32, and for all rows only above it; norms for every
    segment. What a norm's square exceeds float64 by is cut off.
    """

    def __init__(self, groups: int, dimension: int) -> None:
        """Start empty, with `groups` groups of vectors of `dimension` numbers."""
        self.comoments = CoMoments(groups if dimension <= SEGMENTED_DIMENSION else 1, dimension)
        self.norms = Moments(groups)
        self.squares = Moments(groups)

    def update(self, column: Column, groups: Groups) -> None:
        """Fold the usable vectors in; an empty column changes nothing."""
        matrix: FloatArray = column.valid
        if not len(matrix):
            return
        inside = valid_groups(column, groups)
        self.comoments.update(matrix, inside)
        fine = np.zeros(len(matrix), np.uint8)
        norms = np.minimum(_norms(matrix), _LARGEST)
        self.norms.update(Column(norms, fine), inside)
        with np.errstate(over="ignore"):
            self.squares.update(Column(np.minimum(norms * norms, _LARGEST), fine), inside)

    def merge(self, other: Vectors) -> None:
        """Fold another accumulator with the same groups and dimension in."""
        self.comoments.merge(other.comoments)
        self.norms.merge(other.norms)
        self.squares.merge(other.squares)

    def state(self) -> State:
        """Return the states of the three."""
        return {"comoments": self.comoments.state(), "norms": self.norms.state(), "squares": self.squares.state()}

    def load(self, state: State) -> None:
        """Continue from `state`; raises StoreError, and changes nothing, when it does not fit."""
        loaded = Vectors(self.norms.n.size, self.comoments.dimension)
        for name in ("comoments", "norms", "squares"):
            part = state.get(name)
            if not isinstance(part, dict):
                raise StoreError(f"stored state has no usable {name!r}; reset the checkpoint or restore that baseline")
            getattr(loaded, name).load(part)
        self.comoments, self.norms, self.squares = loaded.comoments, loaded.norms, loaded.squares


def _norms(matrix: FloatArray) -> FloatArray:
    """Return the Euclidean norm of each row, also where its square exceeds float64."""
    with np.errstate(over="ignore"):
        squares: FloatArray = np.einsum("ij,ij->i", matrix, matrix)
    norms = np.sqrt(squares)
    if not np.isfinite(norms).all():
        large = np.flatnonzero(~np.isfinite(norms))
        scale = np.abs(matrix[large]).max(axis=1)
        with np.errstate(over="ignore"):
            norms[large] = scale * np.sqrt(np.square(matrix[large] / scale[:, None]).sum(axis=1))
    return norms
